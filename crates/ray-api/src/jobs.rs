//! `/api/jobs/`, `/api/jobs/{id}` and `/api/v0/jobs`: the jobs of a session.
//!
//! Rows are built when the session is loaded (`snapshot::submission`); here they are looked up, filtered and written.
//! Source: `dashboard/modules/job/{job_head,utils}.py`, `JobState` of `util/state/common.py`.

mod row;

use row::View;
pub(super) use row::runtime_env;

use super::json::JsonWriter;
use super::state_list::{self, Cell, Column, Kind, Notes, Resource};
use super::{Answer, Query, RayError, pieces};
use crate::base::id::JobId;
use crate::snapshot::Snapshot;
use crate::snapshot::submission::{Driver, UnifiedJob};
use std::sync::Arc;

/// Answers `/api/jobs/`: a bare array.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let rows = snapshot.jobs.len();
    let (snapshot, view) = (Arc::clone(snapshot), View::of(query));
    let mut head = pieces::writer(snapshot.jobs.len());
    head.begin_array();
    let row = move |row: usize, w: &mut JsonWriter| {
        if let Some(job) = snapshot.jobs.get(row) {
            row::write(job, job.driver(), view, w);
        }
    };
    Ok(pieces::answer(head, 0..rows, row, JsonWriter::end_array))
}

/// Answers `/api/jobs/{id}`: a bare object. The id is that of a job or a submission.
pub fn one(snapshot: &Arc<Snapshot>, query: &Query, id: &str) -> Result<Answer, RayError> {
    let (job, driver) = find(snapshot, id)?;
    let mut w = JsonWriter::with_capacity(4096);
    row::write(job, driver, View::of(query), &mut w);
    Ok(Answer::json(w.into_bytes()))
}

/// Answers `/api/v0/jobs`, sorted by job id; submissions without a driver come first.
pub fn state_list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let mut order: Vec<u32> = (0..snapshot.jobs.len() as u32).collect();
    let job_id = |row: &u32| snapshot.jobs.get(*row as usize).and_then(UnifiedJob::driver).map(|driver| driver.id);
    order.sort_by_key(job_id);
    let jobs = Jobs { snapshot: Arc::clone(snapshot), order, view: View::of(query) };
    state_list::list(jobs, query, Notes::EmptyWarning)
}

/// Returns the job with an id, and the driver to show.
///
/// In Ray's order: a driver without a submission by job id, then a submission by the job id of any of its drivers
/// (and that driver), then a submission by its id (and its last driver).
pub(super) fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Result<(&'a UnifiedJob, Option<&'a Driver>), RayError> {
    if let Some(job_id) = JobId::from_hex(id).filter(|_| !id.bytes().any(|c| c.is_ascii_uppercase())) {
        for job in &snapshot.jobs {
            if let Some(driver) = job.drivers.iter().find(|driver| driver.id == job_id) {
                return Ok((job, Some(driver)));
            }
        }
    }
    let submitted = snapshot.jobs.iter().find(|job| job.submission_id.as_deref() == Some(id));
    submitted.map(|job| (job, job.driver())).ok_or_else(|| RayError::NotFound(format!("Job {id} does not exist")))
}

/// Returns a driver's job as JSON for answers that embed it (`find_jobs_by_job_ids` of `modules/job/utils.py`).
pub(super) fn details(snapshot: &Snapshot, job_id: &str) -> Option<serde_json::Value> {
    let (job, driver) = find(snapshot, job_id).ok()?;
    let mut w = JsonWriter::with_capacity(4096);
    row::write(job, driver, View::AS_STORED, &mut w);
    serde_json::from_slice(&w.into_bytes()).ok()
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

#[cfg(test)]
mod tests;
