//! The table `workers`, by worker id; drivers have a table of their own.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Flag, NonZero, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::worker::{Life, Worker};

/// `alive`, which is absent if it is unknown.
impl Flag for Life {
    fn get(&self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Alive => Some(true),
            Self::Dead => Some(false),
        }
    }

    fn set(&mut self, value: Option<bool>) {
        *self = match value {
            None => Self::Unknown,
            Some(true) => Self::Alive,
            Some(false) => Self::Dead,
        };
    }
}

impl Record for Worker {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            id,
            node,
            worker_type,
            pid,
            job,
            life,
            reported,
            exit_type,
            exit_detail,
            launch_ms,
            launched_ms,
            start_ms,
            end_ms,
        } = self;
        columns.string("worker_id", id)?;
        columns.string("node_id", node)?;
        columns.string("worker_type", worker_type)?;
        columns.number("pid", &mut NonZero(pid))?;
        columns.string("job_id", job)?;
        columns.flag("alive", life)?;
        columns.string("exit_type", exit_type)?;
        columns.string("exit_detail", exit_detail)?;
        columns.millis([
            ("launch_at", launch_ms),
            ("launched_at", launched_ms),
            ("start_at", start_ms),
            ("end_at", end_ms),
        ])?;
        columns.flag("_reported", reported)
    }
}

impl Row for Worker {
    const TABLE: &'static str = "workers";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.id < next.id
    }
}

impl Member for Worker {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.workers
    }
}
