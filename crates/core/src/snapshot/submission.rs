//! Jobs as the dashboard lists them: submissions merged from all stored sources, and drivers without a submission.
//!
//! Ray keeps a submission in its key-value store (`JobInfo` of `dashboard/modules/job/common.py`) and never exports it
//! by event, so its fields are collected from wherever Ray happens to write them. `sources` reads each source into a
//! `PartialJob`, and `merge` takes each field from the first source that has it. In this order, with the result of a
//! comparison with recorded sessions:
//!
//! 1. `EXPORT_SUBMISSION_JOB`: every field, at each change. All fields equal.
//! 2. Stored answer of `/api/jobs/`: every field, as of the last poll. It is the live answer.
//! 3. `SUBMISSION_JOB_*` events: every field. Defined in Ray 2.60, never sent.
//! 4. `event_JOBS.log`: status; message and error type of a failed supervisor; times in seconds. Status equal.
//! 5. `supervisor-*.log`: exit code, status, node; end 1 to 2 ms early. Equal.
//! 6. `job-driver-*.log`: entrypoint; the ten lines that a failed job's message quotes. Equal, including escapes.
//! 7. `dashboard_agent.log`: start (same millisecond or 1 ms off), agent address, two failures. Equal.
//! 8. Actor `_ray_internal_job_actor_X`: runtime environment (plus three variables that Ray adds), node. It ends 9 to
//!    21 ms after the submission. Equal.
//! 9. Driver job with `job_submission_id`: driver, metadata (plus two keys that Ray adds), command, environment, node.
//!    Equal, except that the command's quoting differs from the entrypoint's.
//!
//! A final status wins over RUNNING, and RUNNING over PENDING, because Ray never goes back. Fields that belong to the
//! status (message, error type, end, exit code) are taken only from sources with this status.
//! If only a finished driver of a submission is known, the submission is SUCCEEDED without a message or an exit code,
//! as Ray does for drivers.

mod endpoint;
mod index;
mod merge;
mod partial;
mod sources;
mod start;

use super::Snapshot;
use crate::base::id::JobId;
use crate::base::time::millis;
pub use endpoint::weight_of_stored;
use index::Index;
use partial::PartialJob;
use serde::{Deserialize, Serialize};

/// Origin of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobType {
    /// Submitted through Ray's job API.
    Submission,
    /// Connected by `ray.init` alone.
    Driver,
}

/// Ray's `JobStatus`, in the order in which a job moves through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// Waiting for its supervisor.
    Pending,
    /// Its driver was started.
    Running,
    /// The user stopped it.
    Stopped,
    /// Its driver ended successfully.
    Succeeded,
    /// Its driver or its supervisor failed.
    Failed,
}

impl JobStatus {
    /// Returns Ray's name of the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    /// Returns the status with Ray's name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Stopped, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|s| s.name() == name)
    }

    /// Returns `true` if the status never changes again.
    pub fn is_terminal(self) -> bool {
        self >= Self::Stopped
    }
}

/// The process that ran a job (`DriverInfo`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Driver {
    /// Its job id.
    pub id: JobId,
    /// Its node's address.
    pub node_ip_address: Box<str>,
    /// Its process id, as Ray prints it.
    pub pid: Box<str>,
}

/// One row of `/api/jobs/` (`JobDetails` of Ray's `pydantic_models.py`). `None` becomes JSON null.
#[derive(Clone, Debug, PartialEq)]
pub struct UnifiedJob {
    /// Kind of job.
    pub job_type: JobType,
    /// Its submission id; `None` for a driver without a submission.
    pub submission_id: Option<Box<str>>,
    /// Its drivers by job id; Ray shows the last one.
    pub drivers: Vec<Driver>,
    /// Its last known status.
    pub status: JobStatus,
    /// Its command.
    pub entrypoint: Box<str>,
    /// Message that describes the status.
    pub message: Option<Box<str>>,
    /// Ray's `JobErrorType` of a failed submission.
    pub error_type: Option<Box<str>>,
    /// Time at which it was accepted, in Unix milliseconds.
    pub start_ms: Option<i64>,
    /// End time in Unix milliseconds; Ray gives 0 for a running driver without a submission.
    pub end_ms: Option<i64>,
    /// The user's metadata, sorted by key.
    pub metadata: Vec<(Box<str>, Box<str>)>,
    /// Its runtime environment as a JSON object.
    pub runtime_env: Box<str>,
    /// Address of the agent on its driver's node.
    pub driver_agent_http_address: Option<Box<str>>,
    /// The node of its driver, hex.
    pub driver_node_id: Option<Box<str>>,
    /// Its driver's exit code.
    pub driver_exit_code: Option<i32>,
}

impl UnifiedJob {
    /// Returns the driver that Ray shows.
    pub fn driver(&self) -> Option<&Driver> {
        self.drivers.last()
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        let texts = [
            &self.submission_id,
            &self.message,
            &self.error_type,
            &self.driver_agent_http_address,
            &self.driver_node_id,
        ];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        let metadata: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len() + 32).sum();
        let drivers: usize =
            self.drivers.iter().map(|d| d.node_ip_address.len() + d.pid.len() + size_of::<Driver>()).sum();
        size_of::<Self>() + texts + metadata + drivers + self.entrypoint.len() + self.runtime_env.len()
    }
}

/// Returns the jobs of a session: submissions, newest first, then drivers without a submission, by job id.
///
/// The live dashboard also lists submissions first, but in the order of a hash table.
pub fn build(snapshot: &Snapshot) -> Vec<UnifiedJob> {
    let polled = endpoint::jobs(snapshot);
    let index = Index::new(snapshot, &polled);
    let mut jobs: Vec<UnifiedJob> = index.ids().into_iter().map(|id| submission(&index, id)).collect();
    jobs.sort_by(|a, b| (b.start_ms, &a.submission_id).cmp(&(a.start_ms, &b.submission_id)));
    jobs.extend(sources::drivers(&index));
    jobs
}

fn submission(index: &Index<'_>, id: &str) -> UnifiedJob {
    let (snapshot, facts) = (index.snapshot, &index.snapshot.facts);
    let row = index.row(id);
    let actor = index.supervisor(id);
    let mut drivers = sources::drivers_of(index, id);
    if let Some(driver) = row.and_then(endpoint::Polled::driver)
        && !drivers.iter().any(|known| known.id == driver.id)
    {
        drivers.push(driver);
        drivers.sort();
    }
    let mut partials: Vec<PartialJob> = Vec::new();
    partials.extend(sources::export(facts, id));
    partials.extend(row.map(endpoint::Polled::to_partial));
    partials.extend(sources::event(index, id));
    partials.extend(sources::job_event(facts, id));
    partials.extend(sources::supervisor(facts, id));
    partials.extend(sources::driver_logs(facts, id));
    partials.push(start::partial(index, id));
    partials.extend(sources::agent(facts, id));
    partials.extend(actor.map(|actor| sources::actor(snapshot, actor)));
    partials.extend(sources::driver_job(index, id));
    let waits_for_resources = actor.is_some_and(|actor| !matches!(snapshot.str(actor.resources), "" | "{}"));
    merge::merge(facts, id, drivers, partials, start::rough_end_ms(index, id), waits_for_resources)
}

/// Returns a time in milliseconds; `None` for zero, which means "never".
fn some_millis(ns: i64) -> Option<i64> {
    (ns != 0).then(|| millis(ns))
}

#[cfg(test)]
mod tests;
