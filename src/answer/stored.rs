//! Answers that the live dashboard gave and a collector kept: Serve, Data, Train, metadata, time zone.
//!
//! No event tells them. Where nothing was kept, the answer is Ray's own for "there is none", never an invented one.

use super::{Answer, Question, Refusal, redact};
use crate::logs::export::Export;
use crate::snapshot::Snapshot;
use serde_json::{Value, json};
use std::sync::Arc;

/// A stored answer, parsed; damaged ones count as not stored.
pub(super) fn body(snapshot: &Snapshot, url: &str) -> Option<Value> {
    serde_json::from_slice(snapshot.endpoints.get(url)?).ok()
}

fn reply(value: &Value) -> Answer {
    Answer::json(value.to_string().into_bytes())
}

/// `/api/serve/applications/`: without a stored one, what Ray says when Serve was never started.
pub fn serve(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut stored = body(snapshot, "api/serve/applications").unwrap_or_else(|| {
        json!({"controller_info": {"node_id": null, "node_ip": null, "node_instance_id": null, "actor_id": null,
            "actor_name": null, "worker_id": null, "log_file_path": null},
            "proxy_location": null, "http_options": null, "grpc_options": null, "proxies": {}, "applications": {},
            "target_capacity": null, "target_groups": []})
    });
    if let Some(members) = stored.as_object_mut() {
        // The page looks whether the key is there, not what it holds.
        members.retain(|key, value| !(matches!(key.as_str(), "http_options" | "grpc_options") && value.is_null()));
    }
    if question.redact {
        redact::deep(&mut stored);
    }
    Ok(reply(&stored))
}

/// `/api/data/datasets/{job}`.
pub fn datasets(snapshot: &Arc<Snapshot>, job: &str) -> Result<Answer, Refusal> {
    let stored = body(snapshot, &format!("api/data/datasets/{job}"));
    Ok(reply(&stored.unwrap_or_else(|| json!({"datasets": exported_datasets(snapshot, job)}))))
}

/// Datasets as the export files tell them: names, states and times; the numbers of running ones are not in there.
fn exported_datasets(snapshot: &Snapshot, job: &str) -> Vec<Value> {
    let none = json!({"max": 0});
    let gauge = json!({"value": 0, "max": 0});
    let metrics = |row: &mut serde_json::Map<String, Value>| {
        for key in ["ray_data_output_rows", "ray_data_spilled_bytes"] {
            row.insert(key.into(), none.clone());
        }
        for key in ["current_bytes", "cpu_usage_cores", "gpu_usage_cores", "memory_usage_bytes"] {
            row.insert(format!("ray_data_{key}"), gauge.clone());
        }
    };
    let mut datasets = Vec::new();
    for (id, row) in snapshot.facts.exports.rows(Export::Dataset) {
        let Ok(data) = serde_json::from_str::<Value>(&row.json) else { continue };
        if data["job_id"].as_str() != Some(job) {
            continue;
        }
        let operators = data["topology"]["operators"].as_array().map(Vec::as_slice).unwrap_or_default();
        let operators = operators.iter().map(|operator| {
            let name = operator["name"].as_str().unwrap_or_default();
            let mut shown = serde_json::Map::new();
            shown.insert("operator".into(), operator["id"].clone());
            shown.insert("name".into(), name.into());
            shown.insert("state".into(), operator["state"].clone());
            for key in ["progress", "total", "queued_blocks"] {
                shown.insert(key.into(), 0.into());
            }
            shown.insert("total_rows".into(), Value::Null);
            metrics(&mut shown);
            Value::Object(shown)
        });
        let mut shown = serde_json::Map::new();
        shown.insert("dataset".into(), data["dataset_name"].as_str().unwrap_or(id).into());
        shown.insert("job_id".into(), job.into());
        shown.insert("state".into(), data["state"].clone());
        for key in ["progress", "total"] {
            shown.insert(key.into(), 0.into());
        }
        shown.insert("total_rows".into(), Value::Null);
        shown.insert("start_time".into(), data["execution_start_time"].clone());
        shown.insert("end_time".into(), data["execution_end_time"].clone());
        shown.insert("operators".into(), operators.collect());
        metrics(&mut shown);
        datasets.push(Value::Object(shown));
    }
    datasets
        .sort_by(|a, b| b["start_time"].as_f64().unwrap_or(0.0).total_cmp(&a["start_time"].as_f64().unwrap_or(0.0)));
    datasets
}

/// `/api/train/v2/runs/v1`.
pub fn train_runs(snapshot: &Arc<Snapshot>) -> Result<Answer, Refusal> {
    Ok(reply(&body(snapshot, "api/train/v2/runs/v1").unwrap_or_else(|| json!({"train_runs": []}))))
}

/// `/api/train/v2/runs`: runs of the older Train.
pub fn old_train_runs(snapshot: &Arc<Snapshot>) -> Result<Answer, Refusal> {
    match body(snapshot, "api/train/v2/runs") {
        Some(stored) => Ok(reply(&stored)),
        None => Err(Refusal::Failed(
            "Train state data is not available. Please make sure Ray Train is running and that the Train state actor \
             is enabled by setting the RAY_TRAIN_ENABLE_STATE_TRACKING environment variable to \"1\"."
                .to_owned(),
        )),
    }
}

/// `/api/v0/cluster_metadata`.
pub fn cluster_metadata(snapshot: &Arc<Snapshot>) -> Result<Answer, Refusal> {
    let stored = body(snapshot, "api/v0/cluster_metadata");
    let built = || {
        let version = snapshot.facts.monitor.ray_version();
        let version = if version.is_empty() { Value::Null } else { version.into() };
        json!({"result": true, "msg": "", "data": {"rayVersion": version, "pythonVersion": null}})
    };
    Ok(reply(&stored.unwrap_or_else(built)))
}

/// `/timezone`: the head's zone; UTC's offset where neither an answer nor a log tells it.
pub fn timezone(snapshot: &Arc<Snapshot>) -> Result<Answer, Refusal> {
    Ok(reply(&body(snapshot, "timezone").unwrap_or_else(|| json!({"offset": "+00:00", "value": "Etc/UTC"}))))
}

/// `/api/version`, which Ray's job command asks first.
pub fn version(snapshot: &Arc<Snapshot>) -> Result<Answer, Refusal> {
    let stored = body(snapshot, "api/v0/cluster_metadata");
    let stored = stored.as_ref().and_then(|stored| stored["data"]["rayVersion"].as_str());
    let monitor = &snapshot.facts.monitor;
    Ok(reply(&json!({
        "version": "4",
        "ray_version": stored.unwrap_or(monitor.ray_version()),
        "ray_commit": monitor.ray_commit(),
        "session_name": snapshot.session_name,
    })))
}
