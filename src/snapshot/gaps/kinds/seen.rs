//! Ids and counts that a session's task attempts name: actors, placement groups, nodes.

use crate::base::task::{TaskState, TaskType};
use crate::snapshot::Snapshot;
use crate::snapshot::intern::Id;
use crate::snapshot::task::Attempt;
use std::collections::{BTreeMap, BTreeSet};

/// Ids and counts of all attempts; drivers' own tasks are left out.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) attempts: u64,
    /// Attempts that ran.
    pub(super) ran: u64,
    /// Attempts of normal tasks and creations of actors.
    pub(super) plain: u64,
    /// Attempts of actors' tasks.
    pub(super) of_actors: u64,
    pub(super) actors: BTreeSet<Id>,
    pub(super) placement_groups: BTreeSet<Id>,
    /// Per node: attempts that ended well there, and attempts of which its own process told that they ran.
    pub(super) nodes: BTreeMap<Id, (u64, u64)>,
}

impl Seen {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut seen = Self::default();
        for attempt in snapshot.tasks.iter().filter(|attempt| !is_driver(attempt)) {
            let id = attempt.task_id();
            let ran = attempt.time_of(TaskState::Running).is_some();
            seen.attempts += 1;
            seen.ran += u64::from(ran);
            let creation = id.0[..8] == [0xff; 8];
            if creation || id.actor_id().0[..12] == [0xff; 12] {
                seen.plain += 1;
            } else {
                seen.of_actors += 1;
            }
            if !attempt.actor_id().is_none() {
                seen.actors.insert(attempt.actor_id());
            }
            if !attempt.placement_group_id().is_none() {
                seen.placement_groups.insert(attempt.placement_group_id());
            }
            if !attempt.node_id().is_none() {
                let (ended, told) = seen.nodes.entry(attempt.node_id()).or_default();
                *ended += u64::from(attempt.time_of(TaskState::Finished).is_some());
                *told += u64::from(ran);
            }
        }
        seen.placement_groups
            .extend(snapshot.actors.iter().map(|actor| actor.placement_group).filter(|id| !id.is_none()));
        seen
    }
}

fn is_driver(attempt: &Attempt<'_>) -> bool {
    attempt.shape().task_type == TaskType::DriverTask || attempt.task_id().is_driver()
}
