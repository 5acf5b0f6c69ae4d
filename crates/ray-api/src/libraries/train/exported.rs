//! Runs and attempts from the export files: proto messages written as JSON, converted back to Ray's schema.
//!
//! In the files ids are base64, 64-bit numbers are strings, and fields that are null in the schema are left out.
//! Source: `train_run_to_proto` and `train_run_attempt_to_proto` in `train/v2/_internal/state/export.py`.

use super::proto::{hex, int, list, object, text};
use super::{Object, settings};
use ray_history_core::base::stored_json;
use ray_history_core::logs::export::Export;
use ray_history_core::snapshot::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns every exported run of Train v2 with its attempts, ordered by start.
pub(super) fn runs(snapshot: &Snapshot) -> impl Iterator<Item = Object> {
    let rows = |kind: Export| {
        let rows = snapshot.facts.exports.rows(kind);
        rows.filter_map(|(_, row)| stored_json::value(&*row.json))
            // The older Train also exports runs, which belong to `/api/train/v2/runs`.
            .filter(|row| row["ray_train_version"].as_i64() != Some(1))
    };
    let mut attempts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows(Export::TrainRunAttempt) {
        attempts.entry(text(&row["run_id"])).or_default().push(attempt(&row));
    }
    for attempts in attempts.values_mut() {
        attempts.sort_by_key(|attempt| attempt["start_time_ns"].as_i64());
    }
    rows(Export::TrainRun).filter_map(move |row| {
        let attempts = attempts.remove(&text(&row["id"])).unwrap_or_default();
        let mut run = json!({
            "id": text(&row["id"]),
            "name": text(&row["name"]),
            "job_id": hex::<4>(&row["job_id"]),
            "controller_actor_id": hex::<16>(&row["controller_actor_id"]),
            "status": row["status"],
            "status_detail": row["status_detail"],
            "start_time_ns": int(&row["start_time_ns"]),
            "end_time_ns": int(&row["end_time_ns"]),
            "controller_log_file_path": row["controller_log_file_path"],
            "framework_versions": object(&row["framework_versions"]),
            "attempts": attempts,
        });
        // Older versions of Ray did not record settings.
        if let Some(exported) = row.get("run_settings") {
            run["run_settings"] = settings::exported(exported);
        }
        run.as_object().cloned()
    })
}

fn attempt(row: &Value) -> Value {
    let workers = row["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({
        "run_id": text(&row["run_id"]),
        "attempt_id": text(&row["attempt_id"]),
        "status": row["status"],
        "status_detail": row["status_detail"],
        "start_time_ns": int(&row["start_time_ns"]),
        "end_time_ns": int(&row["end_time_ns"]),
        "resources": list(&row["resources"]),
        "workers": workers.iter().map(worker).collect::<Vec<_>>(),
    })
}

fn worker(row: &Value) -> Value {
    // A proto omits zeros.
    let rank = |key: &str| int(&row[key]).as_i64().unwrap_or_default();
    json!({
        "world_rank": rank("world_rank"),
        "local_rank": rank("local_rank"),
        "node_rank": rank("node_rank"),
        "actor_id": hex::<16>(&row["actor_id"]),
        "node_id": hex::<28>(&row["node_id"]),
        "node_ip": text(&row["node_ip"]),
        "pid": rank("pid"),
        "gpu_ids": list(&row["gpu_ids"]),
        "status": row["status"],
        "resources": {"resources": object(&row["resources"]["resources"])},
        "log_file_path": row["log_file_path"],
    })
}
