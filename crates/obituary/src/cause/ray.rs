//! Facts of Ray about one run, which a session's tables or an earlier load know. They are optional: without them causes
//! are found in Kubernetes' facts alone.

mod sessions;
mod tables;

use crate::time::Time;
use std::collections::BTreeSet;

/// Facts of Ray about one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RayFacts {
    /// Ends of Ray's jobs.
    pub jobs: Vec<JobEnd>,
    /// Nodes that Ray lost.
    pub dead_nodes: Vec<DeadNode>,
    /// Workers that ended unexpectedly.
    pub worker_exits: Vec<WorkerExit>,
    /// Failed attempts of tasks by error type.
    pub task_errors: Vec<TaskErrors>,
    /// Names of the pods on which work failed; the host name of a node is the name of its pod.
    pub failed_on: BTreeSet<String>,
}

impl RayFacts {
    /// Returns the end of the last job; `None` while one goes on, and without any. A driver that ended is over, also where it
    /// is not known what came of it.
    pub fn end_of_jobs(&self) -> Option<Time> {
        let is_over = self.jobs.iter().all(|job| job.at.is_some());
        self.jobs.iter().filter_map(|job| job.at).max().filter(|_| is_over)
    }

    /// Returns `true` if Ray lost a worker process that nobody had asked to end.
    pub fn lost_a_worker(&self) -> bool {
        !self.worker_exits.is_empty() || self.task_errors.iter().any(|errors| errors.error == "WORKER_DIED")
    }
}

/// A final state of a job of Ray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// It had no end, or one of which it is not known what came of it.
    Open,
}

/// The end of a job of Ray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// The submission's id, or the job's.
    pub id: String,
    /// The state.
    pub state: JobState,
    /// The end.
    pub at: Option<Time>,
    /// The message.
    pub message: String,
}

/// A node that Ray lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadNode {
    /// The host name: the name of the pod.
    pub pod: String,
    /// The time.
    pub at: Option<Time>,
    /// Ray's reason, such as `AUTOSCALER_DRAIN_IDLE`.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// A worker process that ended unexpectedly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerExit {
    /// The host name: the name of the pod.
    pub pod: String,
    /// The time.
    pub at: Option<Time>,
    /// Ray's type, such as `NODE_OUT_OF_MEMORY` or `SYSTEM_ERROR`.
    pub exit_type: String,
}

/// Failed attempts of tasks with one type of error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskErrors {
    /// The type, such as `OUT_OF_MEMORY`.
    pub error: String,
    /// The number.
    pub count: u64,
    /// The host name of most of them: the name of the pod.
    pub pod: String,
    /// The first time.
    pub at: Option<Time>,
}
