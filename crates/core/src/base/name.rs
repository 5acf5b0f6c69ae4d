//! Names of clusters, owners and sessions, parsed once and never passed on as raw strings.

use crate::base::time::days_from_civil;
use std::fmt;

/// The name of a cluster in the bucket. Under KubeRay v1.6 the namespace is an arbitrary id, and the name may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId {
    /// Namespace, or the id that v1.6 wrote in its place.
    pub namespace: String,
    /// Name of the `RayCluster`.
    pub name: String,
}

/// The kind of object that created a cluster.
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

    /// Returns its folder in the bucket, which is also its word in URLs and parameters.
    pub fn folder(self) -> &'static str {
        match self {
            Self::RayJob => "rayjob",
            Self::RayService => "rayservice",
        }
    }

    /// Returns the kind as Kubernetes spells it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::RayJob => "RayJob",
            Self::RayService => "RayService",
        }
    }

    /// Returns the plural that Kubernetes and the paths of this server use.
    pub fn plural(self) -> &'static str {
        match self {
            Self::RayJob => "rayjobs",
            Self::RayService => "rayservices",
        }
    }

    /// Returns the kind of a folder in the bucket.
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

/// The name of a session, one life of a head: `session_YYYY-MM-DD_HH-MM-SS_micros[_pid]`. The time is in the head's own
/// zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

impl SessionName {
    /// Parses a session name; `None` for any other text, including `session_latest` and paths.
    pub fn parse(name: &str) -> Option<Self> {
        Self::is_valid(name).then(|| Self(name.to_owned()))
    }

    /// Changes to another name, reusing the allocated memory. Returns `false`, and stays unchanged, if `name` is no
    /// session name.
    pub fn set(&mut self, name: &str) -> bool {
        let valid = Self::is_valid(name);
        if valid {
            name.clone_into(&mut self.0);
        }
        valid
    }

    fn is_valid(name: &str) -> bool {
        Self::tail(name).is_some_and(|pid| {
            pid.is_empty()
                || (pid[0] == b'_'
                    && pid.len() > 1
                    && pid.iter().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(c)))
        })
    }

    /// Returns the text after the time; `None` if the time does not have the right shape.
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

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its time in Unix microseconds, as if the head's zone were UTC; `None` for a date that does not exist.
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

/// The key of a session: its cluster and its name.
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
    fn parses_only_session_names() {
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
        fn parsing_never_panics(name in ".*", tail in ".{0,30}") {
            for name in [name, format!("session_2026-99-99_99-99-99_000000{tail}")] {
                if let Some(name) = SessionName::parse(&name) {
                    let _ = name.local_micros();
                }
            }
        }
    }
}
