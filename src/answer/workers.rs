//! `/api/v0/workers`: worker processes, and drivers, of which no worker event is ever sent.
//!
//! A driver's worker id is its job id followed by `ff`. Its times are those of its driver task (within 2 ms of the live
//! answer), else of its job; its node comes from its job, else from the folder of its log, whose name has its pid.

use super::json::JsonWriter;
use super::state_list::{self, Cell, Column, Kind, Notes, Resource};
use super::{Answer, Question, Refusal};
use crate::base::id::{JobId, NodeId, RayId, WorkerId};
use crate::base::task::{TaskState, TaskType};
use crate::base::time::{Nanos, millis};
use crate::snapshot::Snapshot;
use crate::snapshot::intern::Id;
use crate::snapshot::text::TextReader;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the live API shows for a launch time that nobody noted: -1 as an unsigned number.
const UNKNOWN_MS: u64 = u64::MAX;
/// How Ray's drivers end unless they are killed.
const SHUTDOWN: &str = "Shutdown by ray.shutdown().";

/// Answers `/api/v0/workers`.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    state_list::list(Workers::new(Arc::clone(snapshot)), question, Notes::EmptyWarning)
}

/// A row: a worker of the table, or a driver.
#[derive(Clone, Debug)]
enum Row {
    Worker(usize),
    Driver(Driver),
}

#[derive(Clone, Debug, Default)]
struct Driver {
    id: WorkerId,
    node: Option<NodeId>,
    pid: i64,
    start: Nanos,
    end: Nanos,
}

struct Workers {
    snapshot: Arc<Snapshot>,
    rows: Vec<Row>,
    details: TextReader,
}

impl Workers {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        let mut rows: BTreeMap<WorkerId, Row> =
            drivers(&snapshot).into_values().map(|driver| (driver.id, Row::Driver(driver))).collect();
        for (at, worker) in snapshot.workers.iter().enumerate() {
            rows.insert(worker.id, Row::Worker(at));
        }
        Self { rows: rows.into_values().collect(), snapshot, details: TextReader::default() }
    }

    fn ip(&self, node: &[u8]) -> Cell<'_> {
        let nodes = &self.snapshot.nodes;
        let found = nodes.binary_search_by(|known| known.id.0.as_slice().cmp(node)).ok();
        found.map_or(Cell::Null, |at| Cell::Str(self.snapshot.str(nodes[at].ip).into()))
    }
}

/// Every driver that a job, a driver task or a log file tells of.
fn drivers(snapshot: &Snapshot) -> BTreeMap<JobId, Driver> {
    let mut found: BTreeMap<JobId, Driver> = BTreeMap::new();
    for job in &snapshot.driver_jobs {
        let driver = entry(&mut found, job.id);
        driver.node = as_node(snapshot, job.driver_node);
        (driver.pid, driver.start, driver.end) = (job.driver_pid, job.created, job.finished);
    }
    for attempt in snapshot.tasks.iter() {
        if attempt.shape().task_type != TaskType::DriverTask || !attempt.is_defined() {
            continue;
        }
        let driver = entry(&mut found, attempt.job_id());
        if let Some(start) = attempt.time_of(TaskState::Running) {
            driver.start = start;
        }
        let end = attempt.time_of(TaskState::Finished).or_else(|| attempt.time_of(TaskState::Failed));
        // A job's own end is later than its driver's last task, which is when the driver shut down.
        if let Some(end) = end {
            driver.end = end;
        }
        if driver.pid == 0 {
            driver.pid = attempt.worker_pid().into();
        }
        driver.node = driver.node.or_else(|| as_node(snapshot, attempt.node_id()));
    }
    for (_, job, process) in snapshot.facts.core_drivers.iter() {
        let driver = entry(&mut found, job);
        if driver.pid == 0 {
            driver.pid = process.pid.into();
        }
        driver.node = driver.node.or_else(|| NodeId::from_hex(&process.node));
    }
    found
}

