//! Rows without an end when the last event of a session was made.

use crate::base::actor::ActorState;
use crate::base::task::TaskType;
use crate::snapshot::Snapshot;
use crate::snapshot::submission::JobType;
use crate::snapshot::worker::Life;
use serde::Serialize;

/// Counts of what ran, or was said to run, at the end. Of a session that is over, that is what its end cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Submissions that were neither stopped nor over.
    pub submissions: u64,
    /// Drivers of their own that had not finished.
    pub drivers: u64,
    /// Task attempts that were neither finished nor failed; drivers' own tasks are not counted.
    pub attempts: u64,
    /// Actors that were not dead.
    pub actors: u64,
    /// Workers that had not ended.
    pub workers: u64,
    /// Nodes that were alive.
    pub nodes: u64,
}

impl Running {
    /// Counts what a built snapshot has without an end.
    pub(in crate::snapshot) fn of(snapshot: &Snapshot) -> Self {
        let jobs =
            |kind| snapshot.jobs.iter().filter(|job| job.job_type == kind && !job.status.is_terminal()).count() as u64;
        let attempts = snapshot.tasks.iter().filter(|attempt| {
            attempt.is_defined() && !attempt.state().is_terminal() && attempt.shape().task_type != TaskType::DriverTask
        });
        let actors = snapshot.actors.iter().filter(|actor| actor.state != ActorState::Dead);
        let workers = snapshot.workers.iter().filter(|worker| worker.life == Life::Alive);
        Self {
            submissions: jobs(JobType::Submission),
            drivers: jobs(JobType::Driver),
            attempts: attempts.count() as u64,
            actors: actors.count() as u64,
            workers: workers.count() as u64,
            nodes: snapshot.nodes.iter().filter(|node| node.alive).count() as u64,
        }
    }

    /// Jobs of people that had no end.
    pub fn jobs(&self) -> u64 {
        self.submissions + self.drivers
    }
}
