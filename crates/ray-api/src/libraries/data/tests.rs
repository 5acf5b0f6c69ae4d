use super::*;

fn get(snapshot: Snapshot, job: &str) -> Value {
    serde_json::from_slice(&datasets(&Arc::new(snapshot), job).unwrap().into_bytes()).unwrap()
}

/// Two datasets as exported by Ray 2.60, without panels and arguments; the second one was still running.
const EXPORTED: &str = r#"{"event_id": "a", "timestamp": 1795389185, "source_type": "EXPORT_DATASET_METADATA", "event_data": {"topology": {"operators": [{"name": "Input", "id": "Input_0", "state": "PENDING"}]}, "dataset_id": "dataset_1", "job_id": "04000000", "start_time": 1795389185.039452, "execution_start_time": 0.0, "execution_end_time": 0.0, "state": "PENDING"}}
{"event_id": "b", "timestamp": 1795389190, "source_type": "EXPORT_DATASET_METADATA", "event_data": {"topology": {"operators": [{"name": "Input", "id": "Input_0", "state": "FINISHED"}]}, "dataset_id": "dataset_1", "job_id": "04000000", "start_time": 1795389185.039452, "execution_start_time": 1795389185.0463233, "execution_end_time": 1795389190.3901906, "state": "FINISHED"}}
{"event_id": "c", "timestamp": 1795389190, "source_type": "EXPORT_DATASET_METADATA", "event_data": {"topology": {"operators": []}, "dataset_id": "dataset_2", "job_id": "04000000", "start_time": 1795389190.4351873, "execution_start_time": 1795389190.4501672, "execution_end_time": 0.0, "state": "RUNNING"}}
"#;

fn exported_snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.facts.read("n", "export_events/event_EXPORT_DATASET_METADATA.log", EXPORTED.as_bytes());
    snapshot
}

#[test]
fn lists_exported_datasets_newest_first() {
    let answer = get(exported_snapshot(), "04000000");
    let rows = answer["datasets"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["dataset"]).collect::<Vec<_>>(), ["dataset_2", "dataset_1"]);
    assert_eq!((&rows[0]["state"], &rows[0]["end_time"]), (&json!("RUNNING"), &Value::Null));
    assert_eq!(rows[1]["end_time"], json!(1_795_389_190.390_190_6));
    assert_eq!(rows[1]["start_time"], json!(1_795_389_185.039_452));
    for row in [&rows[1], &rows[1]["operators"][0]] {
        assert_eq!(row["state"], "FINISHED");
        assert_eq!(row["total_rows"], Value::Null);
        assert_eq!(row["ray_data_current_bytes"], json!({"value": 0, "max": 0}));
        assert_eq!(METRICS.iter().filter(|(metric, _)| row[metric]["max"] == 0).count(), 6);
    }
    assert_eq!(rows[1]["operators"][0]["operator"], "Input_0");
    assert_eq!(get(exported_snapshot(), "02000000"), json!({"datasets": []}));
    assert_eq!(get(Snapshot::default(), "x"), json!({"datasets": []}));
}

#[test]
fn stored_dataset_wins_unless_it_was_still_running() {
    let mut snapshot = exported_snapshot();
    let stored = r#"{"datasets": [{"dataset": "dataset_1", "state": "RUNNING", "start_time": 1.0},
        {"dataset": "dataset_2", "state": "RUNNING", "total": 7, "start_time": 2.0}]}"#;
    snapshot.endpoints.insert("api/data/datasets/04000000".into(), stored.into());
    let answer = get(snapshot, "04000000");
    let rows = answer["datasets"].as_array().unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row["dataset"].as_str(), row["state"].as_str(), &row["total"])).collect();
    let expected =
        [(Some("dataset_1"), Some("FINISHED"), &Value::Null), (Some("dataset_2"), Some("RUNNING"), &json!(7))];
    assert_eq!(seen, expected);
}
