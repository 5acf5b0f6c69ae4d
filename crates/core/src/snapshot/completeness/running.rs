//! Number of rows without an end at the time of a session's last event.

use crate::base::actor::ActorState;
use crate::base::task::TaskType;
use crate::snapshot::Snapshot;
use crate::snapshot::submission::JobType;
use crate::snapshot::worker::Life;
use serde::{Deserialize, Serialize};

/// Number of rows of each kind that ran, or were reported as running, at the end. If the session is over, its end cut
/// them off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Running {
    /// Submissions without a final status.
    pub submissions: u64,
    /// Drivers without a submission that had not finished.
    pub drivers: u64,
    /// Task attempts that were neither finished nor failed, without driver tasks.
    pub attempts: u64,
    /// Actors that were not dead.
    pub actors: u64,
    /// Workers that had not ended.
    pub workers: u64,
    /// Nodes that were alive.
    pub nodes: u64,
}

impl Running {
    /// Counts the rows of a built snapshot that have no end.
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

    /// Returns the number of submissions and drivers that had no end.
    pub fn jobs(&self) -> u64 {
        self.submissions + self.drivers
    }
}
