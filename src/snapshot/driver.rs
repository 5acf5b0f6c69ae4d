//! Drivers as workers: no worker event is ever sent of them.
//!
//! A driver's worker id is its job id followed by `ff`. Its start is that of its own log, else of its driver task (2 ms
//! off), else of its job; its end that of its raylet's log, else of its task, its job, or its own log. Its node comes
//! from its job, else from the folder of its log, whose name has its pid. How it ended is in its own log, and in the
//! GCS's when it was killed.

use super::Snapshot;
use super::intern::Id;
use crate::base::id::{JobId, NodeId, RayId, WorkerId};
use crate::base::task::{TaskState, TaskType};
use crate::base::time::{Nanos, millis};
use std::collections::BTreeMap;

/// The exit of Ray's drivers unless they are killed.
const SHUTDOWN: (&str, &str) = ("INTENDED_USER_EXIT", "Shutdown by ray.shutdown().");

/// One driver. Times are Unix milliseconds, zero when unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driver {
    /// Its worker id.
    pub id: WorkerId,
    /// Its node.
    pub node: Option<NodeId>,
    /// Its process; zero when unknown.
    pub pid: i64,
    /// When it registered.
    pub start_ms: i64,
    /// When it ended; zero before.
    pub end_ms: i64,
    /// Exit type and detail, once it has ended.
    pub exit: Option<(Box<str>, Box<str>)>,
}

/// Facts of one driver in logs, with times since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverLog {
    /// Its node, whose folder its log is in.
    pub node: Option<NodeId>,
    /// Its process, by the name of its log; zero when no log says.
    pub pid: u32,
    /// When it registered, in Unix milliseconds; zero when no log says.
    pub start_ms: i64,
    /// When it ended; zero when no log says.
    pub end_ms: i64,
    /// Set if the end is the raylet's, which the GCS keeps; the driver's own comes a millisecond early.
    pub exact: bool,
    /// Exit type and detail.
    pub exit: Option<(Box<str>, Box<str>)>,
}

impl Driver {
    /// The worker id of a job's driver.
    pub fn worker_of(job: JobId) -> WorkerId {
        let mut id = [0xff; 28];
        id[..4].copy_from_slice(&job.0);
        RayId(id)
    }

    /// Memory held beside the row, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.exit.as_ref().map_or(0, |(exit_type, detail)| exit_type.len() + detail.len())
    }
}

/// Returns `true` if a worker id is that of a driver.
pub fn is_driver(worker: &WorkerId) -> bool {
    job_of(worker).is_some()
}

/// The job whose driver a worker id is; none for other workers.
pub(super) fn job_of(worker: &WorkerId) -> Option<JobId> {
    let (job, rest) = worker.0.split_first_chunk()?;
    (rest == [0xff; 24]).then_some(RayId(*job))
}

/// Every driver that a job, a driver task or a log file tells of, by id.
pub(super) fn build(snapshot: &Snapshot, logs: &BTreeMap<JobId, DriverLog>) -> Vec<Driver> {
    let mut found: BTreeMap<JobId, (Driver, Nanos, Nanos)> = BTreeMap::new();
    for job in &snapshot.driver_jobs {
        let (driver, start, end) = entry(&mut found, job.id);
        driver.node = as_node(snapshot, job.driver_node);
        (driver.pid, *start, *end) = (job.driver_pid, job.created, job.finished);
    }
    for attempt in snapshot.tasks.iter() {
        if attempt.shape().task_type != TaskType::DriverTask || !attempt.is_defined() {
            continue;
        }
        let (driver, start, end) = entry(&mut found, attempt.job_id());
        if let Some(at) = attempt.time_of(TaskState::Running) {
            *start = at;
        }
        // A job's own end is later than its driver's last task, which is when the driver shut down.
        if let Some(at) = attempt.time_of(TaskState::Finished).or_else(|| attempt.time_of(TaskState::Failed)) {
            *end = at;
        }
        if driver.pid == 0 {
            driver.pid = attempt.worker_pid().into();
        }
        driver.node = driver.node.or_else(|| as_node(snapshot, attempt.node_id()));
    }
    for (job, log) in logs {
        let (driver, ..) = entry(&mut found, *job);
        if driver.pid == 0 {
            driver.pid = log.pid.into();
        }
        driver.node = driver.node.or(log.node);
    }
    let rows = found.into_iter().map(|(job, (mut driver, start, end))| {
        let log = logs.get(&job).cloned().unwrap_or_default();
        driver.start_ms = if log.start_ms > 0 { log.start_ms } else { millis(start) };
        let logged = log.end_ms > 0 && (log.exact || millis(end) == 0);
        driver.end_ms = if logged { log.end_ms } else { millis(end) };
        let usual = || (driver.end_ms > 0).then(|| (SHUTDOWN.0.into(), SHUTDOWN.1.into()));
        driver.exit = log.exit.or_else(usual);
        driver
    });
    rows.collect()
}

fn entry(found: &mut BTreeMap<JobId, (Driver, Nanos, Nanos)>, job: JobId) -> &mut (Driver, Nanos, Nanos) {
    found.entry(job).or_insert_with(|| (Driver { id: Driver::worker_of(job), ..Driver::default() }, 0, 0))
}

fn as_node(snapshot: &Snapshot, node: Id) -> Option<NodeId> {
    snapshot.id(node).try_into().ok().map(RayId)
}
