//! `/api/jobs/`, one job, and `/api/v0/jobs`: submissions, and drivers that were started by hand.
//!
//! A driver that belongs to a submission is folded into it. Drivers are SUCCEEDED when they ended and RUNNING before;
//! Ray never calls one FAILED. Source: `ray/dashboard/modules/job/{job_head,utils}.py`.

use super::state_list::{self, Column, Columns, Kind, Notes, Values};
use super::{Answer, Question, Refusal, redact};
use crate::snapshot::Snapshot;
use crate::snapshot::id::{JobId, NodeId};
use crate::snapshot::job::DriverJob;
use crate::snapshot::submission::{self, Submission};
use crate::snapshot::time::millis;
use serde_json::{Map, Value, json};
use std::sync::Arc;

struct Jobs;

impl Columns for Jobs {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("type", Kind::Text),
        Column::filterable("job_id", Kind::Text),
        Column::filterable("submission_id", Kind::Text),
        Column::plain("driver_info"),
        Column::filterable("status", Kind::Text),
        Column::plain("entrypoint"),
        Column::plain("message"),
        Column::plain("error_type"),
        Column::plain("start_time").only_detail(),
        Column::plain("end_time").only_detail(),
        Column::plain("metadata").only_detail(),
        Column::plain("runtime_env").only_detail(),
        Column::plain("driver_agent_http_address").only_detail(),
        Column::plain("driver_node_id").only_detail(),
        Column::plain("driver_exit_code").only_detail(),
    ];
}

/// Answers `/api/jobs/`: newest first.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut rows = rows(snapshot, question);
    rows.sort_by_key(|row| std::cmp::Reverse(row.get("start_time").and_then(Value::as_i64)));
    let rows: Vec<Value> = rows.into_iter().map(Value::Object).collect();
    Ok(Answer::json(Value::Array(rows).to_string().into_bytes()))
}

/// Answers `/api/jobs/{id}`, by job id or by submission id.
pub fn detail(snapshot: &Arc<Snapshot>, question: &Question, id: &str) -> Result<Answer, Refusal> {
    let is = |row: &Map<String, Value>, key: &str| row.get(key).and_then(Value::as_str) == Some(id);
    let mut rows = rows(snapshot, question).into_iter();
    let found = rows.find(|row| is(row, "job_id") || is(row, "submission_id"));
    let row = found.ok_or_else(|| Refusal::NotFound(format!("Job {id} does not exist")))?;
    Ok(Answer::json(Value::Object(row).to_string().into_bytes()))
}

/// Answers `/api/v0/jobs`.
pub fn state_list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut rows = rows(snapshot, question);
    let job_id = |row: &Map<String, Value>| row.get("job_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    rows.sort_by_key(job_id);
    state_list::list(Values::<Jobs>::new(rows), question, Notes::EmptyWarning)
}

/// Where the output of a job's driver lies: node (if known) and path. None when there is no such job.
pub fn driver_log(snapshot: &Snapshot, id: &str) -> Option<(Option<String>, String)> {
    let job = JobId::from_hex(id);
    let found = snapshot.submissions.iter().find(|s| s.submission_id == id || (job.is_some() && s.driver == job));
    if let Some(found) = found {
        return Some((found.driver_node_id.clone(), format!("job-driver-{}.log", found.submission_id)));
    }
    // A driver that was started by hand writes to its own terminal.
    snapshot.driver_jobs.iter().any(|known| Some(known.id) == job).then(|| (None, String::new()))
}

fn rows(snapshot: &Snapshot, question: &Question) -> Vec<Map<String, Value>> {
    let submissions = snapshot.submissions.iter().map(|row| submission_row(snapshot, row));
    let by_hand = snapshot.driver_jobs.iter().filter(|job| submission::of_driver(snapshot, job).is_empty());
    let mut rows: Vec<Map<String, Value>> =
        submissions.chain(by_hand.map(|job| driver_row(snapshot, job))).filter_map(as_object).collect();
    if question.redact {
        for env in rows.iter_mut().filter_map(|row| row.get_mut("runtime_env")) {
            redact::value(env);
        }
    }
    rows
}

fn as_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(row) = value { Some(row) } else { None }
}

fn submission_row(snapshot: &Snapshot, row: &Submission) -> Value {
    let driver = row.driver.and_then(|id| snapshot.driver_jobs.iter().find(|job| job.id == id));
    json!({
        "type": "SUBMISSION",
        "job_id": row.driver.map(|id| id.hex()),
        "submission_id": row.submission_id,
        "driver_info": driver.map(|job| driver_info(snapshot, job)),
        "status": row.status,
        "entrypoint": row.entrypoint,
        "message": row.message,
        "error_type": row.error_type,
        "start_time": row.start_ms,
        "end_time": row.end_ms,
        "metadata": row.metadata,
        "runtime_env": row.runtime_env,
        "driver_agent_http_address": row.driver_agent_http_address,
        "driver_node_id": row.driver_node_id,
        "driver_exit_code": row.driver_exit_code,
    })
}

fn driver_row(snapshot: &Snapshot, job: &DriverJob) -> Value {
    let over = job.finished > 0;
    let metadata: Map<String, Value> =
        job.metadata.iter().map(|(k, v)| (snapshot.str(*k).to_owned(), snapshot.str(*v).into())).collect();
    let env: Map<String, Value> = serde_json::from_str(snapshot.str(job.runtime_env)).unwrap_or_default();
    json!({
        "type": "DRIVER",
        "job_id": job.id.hex(),
        "submission_id": null,
        "driver_info": driver_info(snapshot, job),
        "status": if over { "SUCCEEDED" } else { "RUNNING" },
        "entrypoint": snapshot.str(job.entrypoint),
        "message": null,
        "error_type": null,
        "start_time": millis(job.created),
        "end_time": millis(job.finished),
        "metadata": metadata,
        "runtime_env": env,
        "driver_agent_http_address": null,
        "driver_node_id": null,
        "driver_exit_code": null,
    })
}

fn driver_info(snapshot: &Snapshot, job: &DriverJob) -> Value {
    let node = NodeId::try_from_bytes(snapshot.id(job.driver_node));
    let node = node.and_then(|id| snapshot.nodes.binary_search_by_key(&id, |node| node.id).ok());
    let ip = node.and_then(|at| snapshot.nodes.get(at)).map_or("", |node| snapshot.str(node.ip));
    json!({"id": job.id.hex(), "node_ip_address": ip, "pid": job.driver_pid.to_string()})
}
