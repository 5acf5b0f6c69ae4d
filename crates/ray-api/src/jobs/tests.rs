use super::*;
use crate::state;
use ray_history_core::snapshot::submission::{JobStatus, JobType};
use serde_json::{Value, json};

fn driver(hex: &str) -> Driver {
    Driver { id: JobId::from_hex(hex).unwrap(), node_ip_address: "127.0.0.1".into(), pid: "7".into() }
}

fn snapshot() -> Arc<Snapshot> {
    let submitted = UnifiedJob {
        job_type: JobType::Submission,
        submission_id: Some("Sub-1".into()),
        drivers: vec![driver("05000000"), driver("06000000")],
        status: JobStatus::Succeeded,
        entrypoint: "python x \"é\"".into(),
        message: Some("Job finished successfully.".into()),
        error_type: None,
        start_ms: Some(1),
        end_ms: Some(2),
        metadata: vec![("a\"".into(), "b".into())],
        runtime_env: r#"{"env_vars": {"TOKEN": "secret"}}"#.into(),
        driver_agent_http_address: Some("http://127.0.0.1:1".into()),
        driver_node_id: Some("ab".into()),
        driver_exit_code: Some(0),
    };
    let waiting = UnifiedJob {
        submission_id: Some("waits".into()),
        drivers: Vec::new(),
        status: JobStatus::Pending,
        end_ms: None,
        driver_exit_code: None,
        ..submitted.clone()
    };
    let own = UnifiedJob {
        job_type: JobType::Driver,
        submission_id: None,
        drivers: vec![driver("04000000")],
        status: JobStatus::Running,
        message: None,
        end_ms: Some(0),
        ..submitted.clone()
    };
    Arc::new(Snapshot { jobs: vec![submitted, waiting, own], ..Snapshot::default() })
}

fn read(answer: Answer) -> Value {
    serde_json::from_slice(&answer.into_bytes()).unwrap()
}

#[test]
fn writes_every_field_and_hides_secrets_from_browsers() {
    let expected = json!({
        "type": "SUBMISSION", "job_id": "06000000", "submission_id": "Sub-1",
        "driver_info": {"id": "06000000", "node_ip_address": "127.0.0.1", "pid": "7"}, "status": "SUCCEEDED",
        "entrypoint": "python x \"é\"", "message": "Job finished successfully.", "error_type": null, "start_time": 1,
        "end_time": 2, "metadata": {"a\"": "b"}, "runtime_env": {"env_vars": {"TOKEN": "secret"}},
        "driver_agent_http_address": "http://127.0.0.1:1", "driver_node_id": "ab", "driver_exit_code": 0
    });
    let snapshot = snapshot();
    let all = read(list(&snapshot, &Query::of(&[])).unwrap());
    assert_eq!(all[0], expected);
    assert_eq!(all[1]["driver_info"], Value::Null);
    let hidden = read(list(&snapshot, &Query { redact: true, ..Query::of(&[]) }).unwrap());
    assert_eq!(hidden[0]["runtime_env"], json!({"env_vars": {"TOKEN": "<redacted>"}}));
    assert!(!hidden.to_string().contains("secret"));
}

#[test]
fn finds_job_by_submission_or_any_driver() {
    let snapshot = snapshot();
    for (id, job_id) in
        [("Sub-1", "06000000"), ("05000000", "05000000"), ("06000000", "06000000"), ("04000000", "04000000")]
    {
        assert_eq!(read(one(&snapshot, &Query::of(&[]), id).unwrap())["job_id"], job_id, "{id}");
    }
    for id in ["sub-1", "", "07000000", "nope"] {
        let refusal = one(&snapshot, &Query::of(&[]), id).unwrap_err();
        assert_eq!(refusal, RayError::NotFound(format!("Job {id} does not exist")));
    }
}

#[test]
fn state_api_sorts_by_job_id_and_filters() {
    let snapshot = snapshot();
    let rows = |query: &[(&str, &str)]| {
        let answer = read(state::jobs::list(&snapshot, &Query::of(query)).unwrap());
        let result = answer["data"]["result"].clone();
        let ids: Vec<String> =
            result["result"].as_array().unwrap().iter().map(|row| row["job_id"].to_string()).collect();
        (ids.join(" "), result["total"].clone(), result["num_filtered"].clone())
    };
    assert_eq!(rows(&[]), (r#"null "04000000" "06000000""#.into(), json!(3), json!(3)));
    let filter = |key, value| [("filter_keys", key), ("filter_predicates", "="), ("filter_values", value)];
    assert_eq!(rows(&filter("submission_id", "SUB-1")), (r#""06000000""#.into(), json!(3), json!(1)));
    assert_eq!(rows(&filter("type", "driver")), (r#""04000000""#.into(), json!(3), json!(1)));
    assert_eq!(rows(&filter("status", "PENDING")), ("null".into(), json!(3), json!(1)));
    assert!(state::jobs::list(&snapshot, &Query::of(&filter("entrypoint", "x"))).is_err());
    let plain = read(state::jobs::list(&snapshot, &Query::of(&[("limit", "1")])).unwrap());
    assert_eq!(plain["data"]["result"]["result"][0].as_object().unwrap().len(), 8);
    let detail = read(state::jobs::list(&snapshot, &Query { redact: true, ..Query::of(&[("detail", "1")]) }).unwrap());
    assert_eq!(detail["data"]["result"]["result"][0].as_object().unwrap().len(), 15);
    assert!(!detail.to_string().contains("secret"));
}
