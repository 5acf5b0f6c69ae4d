//! Compares counts with those of Ray 2.60 for the same filters.

use super::*;
use crate::test_events::{query_from, snapshot_with};
use base64::prelude::*;
use serde_json::{Value, json};

/// Lists two living workers and two dead ones.
fn get(query: &str) -> Value {
    let worker = |n: u8, state: &str| {
        let id = BASE64_STANDARD.encode([n; 28]);
        let event = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": "2026-11-22T23:12:10Z",
            "workerLifecycleEvent": {"workerId": id,
                "stateTransitions": [{"state": state, "timestamp": "2026-11-22T23:12:10Z"}]}});
        event.to_string()
    };
    let more = [worker(1, "ALIVE"), worker(2, "DEAD"), worker(3, "ALIVE"), worker(4, "DEAD")];
    let mut snapshot = Snapshot::clone(&snapshot_with(&more.each_ref().map(String::as_str)));
    snapshot.drivers.clear();
    snapshot.workers.retain(|worker| [1, 2, 3, 4].map(|n| [n; 28]).contains(&worker.id.0));
    let answer = list(&Arc::new(snapshot), &query_from(query)).unwrap();
    serde_json::from_slice::<Value>(&answer.into_bytes()).unwrap()["data"]["result"].take()
}

#[test]
fn only_what_the_gcs_leaves_out_is_not_counted() {
    for (query, fetched, rows) in [
        ("", 4, 4),
        ("limit:1", 4, 4),
        ("filter_keys:is_alive&filter_predicates:=&filter_values:True", 2, 2),
        ("detail:1&filter_keys:is_alive&filter_predicates:=&filter_values:True", 2, 2),
        ("filter_keys:is_alive&filter_predicates:=&filter_values:true", 4, 2),
        ("filter_keys:is_alive&filter_predicates:=&filter_values:1", 4, 2),
        ("filter_keys:is_alive&filter_predicates:=&filter_values:False", 4, 2),
        ("filter_keys:is_alive&filter_predicates:!=&filter_values:True", 4, 2),
        ("filter_keys:num_paused_threads&filter_predicates:!=&filter_values:0", 0, 0),
        ("filter_keys:num_paused_threads&filter_predicates:!=&filter_values:1", 4, 4),
        ("filter_keys:num_paused_threads&filter_predicates:=&filter_values:0", 4, 0),
        (
            "filter_keys:is_alive&filter_predicates:=&filter_values:True\
             &filter_keys:worker_type&filter_predicates:=&filter_values:DRIVER",
            2,
            0,
        ),
    ] {
        let answer = get(query);
        let counts = [&answer["total"], &answer["num_after_truncation"], &answer["num_filtered"]];
        assert_eq!(counts, [&json!(4), &json!(fetched), &json!(rows)], "{query}");
    }
    let all = get("filter_keys:is_alive&filter_predicates:=&filter_values:True&all_rows:1");
    assert_eq!(all["num_after_truncation"], json!(4), "nothing is cut off");
}
