//! Names: clusters, owners and sessions, parsed once and never passed on as raw strings.

use crate::base::time::days_from_civil;
use std::fmt;

/// A cluster as it is named in the bucket. Under KubeRay v1.6 the namespace is a free id, and a name may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId {
    /// Namespace, or what v1.6 wrote in its place.
    pub namespace: String,
    /// Name of the `RayCluster`.
    pub name: String,
}

/// What created a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A `RayJob`.
    RayJob,
    /// A `RayService`.
    RayService,
}

impl OwnerKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::RayJob, Self::RayService];

    /// Its folder in the bucket, and its word in URLs and parameters.
    pub fn folder(self) -> &'static str {
        match self {
            Self::RayJob => "rayjob",
            Self::RayService => "rayservice",
        }
    }

    /// The kind, as Kubernetes writes it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::RayJob => "RayJob",
            Self::RayService => "RayService",
        }
    }

    /// Its plural, as Kubernetes and paths of this server have it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::RayJob => "rayjobs",
            Self::RayService => "rayservices",
        }
    }

    /// The kind of a folder in the bucket.
    pub fn from_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.folder() == folder)
    }

    /// The kind of a plural.
    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == plural)
    }
}

/// The object that created a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name, in the cluster's namespace.
    pub name: String,
}

/// `session_YYYY-MM-DD_HH-MM-SS_micros[_pid]`: one life of a head. Its time is in the head's own zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

impl SessionName {
    /// Reads a name; none for anything else, `session_latest` and paths included.
    pub fn parse(name: &str) -> Option<Self> {
        Self::is_one(name).then(|| Self(name.to_owned()))
    }

    /// Becomes another name, without memory of its own where it fits; false, and unchanged, for anything else.
    pub fn become_name(&mut self, name: &str) -> bool {
        let is_one = Self::is_one(name);
        if is_one {
            name.clone_into(&mut self.0);
        }
        is_one
    }

    fn is_one(name: &str) -> bool {
        Self::tail(name).is_some_and(|pid| {
            pid.is_empty()
                || (pid[0] == b'_'
                    && pid.len() > 1
                    && pid.iter().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(c)))
        })
    }

    /// What follows the time.
    fn tail(name: &str) -> Option<&[u8]> {
        let rest = name.strip_prefix("session_")?;
        let shape = b"dddd-dd-dd_dd-dd-dd_dddddd";
        let (time, pid) = (rest.as_bytes().get(..shape.len())?, rest.as_bytes().get(shape.len()..)?);
        let matches = time.iter().zip(shape).all(|(c, shape)| match shape {
            b'd' => c.is_ascii_digit(),
            other => c == other,
        });
        matches.then_some(pid)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its time in Unix microseconds, read as if the head's zone were UTC; none for a date that does not exist.
    pub fn local_micros(&self) -> Option<i64> {
        let number = |from: usize, to: usize| self.0.get(from..to)?.parse::<i64>().ok();
        let days = days_from_civil(number(8, 12)?, number(13, 15)?, number(16, 18)?)?;
        let seconds = days * 86_400 + number(19, 21)? * 3_600 + number(22, 24)? * 60 + number(25, 27)?;
        Some(seconds * 1_000_000 + number(28, 34)?)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What everything is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its session.
    pub session: SessionName,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster.namespace, self.cluster.name, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_session_names_are_session_names() {
        for good in ["session_2026-11-22_23-11-33_821800_9153", "session_2026-11-22_23-11-33_821800"] {
            assert!(SessionName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "session_latest",
            "",
            "session_2026-11-22_23-11-33",
            "session_2026-11-22_23-11-33_821800_",
            "session_2026-11-22_23-11-33_821800_1/..",
            "session_2026-11-22T23-11-33_821800_1",
            "xsession_2026-11-22_23-11-33_821800_1",
        ] {
            assert!(SessionName::parse(bad).is_none(), "{bad}");
        }
        let name = SessionName::parse("session_2026-11-22_23-11-33_821800_9153").unwrap();
        assert_eq!(name.local_micros(), Some(1_795_389_093_821_800));
    }

    #[test]
    fn each_kind_of_owner_is_found_by_its_words() {
        for kind in OwnerKind::ALL {
            assert_eq!(OwnerKind::from_folder(kind.folder()), Some(kind));
            assert_eq!(OwnerKind::from_plural(kind.plural()), Some(kind));
            assert_eq!(kind.kind().to_lowercase(), kind.folder());
            assert_eq!(kind.plural(), format!("{}s", kind.folder()));
        }
        assert_eq!((OwnerKind::from_folder("raycluster"), OwnerKind::from_plural("rayclusters")), (None, None));
    }

    proptest! {
        #[test]
        fn no_name_makes_parsing_panic(name in ".*", tail in ".{0,30}") {
            for name in [name, format!("session_2026-99-99_99-99-99_000000{tail}")] {
                if let Some(name) = SessionName::parse(&name) {
                    let _ = name.local_micros();
                }
            }
        }
    }
}
