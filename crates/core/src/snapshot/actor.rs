//! Actors from `ACTOR_DEFINITION_EVENT` and `ACTOR_LIFECYCLE_EVENT`, one row per actor.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId};
use crate::base::time::Nanos;

/// One process in which an actor ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incarnation {
    /// Time at which the actor became ALIVE in this process.
    pub since: Nanos,
    /// The node.
    pub node: Id,
    /// The worker.
    pub worker: Id,
    /// The worker's process id; before Ray 2.55 taken from the name of its log (`worker_pids`), or zero.
    pub pid: u32,
    /// The worker's port; zero before Ray 2.55.
    pub port: i32,
}

/// One actor as of the last event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actor {
    /// The actor.
    pub id: ActorId,
    /// `true` if a definition was seen.
    pub defined: bool,
    /// Its job, taken from its id if no definition was seen.
    pub job: JobId,
    /// Its name; empty if it has none.
    pub name: Str,
    /// Its Ray namespace.
    pub ray_namespace: Str,
    /// Its class.
    pub class_name: Str,
    /// Its runtime environment, as Ray serialized it.
    pub runtime_env: Str,
    /// Required resources as a JSON object with sorted keys, names as Ray formats them for placement groups.
    pub resources: Str,
    /// Its placement group; no id if nil.
    pub placement_group: Id,
    /// `true` if it outlives its creator.
    pub is_detached: bool,
    /// Label selector as a JSON object with sorted keys.
    pub label_selector: Str,
    /// Fallback strategy as Ray's `{"options": [...]}`; empty if not sent.
    pub fallback_strategy: Str,
    /// Place in the user's code that created it; empty if not sent.
    pub call_site: Str,
    /// Last result of the actor's `repr()`.
    pub repr_name: Str,
    /// Last state by time.
    pub state: ActorState,
    /// The time of that state.
    pub timestamp: Nanos,
    /// Time of its first ALIVE state; zero before.
    pub start: Nanos,
    /// Time at which it became DEAD; zero before.
    pub end: Nanos,
    /// The time of its first transition.
    pub first_seen: Nanos,
    /// Every process in which it ran, oldest first; the last one stays after the actor's death.
    pub incarnations: Vec<Incarnation>,
    /// Number of restarts, counted by RESTARTING transitions.
    pub restarts: u32,
    /// Restarts with reason `LINEAGE_RECONSTRUCTION`.
    pub restarts_lineage: u32,
    /// Restarts with reason `NODE_PREEMPTION`.
    pub restarts_preemption: u32,
    /// `deathCause` of the last DEAD transition as the event's own JSON; empty if none.
    pub death_cause: Text,
}
