//! Jobs as the dashboard lists them: submissions merged from every source that was stored, and drivers of their own.
//!
//! Owns the rule that makes one row of many sources; must never decode a file (that is `logs`) or write JSON.
//! Ray keeps a submission in its key-value store (`JobInfo` of `dashboard/modules/job/common.py`) and never exports it
//! by event, so each fact comes from where Ray happens to write it down. `sources` says what each of them tells; the
//! first source that tells a field wins, in this order:
//!
//! | source | tells | evidence on recorded sessions |
//! |---|---|---|
//! | `EXPORT_SUBMISSION_JOB` | every field, each change | all fields equal |
//! | stored answer of `/api/jobs/` | every field, as of the last poll | it is the live answer |
//! | `SUBMISSION_JOB_*` events | every field | defined in Ray 2.60, never sent |
//! | `event_JOBS.log` | status; message and error type of a failed supervisor; times in seconds | status equal |
//! | `supervisor-*.log` | exit code, status, end 1 to 2 ms early, node | equal |
//! | `job-driver-*.log` | entrypoint; the ten lines a failed job's message quotes | equal, escapes included |
//! | `dashboard_agent.log` | start (same millisecond or 1 ms off), agent address, two failures | equal |
//! | actor `_ray_internal_job_actor_X` | runtime environment (plus three variables Ray adds), node; leaves 9 to 21 ms after the end | equal |
//! | driver job with `job_submission_id` | driver, metadata (plus two keys Ray adds), command, environment, node | equal; the command's quoting differs from the entrypoint's |
//!
//! Of the sources' statuses a final one wins over RUNNING, RUNNING over PENDING: Ray never goes back. What belongs to
//! the status (message, error type, end, exit code) is taken only from sources that tell this same status.
//! A submission of which only a finished driver is known is SUCCEEDED without a message or an exit code: Ray's own
//! rule for drivers, and no more than that.

mod endpoint;
mod index;
mod merge;
mod sources;
mod start;
mod told;

use super::Snapshot;
use crate::base::id::JobId;
use crate::base::time::millis;
pub use endpoint::weight_of_stored;
use index::Index;
use told::Told;

/// Whether a job was submitted, or a driver connected by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobType {
    /// Through Ray's job API.
    Submission,
    /// By `ray.init` alone.
    Driver,
}

/// Ray's `JobStatus`, in the order it moves through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobStatus {
    /// Waiting for its supervisor.
    Pending,
    /// Its driver was started.
    Running,
    /// The user stopped it.
    Stopped,
    /// Its driver ended well.
    Succeeded,
    /// Its driver or its supervisor failed.
    Failed,
}

impl JobStatus {
    /// Ray's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    /// The status of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Stopped, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|s| s.name() == name)
    }

    /// Whether it never changes again.
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

/// One row of `/api/jobs/` (`JobDetails` of Ray's `pydantic_models.py`). Absent means JSON null.
#[derive(Clone, Debug, PartialEq)]
pub struct UnifiedJob {
    /// Kind of job.
    pub job_type: JobType,
    /// Its submission id; drivers of their own have none.
    pub submission_id: Option<Box<str>>,
    /// Its drivers by job id: Ray shows the last one.
    pub drivers: Vec<Driver>,
    /// Its last known status.
    pub status: JobStatus,
    /// Its command.
    pub entrypoint: Box<str>,
    /// The status in words.
    pub message: Option<Box<str>>,
    /// Ray's `JobErrorType`, of failed submissions.
    pub error_type: Option<Box<str>>,
    /// When it was accepted, Unix milliseconds.
    pub start_ms: Option<i64>,
    /// When it ended, Unix milliseconds; Ray gives 0 for a driver of its own that still runs.
    pub end_ms: Option<i64>,
    /// The user's metadata, sorted by key.
    pub metadata: Vec<(Box<str>, Box<str>)>,
    /// Its runtime environment, a JSON object.
    pub runtime_env: Box<str>,
    /// Where the agent of its driver's node listened.
    pub driver_agent_http_address: Option<Box<str>>,
    /// The node of its driver, hex.
    pub driver_node_id: Option<Box<str>>,
    /// Its driver's exit code.
    pub driver_exit_code: Option<i32>,
}

impl UnifiedJob {
    /// The driver that Ray shows.
    pub fn driver(&self) -> Option<&Driver> {
        self.drivers.last()
    }

    /// Memory held, in bytes.
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

/// The jobs of a session: submissions, newest first, then drivers of their own by job id.
///
/// Live, submissions come before drivers too, but in the order of a hash table.
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
    let mut told: Vec<Told> = Vec::new();
    told.extend(sources::export(facts, id));
    told.extend(row.map(endpoint::Polled::told));
    told.extend(sources::event(index, id));
    told.extend(sources::job_event(facts, id));
    told.extend(sources::supervisor(facts, id));
    told.extend(sources::driver_logs(facts, id));
    told.push(start::told(index, id));
    told.extend(sources::agent(facts, id));
    told.extend(actor.map(|actor| sources::actor(snapshot, actor)));
    told.extend(sources::driver_job(index, id));
    let waits_for_resources = actor.is_some_and(|actor| !matches!(snapshot.str(actor.resources), "" | "{}"));
    merge::merge(facts, id, drivers, told, start::rough_end_ms(index, id), waits_for_resources)
}

/// Milliseconds of a time that zero stands for "never" in.
fn some_millis(ns: i64) -> Option<i64> {
    (ns != 0).then(|| millis(ns))
}

#[cfg(test)]
mod tests;
