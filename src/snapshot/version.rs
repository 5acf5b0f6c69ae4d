//! Which Ray recorded a session: where versions differ, answers do.

use super::Snapshot;
use crate::base::stored_json::parts;

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RayVersion(pub u32, pub u32);

impl RayVersion {
    /// Worker events exist from this version on.
    pub const WORKER_EVENTS: Self = Self(2, 58);
    /// Tasks are summarized by their names from this version on, and by their functions before; placement groups have
    /// columns for their topology.
    pub const NAMED_SUMMARIES: Self = Self(2, 57);

    /// The version that recorded a session, by the stored answer of its dashboard, else by the head's logs; none when
    /// nothing tells.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let stored = snapshot.endpoint("api/v0/cluster_metadata");
        let polled = stored.and_then(|stored| parts::at(stored, &["data", "rayVersion"])).and_then(parts::string);
        Self::parse(polled.as_deref().unwrap_or(snapshot.facts.monitor.ray_version()))
    }

    /// Reads `2.57.1`, of which the first two numbers count.
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
    fn versions_compare_by_numbers_and_odd_ones_are_none() {
        let version = |text| RayVersion::parse(text);
        assert!(version("2.53.0") < version("2.54.1") && version("2.9.3") < version("2.54"));
        assert!(version("2.57.9") < Some(RayVersion::WORKER_EVENTS) && version("3.0.0.dev0") > version("2.60.0"));
        assert_eq!((version("nightly"), version(""), version("2")), (None, None, None));
    }
}
