//! Placement groups from `PLACEMENT_GROUP_*` events. Ray 2.60 defines these events but never sends them.

use super::intern::{Id, Str};
use crate::base::id::{JobId, PlacementGroupId};
use crate::base::time::Nanos;

/// One bundle of a placement group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// Its index in the group.
    pub index: i32,
    /// Its resources as a JSON object with sorted keys.
    pub unit_resources: Str,
    /// Its label selector as a JSON object with sorted keys.
    pub label_selector: Str,
    /// Node on which the last transition with placements put it.
    pub node: Id,
}

/// One placement group as of the last event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlacementGroup {
    /// The group.
    pub id: PlacementGroupId,
    /// Its name.
    pub name: Str,
    /// Its Ray namespace.
    pub ray_namespace: Str,
    /// `PACK`, `SPREAD`, `STRICT_PACK` or `STRICT_SPREAD`.
    pub strategy: Str,
    /// `true` if it outlives its creator.
    pub is_detached: bool,
    /// The job that created it.
    pub creator_job: JobId,
    /// Its bundles, by index.
    pub bundles: Vec<Bundle>,
    /// Time at which its creation was requested.
    pub creation_requested: Nanos,
    /// Last state by time: `PENDING`, `PREPARED`, `CREATED`, `REMOVED` or `RESCHEDULING`.
    pub state: Str,
    /// Time at which it first became CREATED; zero before.
    pub created: Nanos,
    /// Scheduling state of the last transition.
    pub scheduling_state: Str,
    /// Greatest number of scheduling attempts seen.
    pub scheduling_attempt: u32,
    /// Highest retry delay in milliseconds.
    pub highest_retry_delay_ms: f64,
}
