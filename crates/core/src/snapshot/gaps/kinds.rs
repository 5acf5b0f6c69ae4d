//! Gaps of event kinds that were not exported, and of entities that lack events.

mod actors;
mod nodes;
mod phases;
mod seen;
mod table;
mod tasks;
mod workers;

use super::Evidence;
use super::advice::export;
use crate::event::EventKind;
use crate::snapshot::Snapshot;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::version::RayVersion;
use seen::Seen;

pub(super) fn find(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let known = &snapshot.completeness;
    if known.has_no_valid_record() {
        return Vec::new(); // Nothing usable is stored: that is one gap (`damage`), not one for each kind.
    }
    let checks = Checks { snapshot, evidence, seen: Seen::of(snapshot), version: RayVersion::of(snapshot) };
    let mut found = checks.tasks();
    found.extend(checks.phases());
    found.extend(checks.jobs());
    found.extend(checks.actors());
    found.extend(checks.nodes());
    found.extend(checks.workers());
    found.extend(checks.placement_groups());
    found.extend(checks.silent_nodes());
    found.extend(checks.head_restarts());
    found
}

/// Input of all checks. Each kind of entity has a file in this folder.
struct Checks<'a> {
    snapshot: &'a Snapshot,
    evidence: &'a Evidence,
    seen: Seen,
    version: Option<RayVersion>,
}

impl Checks<'_> {
    fn none_of(&self, kinds: &[EventKind]) -> bool {
        self.snapshot.completeness.events.has_none_of(kinds)
    }

    /// Creates a gap of event types that were not stored, with advice on how to export them.
    fn unexported(&self, code: Code, weight: Weight, kinds: &[EventKind], message: String) -> Gap {
        let missing: Vec<EventKind> = kinds.iter().copied().filter(|kind| self.none_of(&[*kind])).collect();
        let mut gap = Gap::new(code, weight, message).advice(export(&missing, self.version));
        gap.event_types = missing.iter().map(|kind| kind.name()).collect();
        gap
    }

    /// Checks placement groups, which Ray does not export and collectors poll from the dashboard.
    fn placement_groups(&self) -> Option<Gap> {
        let polled = self.snapshot.endpoints.keys().any(|url| url.starts_with("api/v0/placement_groups"));
        let named = self.seen.placement_groups.len() as u64;
        if named == 0 || polled || !self.snapshot.placement_groups.is_empty() {
            return None;
        }
        let message = format!(
            "No placement group was stored: tasks and actors refer to {}, and the table is empty",
            count(named, "placement group")
        );
        Some(Gap::new(Code::PlacementGroups, Weight::Kind, message).missing(named).of(named).advice(
            "Ray does not export them: let the collector poll /api/v0/placement_groups?detail=1&limit=10000, as \
             KubeRay's does since v1.7.",
        ))
    }
}
