//! Compares real events of Ray 2.60 with its state API's answers for the same actors.

use super::*;
use crate::test_events::{ALIVE, DEAD_NODE, GROUPED, HEAD, NEVER_RAN, RESTARTED, query_from, result_of, snapshot};
use serde_json::{Value, json};

fn get(query: &str) -> Value {
    result_of(list, &query_from(query))
}

fn row(id: &str) -> Value {
    let all = get("detail:1");
    all["result"].as_array().unwrap().iter().find(|row| row["actor_id"] == id).unwrap().clone()
}

#[test]
fn plain_rows_have_rays_columns_and_are_sorted_by_id() {
    let all = get("");
    let ids: Vec<&str> = all["result"].as_array().unwrap().iter().filter_map(|row| row["actor_id"].as_str()).collect();
    assert!(ids.is_sorted() && ids.len() == 5);
    assert_eq!(
        all["result"][0],
        json!({
            "actor_id": ALIVE, "class_name": "ServeController", "state": "ALIVE", "job_id": "04000000",
            "name": "SERVE_CONTROLLER_ACTOR", "node_id": HEAD, "pid": 11187, "ray_namespace": "serve",
        })
    );
    let counts = [&all["total"], &all["num_after_truncation"], &all["num_filtered"]];
    assert_eq!(counts, [&json!(5), &json!(5), &json!(5)]);
    assert_eq!((&all["partial_failure_warning"], &all["warnings"]), (&json!(""), &Value::Null));
}

#[test]
fn details_of_a_restarted_actor_that_died() {
    let row = row(RESTARTED);
    let died = &row["death_cause"]["actor_died_error_context"];
    assert_eq!(died["owner_id"], json!("02000000ffffffffffffffffffffffffffffffffffffffffffffffff"));
    assert_eq!((&died["reason"], &died["never_started"]), (&json!("OWNER_DIED"), &json!(false)));
    assert_eq!((&row["num_restarts"], &row["repr_name"]), (&json!("1"), &json!("A(n=0)")));
    assert_eq!((&row["num_restarts_due_to_node_preemption"], &row["is_detached"]), (&json!("0"), &json!(false)));
    assert_eq!((&row["node_id"], &row["pid"]), (&json!(DEAD_NODE), &json!(10599)));
    for unset in ["placement_group_id", "call_site", "fallback_strategy"] {
        assert_eq!(row[unset], Value::Null, "{unset}");
    }
    assert_eq!(row["label_selector"], json!({}));
}

#[test]
fn actor_that_never_ran_has_reason_of_its_nodes_death() {
    let row = row(NEVER_RAN);
    assert_eq!((&row["node_id"], &row["pid"]), (&Value::Null, &json!(0)));
    let info = &row["death_cause"]["actor_died_error_context"]["node_death_info"];
    let message = "health check failed due to missing too many heartbeats";
    assert_eq!(*info, json!({"reason": "UNEXPECTED_TERMINATION", "reason_message": message}));
}

#[test]
fn keeps_resource_names_of_placement_group() {
    assert_eq!(row(GROUPED)["required_resources"].as_object().unwrap().len(), 4);
    assert_eq!(row(ALIVE)["death_cause"], Value::Null);
}

#[test]
fn filters_do_not_reduce_the_totals() {
    for (query, rows) in [
        ("filter_keys:state&filter_predicates:=&filter_values:dead", 4),
        ("filter_keys:job_id&filter_predicates:=&filter_values:02000000", 2),
        ("filter_keys:pid&filter_predicates:=&filter_values:11187", 1),
        // Ray tests for the key first: `!=` never matches a row without a node.
        (&format!("filter_keys:node_id&filter_predicates:!=&filter_values:{HEAD}"), 1),
        ("filter_keys:placement_group_id&filter_predicates:!=&filter_values:ff", 1),
    ] {
        let answer = get(query);
        assert_eq!((&answer["num_filtered"], &answer["total"]), (&json!(rows), &json!(5)), "{query}");
        assert_eq!(answer["num_after_truncation"], json!(5), "{query}");
    }
    let limited = get("limit:1");
    assert_eq!((limited["result"].as_array().unwrap().len(), &limited["num_filtered"]), (1, &json!(5)));
}

#[test]
fn refuses_invalid_filters_with_rays_text() {
    for (query, words) in [
        ("filter_keys:state&filter_predicates:=&filter_values:gone", "Invalid actor state for filtering: GONE"),
        ("filter_keys:actor_id&filter_predicates:=&filter_values:zz", "Non-hexadecimal digit found"),
        ("filter_keys:bogus&filter_predicates:=&filter_values:1", "The given filter column bogus is not supported."),
    ] {
        let refusal = list(&snapshot(), &query_from(query)).unwrap_err();
        assert!(matches!(&refusal, RayError::BadQuery(text) if text.starts_with(words)), "{refusal}");
    }
}

#[test]
fn hides_values_of_environment_variables_on_request() {
    let shown = row(ALIVE)["serialized_runtime_env"].to_string();
    assert!(shown.contains("RAY_TRAIN_V2_ENABLED") && !shown.contains("<redacted>"));
    let answer = list(&snapshot(), &Query { redact: true, ..query_from("detail:1") }).unwrap();
    let text = String::from_utf8(answer.into_bytes()).unwrap();
    assert!(text.contains(r#"\"RAY_TRAIN_V2_ENABLED\": \"<redacted>\""#));
}
