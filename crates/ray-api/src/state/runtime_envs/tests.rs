use super::*;
use ray_history_core::base::id::RayId;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use serde_json::{Value, json};

#[test]
fn writes_numbers_as_strings_and_hides_secrets() {
    let created = NodeRuntimeEnv {
        node: RayId([1; 28]),
        runtime_env: r#"{"env_vars":{"K":"secret"}}"#.into(),
        success: Some(true),
        creation_time_ms: Some(3),
        ref_cnt: Some(2),
        error: None,
    };
    let failed = NodeRuntimeEnv { success: Some(false), error: Some("no".into()), ..created.clone() };
    let snapshot = Arc::new(Snapshot { runtime_envs: vec![created, failed], ..Snapshot::default() });
    let get = |query: &[(&str, &str)], redact| -> Value {
        let answer = list(&snapshot, &Query { redact, ..Query::of(query) }).unwrap();
        serde_json::from_slice(&answer.into_bytes()).unwrap()
    };
    let detail = get(&[("detail", "1")], false);
    let result = &detail["data"]["result"];
    assert_eq!(result["partial_failure_warning"], Value::Null);
    let expected = json!({"runtime_env": {"env_vars": {"K": "secret"}}, "success": true, "creation_time_ms": "3", "node_id": "01".repeat(28), "ref_cnt": "2", "error": null});
    assert_eq!(result["result"][0], expected);
    assert_eq!(result["result"][1]["error"], "no");
    let failed = get(&[("filter_keys", "success"), ("filter_predicates", "="), ("filter_values", "false")], true);
    let rows = failed["data"]["result"]["result"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0].as_object().unwrap().len()), (1, 4));
    assert_eq!(rows[0]["runtime_env"]["env_vars"]["K"], "<redacted>");
}
