//! Driver jobs from `DRIVER_JOB_DEFINITION_EVENT` and `DRIVER_JOB_LIFECYCLE_EVENT`, one row per job.
//!
//! Submissions, which have their own status and error, are in `submission`.

use super::intern::{Id, Str};
use crate::base::id::JobId;
use crate::base::time::Nanos;

/// One driver job as of the last event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverJob {
    /// The job.
    pub id: JobId,
    /// `true` if a definition was seen; Ray's internal drivers have none.
    pub defined: bool,
    /// The driver's process id.
    pub driver_pid: i64,
    /// The driver's node.
    pub driver_node: Id,
    /// The driver's command line.
    pub entrypoint: Str,
    /// Its runtime environment, as Ray serialized it.
    pub runtime_env: Str,
    /// `config.metadata`, sorted by key; `job_submission_id` links it to its submission.
    pub metadata: Vec<(Str, Str)>,
    /// Creation time; zero if no such transition was seen.
    pub created: Nanos,
    /// Time at which it finished; zero while running.
    pub finished: Nanos,
}

/// One submission job from `SUBMISSION_JOB_*` events. Ray 2.60 defines these events but never sends them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubmissionEvents {
    /// The submission.
    pub submission_id: Str,
    /// Its command line.
    pub entrypoint: Str,
    /// Its runtime environment, as Ray serialized it.
    pub runtime_env: Str,
    /// `config.metadata`, sorted by key.
    pub metadata: Vec<(Str, Str)>,
    /// Last state by time: `PENDING`, `RUNNING`, `STOPPED`, `SUCCEEDED` or `FAILED`.
    pub status: Str,
    /// The message of that state.
    pub message: Str,
    /// The error type of that state.
    pub error_type: Str,
    /// The driver's node, hex.
    pub driver_node: Str,
    /// Address of the agent on the driver's node.
    pub driver_agent_http_address: Str,
    /// The driver's exit code, once it has one.
    pub driver_exit_code: Option<i32>,
    /// Time of its first state.
    pub start: Nanos,
    /// Time at which it became STOPPED, SUCCEEDED or FAILED; zero before.
    pub end: Nanos,
}
