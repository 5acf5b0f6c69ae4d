//! `/api/v0/workers`: worker processes and drivers.
//!
//! `is_alive` is null for a worker whose end no event and no log reports or rules out.
//! Two filters are applied by the GCS, so `num_after_truncation` does not count the rows that they leave out:
//! `is_alive=True`, in this spelling only, and `num_paused_threads!=0`. Source: `get_all_worker_info` in
//! `util/state/state_manager.py`, `HandleGetAllWorkerInfo` in `gcs_worker_manager.cc`.

use super::resource;
use super::resource::{Column, Filter, Kind, Notes, Predicate, Resource};
use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError};
use ray_history_core::base::id::WorkerId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::driver::Driver;
use ray_history_core::snapshot::text::TextReader;
use ray_history_core::snapshot::worker::Life;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The live API's value for an unrecorded launch time: -1 as an unsigned number.
const UNKNOWN_MS: u64 = u64::MAX;

/// Answers `/api/v0/workers`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    resource::list(Workers::new(Arc::clone(snapshot)), query, Notes::EmptyWarning)
}

/// A row number in the table of workers or of drivers.
#[derive(Clone, Copy, Debug)]
enum Row {
    Worker(usize),
    Driver(usize),
}

struct Workers {
    snapshot: Arc<Snapshot>,
    rows: Vec<Row>,
    details: TextReader,
}

impl Workers {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        let drivers = snapshot.drivers.iter().enumerate().map(|(at, driver)| (driver.id, Row::Driver(at)));
        let workers = snapshot.workers.iter().enumerate().map(|(at, worker)| (worker.id, Row::Worker(at)));
        // If a worker is in both tables, its event wins.
        let rows: BTreeMap<WorkerId, Row> = drivers.chain(workers).collect();
        Self { rows: rows.into_values().collect(), snapshot, details: TextReader::default() }
    }

    fn ip(&self, node: &[u8]) -> Cell<'_> {
        let nodes = &self.snapshot.nodes;
        let found = nodes.binary_search_by(|known| known.id.0.as_slice().cmp(node)).ok();
        found.map_or(Cell::Null, |at| Cell::Str(self.snapshot.str(nodes[at].ip).into()))
    }
}

impl Resource for Workers {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("worker_id", Kind::Text),
        Column::filterable("is_alive", Kind::Bool),
        Column::filterable("worker_type", Kind::Text),
        Column::filterable("exit_type", Kind::Text).optional(),
        Column::filterable("node_id", Kind::Text),
        Column::filterable("ip", Kind::Text),
        Column::filterable("pid", Kind::Int),
        Column::plain("exit_detail").only_detail(),
        Column::plain("worker_launch_time_ms").only_detail(),
        Column::plain("worker_launched_time_ms").only_detail(),
        Column::plain("start_time_ms").only_detail(),
        Column::plain("end_time_ms").only_detail(),
        Column::filterable("debugger_port", Kind::IntOrNull).only_detail(),
        Column::filterable("num_paused_threads", Kind::IntOrNull).only_detail(),
    ];

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        match self.rows.get(row) {
            Some(Row::Worker(at)) => self.worker_cell(*at, column),
            Some(Row::Driver(at)) => driver_cell(self, &self.snapshot.drivers[*at], column),
            None => Cell::Null,
        }
    }

    fn is_fetched(&self, row: usize, filter: &Filter) -> bool {
        match (filter.column, filter.predicate, &*filter.given) {
            ("is_alive", Predicate::Equal, "True") => filter.accepts(&self.cell(row, filter.column)),
            // Of no worker a paused thread is known.
            ("num_paused_threads", Predicate::NotEqual, "0") => false,
            _ => true,
        }
    }

    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        if let (Some(Row::Worker(at)), "exit_detail") = (self.rows.get(row), column)
            && self.snapshot.workers[*at].life == Life::Dead
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
            "is_alive" => match worker.life {
                Life::Unknown => Cell::Null,
                life => Cell::Bool(life == Life::Alive),
            },
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
}

fn driver_cell<'a>(workers: &'a Workers, driver: &'a Driver, column: &'static str) -> Cell<'a> {
    let exit = |part: fn(&'a (Box<str>, Box<str>)) -> &'a str| {
        driver.exit.as_ref().map_or(Cell::Null, |exit| Cell::text_or_null(part(exit)))
    };
    match column {
        "worker_id" => Cell::Hex(&driver.id.0),
        "is_alive" => Cell::Bool(driver.end_ms == 0),
        "worker_type" => Cell::Str("DRIVER".into()),
        "exit_type" => exit(|(exit_type, _)| exit_type),
        "exit_detail" => exit(|(_, detail)| detail),
        "node_id" => driver.node.as_ref().map_or(Cell::Null, |node| Cell::Hex(&node.0)),
        "ip" => driver.node.as_ref().map_or(Cell::Null, |node| workers.ip(&node.0)),
        "pid" => Cell::Int(driver.pid),
        "worker_launch_time_ms" | "worker_launched_time_ms" => number(UNKNOWN_MS),
        "start_time_ms" => Cell::Int(driver.start_ms),
        "end_time_ms" => Cell::Int(driver.end_ms),
        _ => Cell::Null,
    }
}

/// Returns a cell of unsigned milliseconds; `Cell::Int` is signed.
fn number<'a>(value: u64) -> Cell<'a> {
    Cell::Json(Cow::Owned(value.to_string().into_bytes()))
}

#[cfg(test)]
mod tests;
