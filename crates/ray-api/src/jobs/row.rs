//! One job in Ray's format (`JobDetails`): every field is present, null if unknown.

use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::{Query, redact};
use ray_history_core::snapshot::submission::{Driver, JobStatus, JobType, UnifiedJob};
use std::borrow::Cow;

/// The fields in Ray's order.
pub(crate) const FIELDS: [&str; 15] = [
    "type",
    "job_id",
    "submission_id",
    "driver_info",
    "status",
    "entrypoint",
    "message",
    "error_type",
    "start_time",
    "end_time",
    "metadata",
    "runtime_env",
    "driver_agent_http_address",
    "driver_node_id",
    "driver_exit_code",
];

/// Options that change how jobs are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    redact: bool,
    over: bool,
}

impl View {
    /// Returns the options of a query.
    pub(crate) fn of(query: &Query) -> Self {
        Self { redact: query.redact, over: query.over }
    }

    /// The job as stored, with nothing hidden.
    pub(crate) const AS_STORED: Self = Self { redact: false, over: false };
}

/// Writes a job with the driver to show.
pub(crate) fn write(job: &UnifiedJob, driver: Option<&Driver>, view: View, w: &mut JsonWriter) {
    w.begin_object();
    for field in FIELDS {
        w.key(field);
        cell(job, driver, field, view).write(w);
    }
    w.end_object();
}

/// Returns the value of one field.
pub(crate) fn cell<'a>(job: &'a UnifiedJob, driver: Option<&'a Driver>, field: &str, view: View) -> Cell<'a> {
    let text = |value: &'a Option<Box<str>>| value.as_deref().map_or(Cell::Null, |text| Cell::Str(text.into()));
    let number = |value: Option<i64>| value.map_or(Cell::Null, Cell::Int);
    match field {
        "type" => Cell::Str(Cow::Borrowed(match job.job_type {
            JobType::Submission => "SUBMISSION",
            JobType::Driver => "DRIVER",
        })),
        "job_id" => driver.map_or(Cell::Null, |driver| Cell::Hex(&driver.id.0)),
        "submission_id" => text(&job.submission_id),
        "driver_info" => driver.map_or(Cell::Null, |driver| Cell::Json(driver_info(driver).into())),
        "status" => Cell::Str(job.status.name().into()),
        "entrypoint" => Cell::Str((*job.entrypoint).into()),
        "message" if view.over && !job.status.is_terminal() => Cell::Str(message_at_cluster_end(job.status).into()),
        "message" => text(&job.message),
        "error_type" => text(&job.error_type),
        "start_time" => number(job.start_ms),
        "end_time" => number(job.end_ms),
        "metadata" => Cell::Json(metadata(job).into()),
        "runtime_env" => Cell::Json(runtime_env(&job.runtime_env, view.redact)),
        "driver_agent_http_address" => text(&job.driver_agent_http_address),
        "driver_node_id" => text(&job.driver_node_id),
        "driver_exit_code" => number(job.driver_exit_code.map(i64::from)),
        _ => Cell::Null,
    }
}

/// Returns the message of a job that had not ended when its cluster ended.
///
/// It replaces Ray's own message ("Job is currently running."), which was written before that.
fn message_at_cluster_end(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Pending => "Job had not started when its cluster ended.",
        _ => "Job was running when its cluster ended.",
    }
}

/// Returns a runtime environment as JSON, with the values of its variables hidden if `redact` is set.
pub(crate) fn runtime_env(json: &str, redact: bool) -> Cow<'_, [u8]> {
    if !redact {
        return Cow::Borrowed(json.as_bytes());
    }
    Cow::Owned(redact::runtime_env(json))
}

fn driver_info(driver: &Driver) -> Vec<u8> {
    let mut w = JsonWriter::with_capacity(128);
    w.begin_object();
    w.key("id");
    w.hex(&driver.id.0);
    w.key("node_ip_address");
    w.string(&driver.node_ip_address);
    w.key("pid");
    w.string(&driver.pid);
    w.end_object();
    w.into_bytes()
}

fn metadata(job: &UnifiedJob) -> Vec<u8> {
    let mut w = JsonWriter::with_capacity(64);
    w.begin_object();
    for (key, value) in &job.metadata {
        w.key_escaped(key);
        w.string(value);
    }
    w.end_object();
    w.into_bytes()
}
