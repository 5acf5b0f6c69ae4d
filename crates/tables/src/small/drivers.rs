//! The table `drivers`, by worker id.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, NonZero, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::driver::Driver;

impl Record for Driver {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { id, node, pid, start_ms, end_ms, exit } = self;
        columns.string("worker_id", id)?;
        columns.string("node_id", node)?;
        columns.number("pid", &mut NonZero(pid))?;
        columns.millis([("start_at", start_ms), ("end_at", end_ms)])?;
        let (mut exit_type, mut exit_detail) = exit.take().unzip();
        columns.string("exit_type", &mut exit_type)?;
        columns.string("exit_detail", &mut exit_detail)?;
        *exit = exit_type.zip(exit_detail);
        Ok(())
    }
}

impl Row for Driver {
    const TABLE: &'static str = "drivers";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.id < next.id
    }
}

impl Member for Driver {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.drivers
    }
}
