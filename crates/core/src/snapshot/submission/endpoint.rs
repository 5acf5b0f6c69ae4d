//! Stored answer of the live dashboard to `/api/jobs/`, as of the collector's last poll.

use super::partial::{PartialJob, text};
use super::{Driver, JobStatus, UnifiedJob};
use crate::base::id::JobId;
use crate::base::stored_json::{self, parts};
use crate::snapshot::Snapshot;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One row. A value of an unexpected type is converted to text or to a number.
#[derive(Debug, Default)]
pub(super) struct Polled {
    pub(super) job_id: Option<String>,
    pub(super) submission_id: Option<String>,
    driver: Option<Driver>,
    status: Option<String>,
    entrypoint: Option<Box<str>>,
    message: Option<Box<str>>,
    error_type: Option<Box<str>>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    metadata: Option<BTreeMap<Box<str>, Box<str>>>,
    runtime_env: Option<Box<str>>,
    driver_agent_http_address: Option<Box<str>>,
    driver_node_id: Option<Box<str>>,
    driver_exit_code: Option<i32>,
}

/// Returns the rows of the stored answer, if there is one. Its URL may be stored with or without slashes.
pub(super) fn jobs(snapshot: &Snapshot) -> Vec<Polled> {
    let rows = stored_body(&snapshot.endpoints).map(parts::objects).unwrap_or_default();
    let rows = rows.into_iter().filter_map(stored_json::read).map(|row| parse_row(&row));
    // A row without an id is no job.
    rows.filter(|row| row.job_id.is_some() || row.submission_id.is_some()).collect()
}

/// Returns the stored answer to `/api/jobs`.
fn stored_body(endpoints: &BTreeMap<String, Box<str>>) -> Option<&str> {
    endpoints.iter().find(|(url, _)| url.trim_matches('/') == "api/jobs").map(|(_, body)| &**body)
}

/// Returns the memory, in bytes, that building jobs from stored answers takes.
pub fn weight_of_stored(endpoints: &BTreeMap<String, Box<str>>) -> usize {
    let body = stored_body(endpoints).unwrap_or_default();
    let rows = memchr::memchr_iter(b'{', body.as_bytes()).count();
    // Each text is held in the row, in the partial job, and in the job.
    body.len() * 4 + rows * 2 * (size_of::<Polled>() + size_of::<UnifiedJob>())
}

fn parse_row(row: &Map<String, Value>) -> Polled {
    let text = |key: &str| row.get(key).and_then(text_of);
    let number = |key: &str| row.get(key).and_then(number_of);
    let metadata = row.get("metadata").and_then(Value::as_object).map(|metadata| {
        metadata.iter().map(|(key, value)| ((&**key).into(), text_of(value).unwrap_or_default().into())).collect()
    });
    let info = row.get("driver_info").and_then(Value::as_object);
    let driver = info.and_then(|info| {
        let text = |key: &str| info.get(key).and_then(text_of).unwrap_or_default();
        let id = JobId::from_hex(&text("id"))?;
        Some(Driver { id, node_ip_address: text("node_ip_address").into(), pid: text("pid").into() })
    });
    Polled {
        job_id: text("job_id"),
        submission_id: text("submission_id"),
        driver,
        status: text("status"),
        entrypoint: text("entrypoint").map(Into::into),
        message: text("message").map(Into::into),
        error_type: text("error_type").map(Into::into),
        start_time: number("start_time"),
        end_time: number("end_time"),
        metadata,
        runtime_env: row.get("runtime_env").filter(|env| env.is_object()).map(|env| env.to_string().into()),
        driver_agent_http_address: text("driver_agent_http_address").map(Into::into),
        driver_node_id: text("driver_node_id").map(Into::into),
        driver_exit_code: number("driver_exit_code").and_then(|code| i32::try_from(code).ok()),
    }
}

/// Returns a value as text; `None` for null.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Returns a value as a whole number; floats and texts are converted.
fn number_of(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and whole numbers survive")]
    let whole = |number: f64| number.is_finite().then_some(number as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
        _ => None,
    }
}

impl Polled {
    /// Returns its driver.
    pub(super) fn driver(&self) -> Option<Driver> {
        self.driver.clone()
    }

    /// Returns its fields as a part of a submission.
    pub(super) fn to_partial(&self) -> PartialJob {
        PartialJob {
            status: self.status.as_deref().and_then(JobStatus::parse),
            message: self.message.clone(),
            error_type: self.error_type.clone(),
            end_ms: self.end_time,
            assumed: false,
            exit_code: self.driver_exit_code,
            entrypoint: self.entrypoint.as_deref().and_then(text),
            start_ms: self.start_time,
            metadata: self.metadata.clone().map(|metadata| metadata.into_iter().collect()),
            runtime_env: self.runtime_env.clone(),
            agent: self.driver_agent_http_address.clone(),
            node: self.driver_node_id.clone(),
        }
    }
}
