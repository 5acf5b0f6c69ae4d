//! Actors, placement groups and nodes that a session's task attempts refer to, and counts of attempts.

use crate::base::task::{TaskState, TaskType};
use crate::snapshot::Snapshot;
use crate::snapshot::intern::Id;
use crate::snapshot::task::Attempt;
use std::collections::{BTreeMap, BTreeSet};

/// Ids referred to by all attempts except driver tasks, and their counts.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) attempts: u64,
    /// Attempts that ran.
    pub(super) ran: u64,
    /// Attempts of normal tasks and of actor creations.
    pub(super) normal_or_creation: u64,
    /// Attempts of actor tasks.
    pub(super) actor_tasks: u64,
    pub(super) actors: BTreeSet<Id>,
    pub(super) placement_groups: BTreeSet<Id>,
    /// By node: attempts that finished there, and attempts that the node's own processes reported as running.
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
                seen.normal_or_creation += 1;
            } else {
                seen.actor_tasks += 1;
            }
            if !attempt.actor_id().is_none() {
                seen.actors.insert(attempt.actor_id());
            }
            if !attempt.placement_group_id().is_none() {
                seen.placement_groups.insert(attempt.placement_group_id());
            }
            if !attempt.node_id().is_none() {
                let (finished, reported_running) = seen.nodes.entry(attempt.node_id()).or_default();
                *finished += u64::from(attempt.time_of(TaskState::Finished).is_some());
                *reported_running += u64::from(ran);
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
