//! `/api/data/datasets/{job}`: datasets of Ray Data.
//!
//! The live dashboard queries the stats actor and Prometheus, which are gone. Two sources remain: the stored response,
//! and the export files (names, operators, states and times; counts of blocks and rows are null). A stored dataset
//! that was still running is replaced by one that is known to have ended, because polling stops before the cluster.
//! Source: `dashboard/modules/data/data_head.py`, `data/_internal/{stats,metadata_exporter}.py`.

use crate::json::JsonWriter;
use crate::{Answer, RayError, pieces, stored};
use ray_history_core::base::stored_json::{self, parts};
use ray_history_core::logs::export::Export;
use ray_history_core::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Prometheus metrics, and `true` if the current value is shown in addition to the maximum.
///
/// Without Prometheus the live answer contains zeros.
const METRICS: [(&str, bool); 6] = [
    ("ray_data_output_rows", false),
    ("ray_data_spilled_bytes", false),
    ("ray_data_current_bytes", true),
    ("ray_data_cpu_usage_cores", true),
    ("ray_data_gpu_usage_cores", true),
    ("ray_data_memory_usage_bytes", true),
];

/// A dataset of the answer.
struct Dataset {
    start: f64,
    has_ended: bool,
    json: stored::Row,
}

/// Answers `/api/data/datasets/{job}`, the newest dataset first.
pub fn datasets(snapshot: &Arc<Snapshot>, job: &str) -> Result<Answer, RayError> {
    let url = format!("api/data/datasets/{job}");
    let mut found: BTreeMap<String, Dataset> = BTreeMap::new();
    for dataset in exported(snapshot, job) {
        let id = dataset["dataset"].as_str().unwrap_or_default().to_owned();
        let start = dataset["start_time"].as_f64().unwrap_or_default();
        let has_ended = dataset["state"].as_str().is_some_and(is_end);
        found.insert(id, Dataset { start, has_ended, json: stored::Row::Built(dataset.to_string()) });
    }
    let stored = snapshot.endpoint(&url).unwrap_or_default();
    for row in parts::at(stored, &["datasets"]).map(parts::objects).unwrap_or_default() {
        let text = |key: &str| parts::at(row, &[key]).and_then(parts::string).unwrap_or_default();
        let start = parts::at(row, &["start_time"]).and_then(parts::number).unwrap_or_default();
        let (id, has_ended) = (text("dataset").into_owned(), is_end(&text("state")));
        if !found.get(&id).is_some_and(|known| known.has_ended && !has_ended) {
            found.insert(id, Dataset { start, has_ended, json: stored::Row::of_slice(row, stored) });
        }
    }
    let mut datasets: Vec<Dataset> = found.into_values().collect();
    datasets.sort_by(|a, b| b.start.total_cmp(&a.start));
    let mut head = pieces::writer(datasets.len());
    head.begin_object();
    head.key("datasets");
    head.begin_array();
    let snapshot = Arc::clone(snapshot);
    let row = move |dataset: Dataset, w: &mut JsonWriter| {
        w.raw(dataset.json.json(snapshot.endpoint(&url)).as_bytes());
    };
    Ok(pieces::answer(head, datasets, row, |w| {
        w.end_array();
        w.end_object();
    }))
}

fn is_end(state: &str) -> bool {
    matches!(state, "FINISHED" | "FAILED")
}

/// Returns the exported datasets of a job.
fn exported<'a>(snapshot: &'a Snapshot, job: &'a str) -> impl Iterator<Item = Value> + use<'a> {
    snapshot.facts.exports.rows(Export::Dataset).filter_map(move |(id, row)| {
        let data: Value = stored_json::value(&*row.json).filter(|data: &Value| data["job_id"] == job)?;
        let operators = data["topology"]["operators"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A proto may omit zero or write it: either means that the dataset has no end yet.
        let time = |key: &str| data[key].as_f64().filter(|time| *time > 0.0);
        let mut dataset = common_fields(&data["state"]);
        dataset.insert("dataset".into(), id.into());
        dataset.insert("job_id".into(), job.into());
        // The stats actor reports the registration as the start, not the first task.
        dataset.insert("start_time".into(), time("start_time").or_else(|| time("execution_start_time")).into());
        dataset.insert("end_time".into(), time("execution_end_time").into());
        dataset.insert("operators".into(), operators.iter().map(operator).collect());
        Some(Value::Object(dataset))
    })
}

fn operator(row: &Value) -> Value {
    let mut operator = common_fields(&row["state"]);
    operator.insert("operator".into(), row["id"].clone());
    operator.insert("name".into(), row["name"].clone());
    operator.insert("queued_blocks".into(), Value::Null);
    Value::Object(operator)
}

/// Returns the fields that datasets and operators have in common.
fn common_fields(state: &Value) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("state".into(), state.clone());
    for unknown in ["progress", "total", "total_rows"] {
        row.insert(unknown.into(), Value::Null);
    }
    for (metric, has_current) in METRICS {
        row.insert(metric.into(), if has_current { json!({"value": 0, "max": 0}) } else { json!({"max": 0}) });
    }
    row
}

#[cfg(test)]
mod tests;
