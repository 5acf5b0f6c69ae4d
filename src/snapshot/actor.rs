//! Actors: what `ACTOR_DEFINITION_EVENT` and `ACTOR_LIFECYCLE_EVENT` say, one row per actor.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId};
use crate::base::time::Nanos;

/// A process the actor lived in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incarnation {
    /// When it became ALIVE there.
    pub since: Nanos,
    /// The node.
    pub node: Id,
    /// The worker.
    pub worker: Id,
    /// The worker's process id; before Ray 2.55 that of its log (`worker_pids`), or zero.
    pub pid: u32,
    /// The worker's port; zero before Ray 2.55.
    pub port: i32,
}

/// One actor as of the last event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actor {
    /// The actor.
    pub id: ActorId,
    /// Whether a definition was seen.
    pub defined: bool,
    /// Its job (from its id when no definition was seen).
    pub job: JobId,
    /// Its name; empty when it has none.
    pub name: Str,
    /// Its Ray namespace.
    pub ray_namespace: Str,
    /// Its class.
    pub class_name: Str,
    /// Its runtime environment, as Ray serialized it.
    pub runtime_env: Str,
    /// Required resources as a JSON object with sorted keys, names as Ray formats them for placement groups.
    pub resources: Str,
    /// Its placement group; none when nil.
    pub placement_group: Id,
    /// Whether it outlives its creator.
    pub is_detached: bool,
    /// Label selector as a JSON object with sorted keys.
    pub label_selector: Str,
    /// Fallback strategy as Ray's `{"options": [...]}`; empty when not sent.
    pub fallback_strategy: Str,
    /// Where it was created in the user's code; empty when not sent.
    pub call_site: Str,
    /// What `repr()` said last.
    pub repr_name: Str,
    /// The last state by time.
    pub state: ActorState,
    /// The time of that state.
    pub timestamp: Nanos,
    /// When it was first ALIVE; zero before.
    pub start: Nanos,
    /// When it became DEAD; zero before.
    pub end: Nanos,
    /// The time of its first transition.
    pub first_seen: Nanos,
    /// Every process it lived in, oldest first; the last one stays known after its death.
    pub incarnations: Vec<Incarnation>,
    /// How often it was restarted: RESTARTING transitions.
    pub restarts: u32,
    /// Those of them with reason `LINEAGE_RECONSTRUCTION`.
    pub restarts_lineage: u32,
    /// Those of them with reason `NODE_PREEMPTION`.
    pub restarts_preemption: u32,
    /// `deathCause` of the last DEAD transition, the event's own JSON; empty when none.
    pub death_cause: Text,
}
