//! Weighs what the sources say of one submission; the weakest first, so that each better one overwrites.

use super::{SUBMISSION_ID, Submission, of_driver};
use crate::logs::export::Export;
use crate::logs::supervisor::{Ending, Supervisor};
use crate::snapshot::Snapshot;
use crate::snapshot::time::millis;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Prefix of the name of a submission's supervisor actor.
const SUPERVISOR_ACTOR: &str = "_ray_internal_job_actor_";

/// Every submission that is told of anywhere.
pub(super) fn ids(snapshot: &Snapshot) -> BTreeSet<String> {
    let facts = &snapshot.facts;
    let mut ids: BTreeSet<String> = BTreeSet::new();
    ids.extend(snapshot.submission_events.iter().map(|row| snapshot.str(row.submission_id).to_owned()));
    ids.extend(facts.exports.rows(Export::SubmissionJob).map(|(id, _)| id.to_owned()));
    ids.extend(stored(snapshot).iter().filter_map(|job| job["submission_id"].as_str().map(str::to_owned)));
    ids.extend(facts.job_events.iter().map(|(id, _)| id.to_owned()));
    ids.extend(facts.supervisors.iter().map(|(id, _)| id.to_owned()));
    ids.extend(facts.agents.submissions().map(str::to_owned));
    ids.extend(facts.driver_logs.submissions().map(str::to_owned));
    ids.extend(snapshot.driver_jobs.iter().map(|job| of_driver(snapshot, job).to_owned()));
    let actors = snapshot.actors.iter().filter_map(|actor| snapshot.str(actor.name).strip_prefix(SUPERVISOR_ACTOR));
    ids.extend(actors.map(str::to_owned));
    ids.remove("");
    ids
}

/// Jobs of a stored `/api/jobs/` answer.
fn stored(snapshot: &Snapshot) -> Vec<Value> {
    let body = snapshot.endpoints.get("api/jobs").or_else(|| snapshot.endpoints.get("api/jobs/"));
    body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
}

/// The row of one submission.
pub(super) fn weigh(snapshot: &Snapshot, id: String) -> Submission {
    let mut row = Submission { submission_id: id, ..Submission::default() };
    from_driver_job(snapshot, &mut row);
    from_actor(snapshot, &mut row);
    from_logs(snapshot, &mut row);
    for job in stored(snapshot) {
        if job["submission_id"].as_str() == Some(&row.submission_id) {
            from_stored(&job, &mut row);
        }
    }
    let export = snapshot.facts.exports.rows(Export::SubmissionJob).find(|(id, _)| *id == row.submission_id);
    if let Some(data) = export.and_then(|(_, export)| serde_json::from_str::<Value>(&export.json).ok()) {
        from_export(&data, &mut row);
    }
    from_events(snapshot, &mut row);
    if row.message.is_empty() {
        row.message = match row.status.as_str() {
            "PENDING" => "Job has not started yet.",
            "RUNNING" => "Job is currently running.",
            "STOPPED" => "Job was intentionally stopped.",
            "SUCCEEDED" => "Job finished successfully.",
            _ => "",
        }
        .to_owned();
    }
    row
}

fn from_driver_job(snapshot: &Snapshot, row: &mut Submission) {
    // Ray shows the last driver of a submission.
    let drivers = snapshot.driver_jobs.iter().filter(|job| of_driver(snapshot, job) == row.submission_id);
    let Some(job) = drivers.max_by_key(|job| job.id) else { return };
    row.driver = Some(job.id);
    row.status = "RUNNING".to_owned();
    row.entrypoint = snapshot.str(job.entrypoint).to_owned();
    row.runtime_env = object(snapshot.str(job.runtime_env));
    row.start_ms = (job.created > 0).then(|| millis(job.created));
    let node = snapshot.id(job.driver_node);
    if !node.is_empty() {
        row.driver_node_id = hex(node);
    }
    for (key, value) in &job.metadata {
        let (key, value) = (snapshot.str(*key), snapshot.str(*value));
        // Ray adds these two to what the user gave.
        if key != SUBMISSION_ID && !(key == "job_name" && value == row.submission_id) {
            row.metadata.insert(key.to_owned(), value.into());
        }
    }
}