fn entry(found: &mut BTreeMap<JobId, Driver>, job: JobId) -> &mut Driver {
    found.entry(job).or_insert_with(|| {
        let mut id = [0xff; 28];
        id[..4].copy_from_slice(&job.0);
        Driver { id: RayId(id), ..Driver::default() }
    })
}

fn as_node(snapshot: &Snapshot, node: Id) -> Option<NodeId> {
    snapshot.id(node).try_into().ok().map(RayId)
}

impl Resource for Workers {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("worker_id", Kind::Text),
        Column::filterable("is_alive", Kind::Bool),
        Column::filterable("worker_type", Kind::Text),
        Column::filterable("exit_type", Kind::Text),
        Column::filterable("node_id", Kind::Text),
        Column::filterable("ip", Kind::Text),
        Column::filterable("pid", Kind::Int),
        Column::plain("exit_detail").only_detail(),
        Column::plain("worker_launch_time_ms").only_detail(),
        Column::plain("worker_launched_time_ms").only_detail(),
        Column::plain("start_time_ms").only_detail(),
        Column::plain("end_time_ms").only_detail(),
        Column::plain("debugger_port").only_detail(),
        Column::plain("num_paused_threads").only_detail(),
    ];

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        match self.rows.get(row) {
            Some(Row::Worker(at)) => self.worker_cell(*at, column),
            Some(Row::Driver(driver)) => self.driver_cell(driver, column),
            None => Cell::Null,
        }
    }

    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        if let (Some(Row::Worker(at)), "exit_detail") = (self.rows.get(row), column)
            && !self.snapshot.workers[*at].alive
        {
            w.string(self.details.get(&self.snapshot.texts, self.snapshot.workers[*at].exit_detail));
            return;
        }
        self.cell(row, column).write(w);
    }
}

impl Workers {
    fn worker_cell(&self, at: usize, column: &'static str) -> Cell<'_> {
        let (s, worker) = (&self.snapshot, &self.snapshot.workers[at]);
        match column {
            "worker_id" => Cell::Hex(&worker.id.0),
            "is_alive" => Cell::Bool(worker.alive),
            "worker_type" => Cell::text_or_null(s.str(worker.worker_type)),
            "exit_type" => Cell::text_or_null(s.str(worker.exit_type)),
            "node_id" => Cell::hex_or_null(s.id(worker.node)),
            "ip" => self.ip(s.id(worker.node)),
            "pid" => Cell::Int(worker.pid.into()),
            "worker_launch_time_ms" => number(worker.launch_ms),
            "worker_launched_time_ms" => number(worker.launched_ms),
            "start_time_ms" => number(worker.start_ms),
            "end_time_ms" => number(worker.end_ms),
            _ => Cell::Null,
        }
    }

    fn driver_cell<'a>(&'a self, driver: &'a Driver, column: &'static str) -> Cell<'a> {
        let over = driver.end > 0;
        match column {
            "worker_id" => Cell::Hex(&driver.id.0),
            "is_alive" => Cell::Bool(!over),
            "worker_type" => Cell::Str("DRIVER".into()),
            "exit_type" if over => Cell::Str("INTENDED_USER_EXIT".into()),
            "exit_detail" if over => Cell::Str(SHUTDOWN.into()),
            "node_id" => driver.node.as_ref().map_or(Cell::Null, |node| Cell::Hex(&node.0)),
            "ip" => driver.node.as_ref().map_or(Cell::Null, |node| self.ip(&node.0)),
            "pid" => Cell::Int(driver.pid),
            "worker_launch_time_ms" | "worker_launched_time_ms" => number(UNKNOWN_MS),
            "start_time_ms" => Cell::Int(millis(driver.start)),
            "end_time_ms" => Cell::Int(millis(driver.end)),
            _ => Cell::Null,
        }
    }
}

/// Unsigned milliseconds: `Cell::Int` is signed.
fn number<'a>(value: u64) -> Cell<'a> {
    Cell::Json(Cow::Owned(value.to_string().into_bytes()))
}
