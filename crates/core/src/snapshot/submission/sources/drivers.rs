//! Driver jobs with and without a submission.
//!
//! Ray never sends events for its internal drivers (`GcsJobManager::WriteDriverJobExportEvent`), and hides their jobs.

use super::super::endpoint::Polled;
use super::super::index::{Index, SUBMISSION_KEY, submission_of};
use super::super::partial::{PartialJob, text};
use super::super::{Driver, JobStatus, JobType, UnifiedJob, some_millis};
use super::{hex, object};
use crate::base::actor::ActorState;
use crate::base::id::JobId;
use crate::snapshot::Snapshot;
use crate::snapshot::driver::Driver as Process;
use crate::snapshot::job::DriverJob;
use std::collections::BTreeMap;

/// `JOB_NAME_METADATA_KEY` of Ray's `common.py`; Ray sets it to the submission's id unless the user gives one.
const NAME_KEY: &str = "job_name";

/// Returns the drivers of a submission by job id.
pub(in super::super) fn drivers_of(index: &Index<'_>, id: &str) -> Vec<Driver> {
    index.drivers(id).iter().map(|job| driver(index.snapshot, job)).collect()
}

/// Reads the last driver job of a submission.
pub(in super::super) fn driver_job(index: &Index<'_>, id: &str) -> Option<PartialJob> {
    let (snapshot, jobs) = (index.snapshot, index.drivers(id));
    let job = jobs.last()?;
    // A driver may end long before its command; its supervisor ends just after the command.
    let supervised = index.supervisor(id).is_some_and(|actor| actor.state != ActorState::Dead);
    let finished = jobs.iter().all(|job| job.finished != 0) && !supervised;
    let metadata = metadata(snapshot, job);
    let added = |key: &str, value: &str| key == SUBMISSION_KEY || (key == NAME_KEY && value == id);
    Some(PartialJob {
        status: Some(if finished { JobStatus::Succeeded } else { JobStatus::Running }),
        assumed: finished,
        entrypoint: text(snapshot.str(job.entrypoint)),
        metadata: Some(metadata.into_iter().filter(|(key, value)| !added(key, value)).collect()),
        runtime_env: object(snapshot.str(job.runtime_env)),
        node: hex(snapshot, job.driver_node),
        ..PartialJob::default()
    })
}

/// Returns the drivers without a submission: SUCCEEDED if they ended, else RUNNING, as in Ray's `get_driver_jobs`.
pub(in super::super) fn drivers(index: &Index<'_>) -> Vec<UnifiedJob> {
    let snapshot = index.snapshot;
    let mut rows: BTreeMap<JobId, UnifiedJob> = BTreeMap::new();
    for row in index.polled.iter().filter(|row| row.submission_id.is_none()) {
        if let Some(id) = row.job_id.as_deref().and_then(JobId::from_hex) {
            rows.insert(id, from_poll(row));
        }
    }
    for job in snapshot.driver_jobs.iter().filter(|job| submission_of(snapshot, job).is_none()) {
        match rows.get_mut(&job.id) {
            // The definition was lost: keep the row of the live dashboard.
            Some(row) if !job.defined => set_end(row, some_millis(job.finished)),
            polled => {
                let ended = polled.filter(|row| row.status.is_terminal()).and_then(|row| row.end_ms);
                rows.insert(job.id, from_events(snapshot, job, ended));
            }
        }
    }
    rows.into_values().collect()
}

fn set_end(row: &mut UnifiedJob, end_ms: Option<i64>) {
    if end_ms.is_some() {
        row.end_ms = end_ms;
        row.status = JobStatus::Succeeded;
    }
}

fn from_poll(row: &Polled) -> UnifiedJob {
    let partial = row.to_partial();
    UnifiedJob {
        job_type: JobType::Driver,
        submission_id: None,
        drivers: row.driver().into_iter().collect(),
        status: partial.status.unwrap_or(JobStatus::Running),
        entrypoint: partial.entrypoint.unwrap_or_default(),
        message: partial.message,
        error_type: partial.error_type,
        start_ms: partial.start_ms,
        end_ms: partial.end_ms,
        metadata: partial.metadata.unwrap_or_default(),
        runtime_env: partial.runtime_env.unwrap_or_else(|| "{}".into()),
        driver_agent_http_address: partial.agent,
        driver_node_id: partial.node,
        driver_exit_code: partial.exit_code,
    }
}

fn from_events(snapshot: &Snapshot, job: &DriverJob, ended: Option<i64>) -> UnifiedJob {
    let end_ms = some_millis(job.finished).or(ended).unwrap_or_default();
    UnifiedJob {
        job_type: JobType::Driver,
        submission_id: None,
        drivers: vec![driver(snapshot, job)],
        status: if end_ms == 0 { JobStatus::Running } else { JobStatus::Succeeded },
        entrypoint: snapshot.str(job.entrypoint).into(),
        message: None,
        error_type: None,
        start_ms: some_millis(job.created),
        end_ms: Some(end_ms),
        metadata: metadata(snapshot, job),
        runtime_env: object(snapshot.str(job.runtime_env)).unwrap_or_else(|| "{}".into()),
        driver_agent_http_address: None,
        driver_node_id: None,
        driver_exit_code: None,
    }
}

fn metadata(snapshot: &Snapshot, job: &DriverJob) -> Vec<(Box<str>, Box<str>)> {
    job.metadata.iter().map(|(key, value)| (snapshot.str(*key).into(), snapshot.str(*value).into())).collect()
}

/// Returns a driver's process; if its definition was lost, its log and tasks provide node and process id.
fn driver(snapshot: &Snapshot, job: &DriverJob) -> Driver {
    let known = snapshot.drivers.binary_search_by_key(&Process::worker_of(job.id), |driver| driver.id);
    let known = known.ok().and_then(|at| snapshot.drivers.get(at));
    let (node, pid) = known.map_or((None, job.driver_pid), |driver| (driver.node, driver.pid));
    let ip = node.and_then(|node| snapshot.nodes.iter().find(|known| known.id == node)).map(|node| node.ip);
    Driver { id: job.id, node_ip_address: ip.map_or("", |ip| snapshot.str(ip)).into(), pid: pid.to_string().into() }
}
