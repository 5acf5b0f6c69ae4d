use super::*;
use ray_history_core::base::task::TaskState;
use ray_history_core::logs::Facts;
use ray_history_core::snapshot::build::Builder;
use serde_json::{Value, json};

/// Three tasks of job 1: `f` that finished, `f` that failed in its second attempt, and the driver's.
fn snapshot() -> Arc<Snapshot> {
    let mut builder = Builder::new("session_x");
    let define = |id: &str, attempt: u32, kind: &str| {
        json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:00Z", "taskDefinitionEvent": {
            "taskId": id, "taskAttempt": attempt, "taskType": kind, "taskName": "f", "jobId": "AQAAAA==",
            "taskFunc": {"pythonFunctionDescriptor": {"functionName": "m.f"}}, "requiredResources": {"CPU": 1},
            "serializedRuntimeEnv": "{\"env_vars\":{\"K\":\"secret\"}}", "parentTaskId": "//////////////////////////8BAAAA"}})
    };
    let advance = |id: &str, attempt: u32, state: &str, error: Value| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": "2026-11-22T23:12:01Z", "taskLifecycleEvent": {
            "taskId": id, "taskAttempt": attempt, "jobId": "AQAAAA==", "workerPid": 7, "rayErrorInfo": error,
            "stateTransitions": [{"state": "RUNNING", "timestamp": "2026-11-22T23:12:00.5Z"}, {"state": state, "timestamp": "2026-11-22T23:12:01Z"}]}})
    };
    let (a, b, driver) =
        ("AAAAAAAAAAD///////////////8BAAAA", "BBBBBBBBBBD///////////////8BAAAA", "//////////////////////////8BAAAA");
    let boom = json!({"errorType": "TASK_EXECUTION_EXCEPTION", "errorMessage": "\u{1b}[31mboom\u{1b}[0m"});
    for event in [
        define(a, 0, "NORMAL_TASK"),
        advance(a, 0, "FINISHED", Value::Null),
        define(b, 0, "NORMAL_TASK"),
        advance(b, 0, "FAILED", boom.clone()),
        define(b, 1, "NORMAL_TASK"),
        advance(b, 1, "FAILED", boom),
        define(driver, 0, "DRIVER_TASK"),
        advance("CCCCCCCCCCD///////////////8BAAAA", 0, "RUNNING", Value::Null),
    ] {
        builder.fold_record("f", 1, event.to_string().as_bytes());
    }
    Arc::new(builder.finish(&Facts::default()))
}

fn get(query: &[(&str, &str)]) -> Value {
    let answer = list(&snapshot(), &Query::of(query)).unwrap();
    serde_json::from_slice::<Value>(&answer.into_bytes()).unwrap()["data"]["result"].take()
}

