//! `/api/jobs/` and `/api/jobs/{id}`: the jobs of a session.
//!
//! Rows are built when the session is loaded (`snapshot::submission`); here they are looked up, filtered and written.
//! Source: `dashboard/modules/job/{job_head,utils}.py`.

pub(super) mod row;

use row::View;
pub(super) use row::runtime_env;

use super::json::JsonWriter;
use super::{Answer, Query, RayError, pieces};
use ray_history_core::base::id::JobId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::{Driver, UnifiedJob};
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

#[cfg(test)]
mod tests;
