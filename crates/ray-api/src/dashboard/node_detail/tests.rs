//! One node: its actors, its processes, and unknown ids.

use super::*;
use crate::test_events::{ALIVE, DEAD_NODE, HEAD, NEVER_RAN, RESTARTED, snapshot};
use serde_json::{Value, json};

fn node(id: &str) -> Value {
    let answer = detail(&snapshot(), &Query::default(), id).unwrap();
    let answer: Value = serde_json::from_slice(&answer.into_bytes()).unwrap();
    assert_eq!((&answer["result"], &answer["msg"]), (&json!(true), &json!("Node details fetched.")));
    answer["data"]["detail"].clone()
}

#[test]
fn lists_every_actor_that_was_on_the_node() {
    let dead = node(DEAD_NODE);
    let actors: Vec<&String> = dead["actors"].as_object().unwrap().keys().collect();
    assert_eq!(actors, [NEVER_RAN, RESTARTED]);
    assert_eq!(node(HEAD)["actors"][ALIVE]["requiredResources"], json!({"node:InternalHead": 0.001}));
}

#[test]
fn processes_have_one_entry_of_statistics() {
    let head = node(HEAD);
    let workers = head["workers"].as_array().unwrap();
    let controller = workers.iter().find(|worker| worker["pid"] == 11187).unwrap();
    assert_eq!(controller["cmdline"], json!(["ray::ServeController"]));
    assert_eq!(controller["coreWorkerStats"][0]["actorId"], json!(ALIVE));
    assert_eq!(controller["coreWorkerStats"][0]["ipAddress"], json!("127.0.0.1"));
    for worker in workers {
        assert_eq!(worker["coreWorkerStats"].as_array().unwrap().len(), 1);
        assert!(worker["cmdline"].is_array() && worker["memoryInfo"].is_object());
        // Usage is unknown; an unknown start would be shown as 1970.
        assert_eq!(worker.get("cpuPercent"), Some(&Value::Null));
        assert_ne!(worker.get("createTime"), Some(&json!(0.0)));
    }
    assert_eq!(node(DEAD_NODE)["workers"], json!([]));
}

#[test]
fn unknown_node_has_only_members_the_page_needs() {
    for id in ["ff".repeat(28).as_str(), "nope"] {
        let unknown = node(id);
        let raylet = json!({"objectStoreUsedMemory": 0, "objectStoreAvailableMemory": 0, "stateMessage": null});
        assert_eq!(unknown["raylet"], raylet);
        assert_eq!((&unknown["actors"], &unknown["workers"]), (&json!({}), &json!([])));
        assert_eq!((&unknown["loadAvg"], &unknown["cmdline"]), (&json!([]), &json!([])));
    }
}