#[test]
fn sorts_by_task_with_latest_attempt_first() {
    let rows = get(&[]);
    let ids: Vec<_> = rows["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["task_id"].as_str().unwrap()[..2].to_owned(), r["attempt_number"].as_u64()))
        .collect();
    assert_eq!(ids, [("00".into(), Some(0)), ("04".into(), Some(1)), ("04".into(), Some(0))]);
    assert_eq!(rows["total"], 3);
    assert_eq!(get(&[("exclude_driver", "false")])["total"], 4);
    assert_eq!(rows["result"][0]["error_type"], Value::Null);
    assert!(rows["result"][0].get("events").is_none());
}

#[test]
fn truncation_keeps_failed_attempts_and_order() {
    let tasks = &snapshot().tasks;
    let shown = || -> Vec<u32> {
        tasks
            .iter()
            .filter(ray_history_core::snapshot::task::Attempt::is_defined)
            .map(|attempt| attempt.row() as u32)
            .collect()
    };
    let failed: Vec<u32> = tasks
        .iter()
        .filter(|attempt| attempt.state() == TaskState::Failed)
        .map(|attempt| attempt.row() as u32)
        .collect();
    assert_eq!(failed.len(), 2);
    for (limit, expected) in [(0, vec![]), (2, failed), (shown().len(), shown()), (100, shown())] {
        let mut rows = shown();
        truncate::keep_important(tasks, &mut rows, limit);
        assert_eq!(rows, expected, "{limit}");
    }
}

#[test]
fn all_rows_lifts_the_limit() {
    let all = get(&[("all_rows", "1"), ("exclude_driver", "0")]);
    assert_eq!(all["result"].as_array().unwrap().len(), 4);
    assert_eq!(all["num_after_truncation"], all["total"]);
}

#[test]
fn details_have_floats_nulls_and_plain_texts() {
    let row = &get(&[("detail", "1"), ("limit", "2")])["result"][1];
    assert_eq!(row["error_message"], "boom");
    assert_eq!(row["start_time_ms"].to_string(), "1795389120500.0");
    assert_eq!(row["creation_time_ms"], Value::Null);
    assert_eq!(row["required_resources"].to_string(), r#"{"CPU":1.0}"#);
    assert_eq!(row["fallback_strategy"], json!({"options": []}));
    assert_eq!(row["profiling_data"], json!({}));
    assert_eq!(row["task_log_info"], Value::Null);
}

#[test]
fn only_source_filters_reduce_the_total() {
    let filter = |key, value| get(&[("filter_keys", key), ("filter_predicates", "="), ("filter_values", value)]);
    let counts = |rows: Value| ["total", "num_after_truncation", "num_filtered"].map(|key| rows[key].as_u64().unwrap());
    assert_eq!(counts(filter("state", "failed")), [2, 2, 2]);
    assert_eq!(counts(filter("attempt_number", "1")), [3, 3, 1]);
    assert_eq!(counts(filter("job_id", "01000000")), [3, 3, 3]);
    assert_eq!(counts(filter("error_type", "TASK_EXECUTION_EXCEPTION")), [3, 3, 2]);
    let refused = |key, value| {
        list(&snapshot(), &Query::of(&[("filter_keys", key), ("filter_predicates", "="), ("filter_values", value)]))
            .unwrap_err()
    };
    assert_eq!(refused("task_id", "zz"), RayError::BadQuery("Non-hexadecimal digit found".into()));
    assert!(matches!(refused("bogus", "1"), RayError::BadQuery(_)));
}

#[test]
fn hides_secrets_only_from_browsers() {
    let shown = |redact| {
        let query = Query { redact, ..Query::of(&[("detail", "1")]) };
        String::from_utf8(list(&snapshot(), &query).unwrap().into_bytes()).unwrap()
    };
    assert!(shown(false).contains("secret"));
    assert!(!shown(true).contains("secret"));
    assert!(shown(true).contains("<redacted>"));
}

#[test]
fn summary_counts_states_by_name() {
    let summary = |query: &[(&str, &str)]| crate::state::task_summary::summarize(&snapshot(), &Query::of(query));
    let by_name: Value = serde_json::from_slice(&summary(&[]).unwrap().into_bytes()).unwrap();
    let cluster = &by_name["data"]["result"]["result"]["node_id_to_summary"]["cluster"];
    assert_eq!(
        cluster["summary"]["f"],
        json!({"func_or_class_name": "f", "type": "NORMAL_TASK", "state_counts": {"FINISHED": 1, "FAILED": 2}})
    );
    assert_eq!(cluster["total_tasks"], 3);
    let lineage: Value = serde_json::from_slice(&summary(&[("summary_by", "lineage")]).unwrap().into_bytes()).unwrap();
    let groups = &lineage["data"]["result"]["result"]["node_id_to_summary"]["cluster"]["summary"];
    assert_eq!(groups[0]["type"], "GROUP");
    assert_eq!(groups[0]["children"][0]["state_counts"], json!({"FAILED": 2}));
    assert!(matches!(summary(&[("summary_by", "bogus")]), Err(RayError::Failed(_))));
}
