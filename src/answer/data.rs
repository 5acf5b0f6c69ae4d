//! `/api/data/datasets/{job}`: datasets of Ray Data.
//!
//! The live dashboard asks the stats actor and Prometheus, which are gone. Two sources: the stored answer, and the
//! export files (names, operators, states and times; numbers of blocks and rows are not in there and null). A stored
//! dataset that still runs gives way to one that is known to have ended, because polling stops before the cluster does.
//! Source: `dashboard/modules/data/data_head.py`, `data/_internal/{stats,metadata_exporter}.py`.

use super::{Answer, Refusal, stored};
use crate::base::stored_json;
use crate::logs::export::Export;
use crate::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What Prometheus is asked for, and how often; without Prometheus the live answer has zeros.
const METRICS: [(&str, bool); 6] = [
    ("ray_data_output_rows", false),
    ("ray_data_spilled_bytes", false),
    ("ray_data_current_bytes", true),
    ("ray_data_cpu_usage_cores", true),
    ("ray_data_gpu_usage_cores", true),
    ("ray_data_memory_usage_bytes", true),
];

/// Answers `/api/data/datasets/{job}`, the newest dataset first.
pub fn datasets(snapshot: &Arc<Snapshot>, job: &str) -> Result<Answer, Refusal> {
    let id = |dataset: &Value| dataset["dataset"].as_str().unwrap_or_default().to_owned();
    let mut found: BTreeMap<String, Value> = exported(snapshot, job).map(|dataset| (id(&dataset), dataset)).collect();
    let stored = stored::body(snapshot, &format!("api/data/datasets/{job}"));
    for dataset in stored.iter().filter_map(|body| body["datasets"].as_array()).flatten() {
        let known = found.get(&id(dataset));
        if !known.is_some_and(|known| has_ended(known) && !has_ended(dataset)) {
            found.insert(id(dataset), dataset.clone());
        }
    }
    let mut datasets: Vec<Value> = found.into_values().collect();
    let start = |dataset: &Value| dataset["start_time"].as_f64().unwrap_or_default();
    datasets.sort_by(|a, b| start(b).total_cmp(&start(a)));
    Ok(stored::reply(&json!({"datasets": datasets})))
}

fn has_ended(dataset: &Value) -> bool {
    matches!(dataset["state"].as_str(), Some("FINISHED" | "FAILED"))
}

/// The exported datasets of a job.
fn exported<'a>(snapshot: &'a Snapshot, job: &'a str) -> impl Iterator<Item = Value> + use<'a> {
    snapshot.facts.exports.rows(Export::Dataset).filter_map(move |(id, row)| {
        let data: Value = stored_json::value(&*row.json).filter(|data: &Value| data["job_id"] == job)?;
        let operators = data["topology"]["operators"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A proto leaves out what is zero, or writes it: a dataset that still runs has no end.
        let time = |key: &str| data[key].as_f64().filter(|time| *time > 0.0);
        let mut dataset = shared(&data["state"]);
        dataset.insert("dataset".into(), id.into());
        dataset.insert("job_id".into(), job.into());
        // The stats actor's start is the registration, not the first task.
        dataset.insert("start_time".into(), time("start_time").or_else(|| time("execution_start_time")).into());
        dataset.insert("end_time".into(), time("execution_end_time").into());
        dataset.insert("operators".into(), operators.iter().map(operator).collect());
        Some(Value::Object(dataset))
    })
}

fn operator(row: &Value) -> Value {
    let mut operator = shared(&row["state"]);
    operator.insert("operator".into(), row["id"].clone());
    operator.insert("name".into(), row["name"].clone());
    operator.insert("queued_blocks".into(), Value::Null);
    Value::Object(operator)
}

/// What a dataset and an operator have alike.
fn shared(state: &Value) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("state".into(), state.clone());
    for unknown in ["progress", "total", "total_rows"] {
        row.insert(unknown.into(), Value::Null);
    }
    for (metric, now_too) in METRICS {
        row.insert(metric.into(), if now_too { json!({"value": 0, "max": 0}) } else { json!({"max": 0}) });
    }
    row
}

#[cfg(test)]
mod tests;
