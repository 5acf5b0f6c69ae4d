//! Submission jobs: one row per submission, from every source that tells of one.
//!
//! Ray 2.60 sends no events of submissions, so their status is pieced together. What a better source says wins:
//!
//! 1. `SUBMISSION_JOB_*` events (defined by Ray, not sent yet);
//! 2. the last line of `event_EXPORT_SUBMISSION_JOB.log`;
//! 3. a stored `/api/jobs/` answer, as far as it was final;
//! 4. `event_JOBS.log` (status, error), `supervisor-*.log` (exit code, end, node), `dashboard_agent.log` (start, agent),
//!    `job-driver-*.log` (command, last lines), driver jobs (metadata, runtime environment), the supervisor's actor.

mod evidence;

use super::Snapshot;
use super::id::JobId;
use serde_json::{Map, Value};

/// One submission as of the end of the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submission {
    /// Its id.
    pub submission_id: String,
    /// The last driver job that belongs to it, if its command ever connected to the cluster.
    pub driver: Option<JobId>,
    /// `PENDING`, `RUNNING`, `STOPPED`, `SUCCEEDED` or `FAILED`.
    pub status: String,
    /// The command.
    pub entrypoint: String,
    /// Ray's message for the status.
    pub message: String,
    /// Such as `JOB_ENTRYPOINT_COMMAND_ERROR`.
    pub error_type: Option<String>,
    /// Unix milliseconds.
    pub start_ms: Option<i64>,
    /// Unix milliseconds; none while it has no end.
    pub end_ms: Option<i64>,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// Its runtime environment.
    pub runtime_env: Map<String, Value>,
    /// The agent of the driver's node.
    pub driver_agent_http_address: Option<String>,
    /// The driver's node, hex.
    pub driver_node_id: Option<String>,
    /// The driver's exit code.
    pub driver_exit_code: Option<i64>,
}

/// Metadata that ties a driver job to its submission.
pub const SUBMISSION_ID: &str = "job_submission_id";

/// All submissions that any source tells of, by id.
pub fn build(snapshot: &Snapshot) -> Vec<Submission> {
    evidence::ids(snapshot).into_iter().map(|id| evidence::weigh(snapshot, id)).collect()
}

/// The submission that a driver job belongs to; empty for a driver that was started by hand.
pub fn of_driver<'a>(snapshot: &'a Snapshot, job: &super::job::DriverJob) -> &'a str {
    let found = job.metadata.iter().find(|(key, _)| snapshot.str(*key) == SUBMISSION_ID);
    found.map_or("", |(_, value)| snapshot.str(*value))
}

#[cfg(test)]
mod tests;
