//! Drivers as rows of the worker table; Ray sends no worker events for them.
//!
//! A driver's worker id is its job id followed by `ff` bytes. Each field takes the first source that has it:
//!
//! - start: the driver's own log, its driver task (2 ms off), its job;
//! - end: its raylet's log, its driver task, its job, its own log;
//! - node: its job, its driver task, the folder of its log;
//! - pid: its job, its driver task, the name of its log;
//! - exit: its own log, or the GCS's log if it was killed.

use super::Snapshot;
use super::intern::Id;
use crate::base::id::{JobId, NodeId, RayId, WorkerId};
use crate::base::task::{TaskState, TaskType};
use crate::base::time::{Nanos, millis};
use std::collections::BTreeMap;

/// Exit type and detail of a driver that was not killed.
const SHUTDOWN: (&str, &str) = ("INTENDED_USER_EXIT", "Shutdown by ray.shutdown().");

/// One driver. Times are Unix milliseconds; zero means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driver {
    /// Its worker id.
    pub id: WorkerId,
    /// Its node.
    pub node: Option<NodeId>,
    /// Its process id; zero if unknown.
    pub pid: i64,
    /// Time at which it registered.
    pub start_ms: i64,
    /// Time at which it ended; zero while running.
    pub end_ms: i64,
    /// Exit type and detail, once it has ended.
    pub exit: Option<(Box<str>, Box<str>)>,
}

/// Facts about one driver from logs or a stored list of workers. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverLog {
    /// Its node, taken from the folder of its log.
    pub node: Option<NodeId>,
    /// Its process id, taken from the name of its log; zero if no log has it.
    pub pid: u32,
    /// Time at which it registered; zero if no log has it.
    pub start_ms: i64,
    /// Time at which it ended; zero if no log has it.
    pub end_ms: i64,
    /// `true` if the end comes from the raylet's log, as the GCS keeps it; the driver's own log is a millisecond early.
    pub exact: bool,
    /// Exit type and detail.
    pub exit: Option<(Box<str>, Box<str>)>,
}

impl DriverLog {
    /// Takes over what the GCS itself noted, and where it noted nothing, keeps what is known.
    pub(super) fn join_exact(&mut self, noted: Self) {
        self.node = self.node.or(noted.node);
        if noted.pid > 0 {
            self.pid = noted.pid;
        }
        if noted.start_ms > 0 {
            self.start_ms = noted.start_ms;
        }
        if noted.end_ms > 0 {
            (self.end_ms, self.exact) = (noted.end_ms, true);
            self.exit = noted.exit.or(self.exit.take());
        }
    }
}

impl Driver {
    /// Returns the worker id of a job's driver.
    pub fn worker_of(job: JobId) -> WorkerId {
        let mut id = [0xff; 28];
        id[..4].copy_from_slice(&job.0);
        RayId(id)
    }

    /// Returns the memory held in addition to the row, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.exit.as_ref().map_or(0, |(exit_type, detail)| exit_type.len() + detail.len())
    }
}

/// Returns `true` if a worker id belongs to a driver.
pub fn is_driver(worker: &WorkerId) -> bool {
    job_of(worker).is_some()
}

/// Returns the job of a driver's worker id; `None` for other workers.
pub(super) fn job_of(worker: &WorkerId) -> Option<JobId> {
    let (job, rest) = worker.0.split_first_chunk()?;
    (rest == [0xff; 24]).then_some(RayId(*job))
}

/// Returns every driver known from a job, a driver task or a log file, sorted by id.
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
        // The driver task ends when the driver shuts down; its job ends later.
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
        let shutdown = || (driver.end_ms > 0).then(|| (SHUTDOWN.0.into(), SHUTDOWN.1.into()));
        driver.exit = log.exit.or_else(shutdown);
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
