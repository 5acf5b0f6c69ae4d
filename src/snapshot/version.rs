//! Ray version that recorded a session; some answers depend on it.

use super::Snapshot;
use crate::base::stored_json::parts;

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RayVersion(pub u32, pub u32);

impl RayVersion {
    /// First version with worker events.
    pub const WORKER_EVENTS: Self = Self(2, 58);
    /// First version that summarizes tasks by name instead of by function, and that has topology columns for placement
    /// groups.
    pub const NAMED_SUMMARIES: Self = Self(2, 57);

    /// Returns the version that recorded a session: from the stored answer of its dashboard, else from the head's logs;
    /// `None` if neither has it.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let stored = snapshot.endpoint("api/v0/cluster_metadata");
        let polled = stored.and_then(|stored| parts::at(stored, &["data", "rayVersion"])).and_then(parts::string);
        Self::parse(polled.as_deref().unwrap_or(snapshot.facts.monitor.ray_version()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_compares_versions_by_number() {
        let version = |text| RayVersion::parse(text);
        assert!(version("2.53.0") < version("2.54.1") && version("2.9.3") < version("2.54"));
        assert!(version("2.57.9") < Some(RayVersion::WORKER_EVENTS) && version("3.0.0.dev0") > version("2.60.0"));
        assert_eq!((version("nightly"), version(""), version("2")), (None, None, None));
    }
}
