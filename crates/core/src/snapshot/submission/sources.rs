//! Sources of a submission's fields other than the stored answer, and drivers with and without a submission.

mod drivers;
mod logs;

use super::index::Index;
use super::partial::{PartialJob, text};
use super::{JobStatus, some_millis};
use crate::base::actor::ActorState;
use crate::base::id::push_hex;
use crate::base::stored_json;
use crate::logs::Facts;
use crate::logs::export::Export;
use crate::snapshot::Snapshot;
use crate::snapshot::actor::Actor;
use crate::snapshot::intern::Id;
pub(super) use drivers::{driver_job, drivers, drivers_of};
pub(super) use logs::{agent, driver_logs, job_event, supervisor};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `event_data` of `EXPORT_SUBMISSION_JOB`; 64-bit numbers are strings.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Exported {
    status: String,
    entrypoint: String,
    message: Option<Box<str>>,
    error_type: Option<Box<str>>,
    start_time: Value,
    end_time: Value,
    metadata: BTreeMap<Box<str>, Box<str>>,
    runtime_env_json: String,
    driver_agent_http_address: String,
    driver_node_id: String,
    driver_exit_code: Option<i32>,
}

/// Reads the latest `EXPORT_SUBMISSION_JOB` row.
pub(super) fn export(facts: &Facts, id: &str) -> Option<PartialJob> {
    let row = facts.exports.get(Export::SubmissionJob, id)?;
    let row: Exported = stored_json::read_borrowed(&row.json)?;
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|ms| *ms != 0);
    Some(PartialJob {
        status: JobStatus::parse(&row.status),
        message: row.message.filter(|message| !message.is_empty()),
        error_type: row.error_type.filter(|kind| !kind.is_empty()),
        end_ms: number(&row.end_time),
        assumed: false,
        exit_code: row.driver_exit_code,
        entrypoint: text(&row.entrypoint),
        start_ms: number(&row.start_time),
        metadata: Some(row.metadata.into_iter().collect()),
        runtime_env: object(&row.runtime_env_json),
        agent: text(&row.driver_agent_http_address),
        node: text(&row.driver_node_id),
    })
}

/// Reads the row of `SUBMISSION_JOB_*` events.
pub(super) fn event(index: &Index<'_>, id: &str) -> Option<PartialJob> {
    let (snapshot, event) = (index.snapshot, index.events(id)?);
    let string = |handle| text(snapshot.str(handle));
    let metadata = event.metadata.iter().map(|(key, value)| (snapshot.str(*key).into(), snapshot.str(*value).into()));
    Some(PartialJob {
        status: JobStatus::parse(snapshot.str(event.status)),
        message: string(event.message),
        error_type: string(event.error_type),
        end_ms: some_millis(event.end),
        assumed: false,
        exit_code: event.driver_exit_code,
        entrypoint: string(event.entrypoint),
        start_ms: some_millis(event.start),
        metadata: Some(metadata.collect()).filter(|metadata: &Vec<_>| !metadata.is_empty()),
        runtime_env: object(snapshot.str(event.runtime_env)),
        agent: string(event.driver_agent_http_address),
        node: string(event.driver_node),
    })
}

/// `deathCause` of an actor that never ran.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct DeathCause {
    runtime_env_failed_context: Option<Failure>,
    actor_unschedulable_context: Option<Failure>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Failure {
    error_message: String,
}

/// Reads the supervisor actor. Its environment is the submission's plus Ray's additions; its node is the driver's.
pub(super) fn actor(snapshot: &Snapshot, actor: &Actor) -> PartialJob {
    let cause: DeathCause = stored_json::read(snapshot.text(actor.death_cause)).unwrap_or_default();
    let mut partial = match cause {
        DeathCause { runtime_env_failed_context: Some(why), .. } => {
            let message =
                format!("runtime_env setup failed: Failed to set up runtime environment.\n{}", why.error_message);
            PartialJob::failure(message, "RUNTIME_ENV_SETUP_FAILURE")
        }
        DeathCause { actor_unschedulable_context: Some(why), .. } => {
            let message = format!(
                "Job supervisor actor could not be scheduled: The actor is not schedulable: {}",
                why.error_message
            );
            PartialJob::failure(message, "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE")
        }
        _ => PartialJob::status(JobStatus::Pending),
    };
    if partial.status == Some(JobStatus::Failed) && actor.state == ActorState::Dead {
        partial.end_ms = some_millis(actor.end);
    }
    partial.runtime_env = users_runtime_env(snapshot.str(actor.runtime_env));
    partial.node = actor.incarnations.last().and_then(|last| hex(snapshot, last.node));
    partial
}

/// Variables that Ray adds to a supervisor's environment, with their values (`_get_supervisor_runtime_env`).
const ADDED_VARIABLES: [(&str, &str); 3] = [
    ("RAY_worker_niceness", "0"),
    ("RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES", "1"),
    ("RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES", "1"),
];

/// Returns a supervisor's runtime environment without Ray's additions.
fn users_runtime_env(serialized: &str) -> Option<Box<str>> {
    let mut env: Map<String, Value> = stored_json::read(serialized)?;
    if let Some(Value::Object(variables)) = env.get_mut("env_vars") {
        variables
            .retain(|key, value| !ADDED_VARIABLES.iter().any(|(name, set)| key == name && value.as_str() == Some(set)));
        if variables.is_empty() {
            env.remove("env_vars");
        }
    }
    // With RAY_STREAM_RUNTIME_ENV_LOG_TO_JOB_DRIVER_LOG_ENV_VAR Ray adds a default config that names the driver's log.
    let is_driver_log = |file: &Value| file.as_str().is_some_and(|file| file.contains("/job-driver-"));
    let added = env.get("config").and_then(|config| config.get("log_files")).and_then(Value::as_array);
    if added.is_some_and(|files| files.iter().all(is_driver_log) && !files.is_empty()) {
        if let Some(Value::Object(config)) = env.get_mut("config") {
            config.remove("log_files");
        }
        let default = serde_json::json!({"eager_install": true, "setup_timeout_seconds": 600});
        if env.get("config").is_some_and(|config| *config == default || config.as_object().is_some_and(Map::is_empty)) {
            env.remove("config");
        }
    }
    Some(Value::Object(env).to_string().into())
}

/// Returns the text of a JSON object; `None` for anything else.
fn object(json: &str) -> Option<Box<str>> {
    stored_json::object(json).map(|object| object.trim().into())
}

/// Returns an id in hex; `None` for no id.
fn hex(snapshot: &Snapshot, id: Id) -> Option<Box<str>> {
    let mut out = Vec::new();
    push_hex(&mut out, snapshot.id(id));
    String::from_utf8(out).ok().and_then(|hex| text(&hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_rays_additions_from_supervisor_environment() {
        for (serialized, users) in [
            (r#"{"env_vars": {"RAY_worker_niceness": "0", "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}}"#, "{}"),
            (
                r#"{"env_vars": {"A": "b", "RAY_worker_niceness": "0"}, "pip": ["x"]}"#,
                r#"{"env_vars":{"A":"b"},"pip":["x"]}"#,
            ),
            (r#"{"env_vars": {"RAY_worker_niceness": "5"}}"#, r#"{"env_vars":{"RAY_worker_niceness":"5"}}"#),
            (
                r#"{"config": {"eager_install": true, "log_files": ["/x/job-driver-a.log"], "setup_timeout_seconds": 600}}"#,
                "{}",
            ),
        ] {
            assert_eq!(users_runtime_env(serialized).as_deref(), Some(users), "{serialized}");
        }
        assert_eq!(users_runtime_env("{oops"), None);
    }
}
