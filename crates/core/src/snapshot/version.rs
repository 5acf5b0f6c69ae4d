//! Ray version that recorded a session; some answers depend on it.

use super::Snapshot;
use crate::base::stored_json::parts;
use regex_lite::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RayVersion(pub u32, pub u32);

impl RayVersion {
    /// First version whose counts of nodes leave out those that were filtered at the source.
    pub const FILTERED_NODES: Self = Self(2, 55);
    /// First version that sends every profile event of an attempt.
    pub const PROFILE_EVENTS: Self = Self(2, 55);
    /// First version with worker events.
    pub const WORKER_EVENTS: Self = Self(2, 58);
    /// First version that summarizes tasks by name instead of by function, and that has topology columns for placement
    /// groups.
    pub const NAMED_SUMMARIES: Self = Self(2, 57);

    /// Returns the version that recorded a session; `None` if it is unknown.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        Self::parse(&snapshot.ray_version()?)
    }

    /// Parses a version such as `2.57.1`; only the first two numbers are used.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        Some(Self(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl std::fmt::Display for RayVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Snapshot {
    /// Returns the version of Ray that recorded the session as Ray writes it: by the stored answer of its dashboard,
    /// else by the head's logs. None when neither tells a version that Ray's clients can parse.
    pub fn ray_version(&self) -> Option<Cow<'_, str>> {
        let stored = self.endpoint("api/v0/cluster_metadata");
        let stored = stored.and_then(|stored| parts::at(stored, &["data", "rayVersion"])).and_then(parts::string);
        let logged = Cow::from(self.facts.monitor.ray_version());
        stored.into_iter().chain([logged]).find(|version| is_version(version))
    }
}

/// Returns `true` for `2.60.0`, `3.0.0.dev0`, `2.9.0rc1+local`: PEP 440, as far as Ray's releases use it. Other texts end
/// Ray's clients with a traceback.
fn is_version(text: &str) -> bool {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(VERSION).ok());
    const VERSION: &str = r"^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*)?$";
    text.len() < 100 && FORM.as_ref().is_some_and(|form| form.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_stored_answer_and_skips_odd_versions() {
        let of = |stored: &str, logged: &str| {
            let mut snapshot = Snapshot::default();
            let log = format!("2026-11-22 23:11:34,846\tINFO monitor.py:731 -- Ray version: {logged}\n");
            snapshot.facts.read("n", "monitor.log", log.as_bytes());
            let stored = format!(r#"{{"data": {{"rayVersion": {stored}}}}}"#);
            snapshot.endpoints.insert("api/v0/cluster_metadata".into(), stored.into());
            snapshot.ray_version().map(Cow::into_owned)
        };
        assert_eq!(of(r#""2.57.1""#, "2.54.1").as_deref(), Some("2.57.1"));
        assert_eq!(of(r#""nightly""#, "2.54.1").as_deref(), Some("2.54.1"));
        assert_eq!(of("null", "2.54.1").as_deref(), Some("2.54.1"));
        assert_eq!(of("null", "nightly"), None);
    }

    #[test]
    fn parses_and_compares_versions_by_number() {
        let version = |text| RayVersion::parse(text);
        assert!(version("2.53.0") < version("2.54.1") && version("2.9.3") < version("2.54"));
        assert!(version("2.57.9") < Some(RayVersion::WORKER_EVENTS) && version("3.0.0.dev0") > version("2.60.0"));
        assert_eq!((version("nightly"), version(""), version("2")), (None, None, None));
    }
}
