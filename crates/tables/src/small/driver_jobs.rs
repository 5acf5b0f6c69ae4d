//! The table `driver_jobs`, by job id: what events say of them.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, NonZero, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::job::DriverJob;

impl Record for DriverJob {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { id, defined, driver_pid, driver_node, entrypoint, runtime_env, metadata, created, finished } = self;
        columns.string("job_id", id)?;
        columns.flag("defined", defined)?;
        columns.number("driver_pid", &mut NonZero(driver_pid))?;
        columns.string("driver_node_id", driver_node)?;
        columns.string("entrypoint", entrypoint)?;
        columns.runtime_env(runtime_env)?;
        columns.map("metadata", metadata)?;
        columns.times([("created_at", created), ("finished_at", finished)])
    }
}

impl Row for DriverJob {
    const TABLE: &'static str = "driver_jobs";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.id < next.id
    }
}

impl Member for DriverJob {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.driver_jobs
    }
}