/// The supervisor runs in the submission's own runtime environment, on the driver's node.
fn from_actor(snapshot: &Snapshot, row: &mut Submission) {
    let name = format!("{SUPERVISOR_ACTOR}{}", row.submission_id);
    let Some(actor) = snapshot.actors.iter().find(|actor| snapshot.str(actor.name) == name) else { return };
    if row.status.is_empty() {
        row.status = if actor.start > 0 { "RUNNING" } else { "PENDING" }.to_owned();
        row.start_ms = (actor.first_seen > 0).then(|| millis(actor.first_seen));
    }
    if row.driver.is_none() {
        row.runtime_env = object(snapshot.str(actor.runtime_env));
        if let Some(Value::Object(variables)) = row.runtime_env.get_mut("env_vars") {
            // Set by Ray for every supervisor, not by the user.
            variables.retain(|name, _| !name.starts_with("RAY_EXPERIMENTAL_NOSET_"));
        }
    }
    if let Some(lived) = actor.incarnations.last() {
        row.driver_node_id = hex(snapshot.id(lived.node)).or(row.driver_node_id.take());
    }
}

fn from_logs(snapshot: &Snapshot, row: &mut Submission) {
    let facts = &snapshot.facts;
    let id = row.submission_id.clone();
    if row.status.is_empty() {
        row.status = "PENDING".to_owned();
    }
    for (node, log) in facts.driver_logs.of(&id) {
        if let Some(entrypoint) = &log.entrypoint {
            row.entrypoint = entrypoint.to_string();
        }
        if let Some(at) = log.accepted_local_ms.and_then(|at| facts.zone.utc_ms(at)) {
            row.start_ms = Some(at);
        }
        row.driver_node_id.get_or_insert_with(|| node.to_owned());
    }
    let event = facts.job_events.iter().find(|(known, _)| *known == id).map(|(_, event)| event);
    if let Some(started) = event.and_then(|event| event.started_s) {
        row.start_ms.get_or_insert(started.saturating_mul(1_000));
    }
    if let Some(at) = facts.agents.accepted_local_ms(&id).and_then(|at| facts.zone.utc_ms(at)) {
        row.start_ms = Some(at);
    }
    if let Some(completed) = event.and_then(|event| event.completed.as_ref()) {
        row.status = completed.status.to_string();
        row.end_ms = Some(completed.at_s.saturating_mul(1_000));
        if !completed.error.is_empty() {
            row.message = completed.error.to_string();
        }
    }
    let supervisor = facts.supervisors.iter().find(|(known, _)| *known == id).map(|(_, supervisor)| supervisor);
    if let Some(supervisor) = supervisor {
        from_supervisor(snapshot, supervisor, row);
    }
    if facts.agents.never_found(&id) && row.end_ms.is_none() {
        row.status = "FAILED".to_owned();
        row.error_type = Some("JOB_SUPERVISOR_ACTOR_DIED".to_owned());
    }
    let address = row.driver_node_id.as_deref().and_then(|node| facts.agents.address_of(node));
    row.driver_agent_http_address = address.map(|address| format!("http://{address}"));
}

fn from_supervisor(snapshot: &Snapshot, supervisor: &Supervisor, row: &mut Submission) {
    if let Some(node) = &supervisor.node {
        row.driver_node_id = Some(node.to_string());
    }
    let Some((at, ending)) = &supervisor.ending else {
        if supervisor.submitted_ns.is_some() && row.end_ms.is_none() {
            row.status = "RUNNING".to_owned();
        }
        return;
    };
    row.end_ms = Some(millis(*at));
    match ending {
        Ending::Exited(0) => {
            row.status = "SUCCEEDED".to_owned();
            row.driver_exit_code = Some(0);
        }
        Ending::Exited(code) => {
            row.status = "FAILED".to_owned();
            row.driver_exit_code = Some((*code).into());
            row.error_type = Some("JOB_ENTRYPOINT_COMMAND_ERROR".to_owned());
            let last = snapshot.facts.driver_logs.of(&row.submission_id).next().map_or("", |(_, log)| &log.last_lines);
            row.message = if last.is_empty() {
                format!("Job entrypoint command failed with exit code {code}. No logs available.")
            } else {
                format!(
                    "Job entrypoint command failed with exit code {code}, last available logs (truncated to 20,000 \
                     chars):\n{last}"
                )
            };
        }
        Ending::Stopped => row.status = "STOPPED".to_owned(),
        Ending::NotStarted(why) => {
            row.status = "FAILED".to_owned();
            row.error_type = Some("JOB_ENTRYPOINT_COMMAND_START_ERROR".to_owned());
            row.message = why.to_string();
        }
    }
}

