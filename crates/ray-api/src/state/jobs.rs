//! `/api/v0/jobs`: jobs as rows of the state API.
//!
//! Fields are those of `/api/jobs/`, which `jobs` writes.
//! Source: `JobState` of `util/state/common.py`.

use super::resource::{self, Column, Kind, Notes, Resource};
use crate::cell::Cell;
use crate::jobs::row::{self, View};
use crate::{Answer, Query, RayError};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::UnifiedJob;
use std::sync::Arc;

/// Answers `/api/v0/jobs`, sorted by job id; submissions without a driver come first.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let mut order: Vec<u32> = (0..snapshot.jobs.len() as u32).collect();
    let job_id = |row: &u32| snapshot.jobs.get(*row as usize).and_then(UnifiedJob::driver).map(|driver| driver.id);
    order.sort_by_key(job_id);
    let jobs = Jobs { snapshot: Arc::clone(snapshot), order, view: View::of(query) };
    resource::list(jobs, query, Notes::EmptyWarning)
}

/// The rows of `/api/v0/jobs`.
struct Jobs {
    snapshot: Arc<Snapshot>,
    order: Vec<u32>,
    view: View,
}

impl Resource for Jobs {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("job_id", Kind::Text),
        Column::filterable("submission_id", Kind::Text),
        Column::plain("entrypoint"),
        Column::filterable("type", Kind::Text),
        Column::filterable("status", Kind::Text),
        Column::plain("message"),
        Column::plain("error_type"),
        Column::plain("driver_info"),
        Column::plain("start_time").only_detail(),
        Column::plain("end_time").only_detail(),
        Column::plain("metadata").only_detail(),
        Column::plain("runtime_env").only_detail(),
        Column::plain("driver_agent_http_address").only_detail(),
        Column::plain("driver_node_id").only_detail(),
        Column::plain("driver_exit_code").only_detail(),
    ];

    /// With `detail`, Ray shows all fields in the order of `JobDetails`; without it, some in a different order.
    fn shown(detail: bool) -> Vec<&'static str> {
        if detail {
            return row::FIELDS.to_vec();
        }
        Self::COLUMNS.iter().filter(|column| !column.detail).map(|column| column.name).collect()
    }

    fn rows(&self) -> usize {
        self.order.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let job = self.order.get(row).and_then(|&at| self.snapshot.jobs.get(at as usize));
        job.map_or(Cell::Null, |job| row::cell(job, job.driver(), column, self.view))
    }
}