/// A stored answer may be older than the end: only a final status counts.
fn from_stored(job: &Value, row: &mut Submission) {
    let status = job["status"].as_str().unwrap_or_default();
    if let Some(entrypoint) = job["entrypoint"].as_str() {
        row.entrypoint = entrypoint.to_owned();
    }
    row.start_ms = job["start_time"].as_i64().or(row.start_ms);
    row.metadata = job["metadata"].as_object().cloned().unwrap_or_else(|| std::mem::take(&mut row.metadata));
    row.runtime_env = job["runtime_env"].as_object().cloned().unwrap_or_else(|| std::mem::take(&mut row.runtime_env));
    texts(job, row);
    if matches!(status, "STOPPED" | "SUCCEEDED" | "FAILED") {
        row.status = status.to_owned();
        row.message = job["message"].as_str().unwrap_or_default().to_owned();
        row.error_type = job["error_type"].as_str().map(str::to_owned);
        row.end_ms = job["end_time"].as_i64().or(row.end_ms);
    }
}

/// One line per change was written: the last one is the truth.
fn from_export(data: &Value, row: &mut Submission) {
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    let time = |key: &str| data[key].as_i64().or_else(|| data[key].as_str()?.parse().ok());
    let status = text("status").unwrap_or_default();
    let over = matches!(status.as_str(), "STOPPED" | "SUCCEEDED" | "FAILED");
    // A cluster that went down while the job ran wrote no last line; the supervisor may have.
    if over || !matches!(row.status.as_str(), "STOPPED" | "SUCCEEDED" | "FAILED") {
        row.status = status;
        row.message = text("message").unwrap_or_default();
        row.error_type = text("error_type").filter(|kind| !kind.is_empty()).or(row.error_type.take());
        row.end_ms = time("end_time").filter(|&at| at > 0).or(row.end_ms);
    }
    row.entrypoint = text("entrypoint").unwrap_or_else(|| std::mem::take(&mut row.entrypoint));
    row.start_ms = time("start_time").filter(|&at| at > 0).or(row.start_ms);
    row.metadata = data["metadata"].as_object().cloned().unwrap_or_default();
    if let Some(env) = data["runtime_env_json"].as_str() {
        row.runtime_env = object(env);
    }
    texts(data, row);
}

fn texts(job: &Value, row: &mut Submission) {
    let text = |key: &str| job[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    row.driver_agent_http_address = text("driver_agent_http_address").or(row.driver_agent_http_address.take());
    row.driver_node_id = text("driver_node_id").or(row.driver_node_id.take());
    row.driver_exit_code = job["driver_exit_code"].as_i64().or(row.driver_exit_code);
}

fn from_events(snapshot: &Snapshot, row: &mut Submission) {
    let found = snapshot.submission_events.iter().find(|event| snapshot.str(event.submission_id) == row.submission_id);
    let Some(event) = found else { return };
    let text = |handle| Some(snapshot.str(handle)).filter(|text| !text.is_empty()).map(str::to_owned);
    row.entrypoint = text(event.entrypoint).unwrap_or_else(|| std::mem::take(&mut row.entrypoint));
    if !event.runtime_env.is_empty() {
        row.runtime_env = object(snapshot.str(event.runtime_env));
    }
    for (key, value) in &event.metadata {
        row.metadata.insert(snapshot.str(*key).to_owned(), snapshot.str(*value).into());
    }
    if let Some(status) = text(event.status) {
        row.status = status;
        row.message = text(event.message).unwrap_or_default();
        row.error_type = text(event.error_type);
        row.start_ms = (event.start > 0).then(|| millis(event.start)).or(row.start_ms);
        row.end_ms = (event.end > 0).then(|| millis(event.end));
    }
    row.driver_node_id = text(event.driver_node).or(row.driver_node_id.take());
    row.driver_agent_http_address = text(event.driver_agent_http_address).or(row.driver_agent_http_address.take());
    row.driver_exit_code = event.driver_exit_code.map(i64::from).or(row.driver_exit_code);
}

fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

fn hex(id: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(2 * id.len());
    crate::snapshot::id::push_hex(&mut out, id);
    String::from_utf8(out).ok().filter(|hex| !hex.is_empty())
}
