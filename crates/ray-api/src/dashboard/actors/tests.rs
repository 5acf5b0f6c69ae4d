//! Compares real events of Ray 2.60 with its dashboard's answers for the same actors.

use super::*;
use crate::test_events::{ALIVE, DEAD_NODE, GROUPED, NEVER_RAN, RESTARTED, snapshot, snapshot_with};
use serde_json::{Value, json};

fn body(answer: Result<Answer, RayError>) -> Value {
    serde_json::from_slice(&answer.unwrap().into_bytes()).unwrap()
}

fn actor(id: &str) -> Value {
    body(detail(&snapshot(), &Query::default(), id))["data"]["detail"].clone()
}

#[test]
fn dead_actor_shows_last_process_and_reason() {
    assert_eq!(
        actor(RESTARTED),
        json!({
            "actorId": RESTARTED, "jobId": "02000000", "name": "named-a", "className": "A", "actorClass": "A",
            "address": {
                "nodeId": DEAD_NODE, "ipAddress": "127.0.0.3", "port": 11443,
                "workerId": "2415eaea5811240337e8027619091be06bba9f3c4e291a4ac8817d85",
            },
            "state": "DEAD", "numRestarts": "1", "timestamp": 1_795_389_157_183.0, "pid": 10599,
            "startTime": 1_795_389_144_686_i64, "endTime": 1_795_389_157_183_i64, "reprName": "A(n=0)",
            "labelSelector": {}, "requiredResources": {},
            "exitDetail": "The actor is dead because its owner has died. Owner Id: \
                02000000ffffffffffffffffffffffffffffffffffffffffffffffff Owner Ip address: 127.0.0.1 Owner worker exit \
                type: INTENDED_USER_EXIT Worker exit detail: Owner's worker process has crashed.",
            "gpus": [], "processStats": null, "mem": null, "tpus": [],
        })
    );
}

#[test]
fn live_actor_shows_its_worker() {
    let (alive, dead) = (actor(ALIVE), actor(RESTARTED));
    for key in ["workerId", "ipAddress"] {
        assert_eq!(alive[key], alive["address"][key], "{key}");
        assert_eq!(dead.get(key), None, "{key}");
    }
    assert_eq!(alive["workerType"], json!("WORKER"));
}

#[test]
fn actor_that_never_ran_keeps_its_scheduled_node() {
    let actor = actor(NEVER_RAN);
    let address = json!({"nodeId": DEAD_NODE, "ipAddress": "127.0.0.3", "port": 0, "workerId": ""});
    assert_eq!(actor["address"], address);
    assert_eq!((&actor["pid"], &actor["startTime"]), (&json!(0), &json!(0)));
    assert_eq!(actor["requiredResources"], json!({"CPU": 0.1}));
}

#[test]
fn ids_are_nil_before_first_process_and_empty_in_restart() {
    let event = |state: &str, at: &str| {
        format!(
            r#"{{"eventType":"ACTOR_LIFECYCLE_EVENT","timestamp":"2026-11-22T23:30:00Z","actorLifecycleEvent":{{"actorId":"AAAAAAAAAAAAAAAAAgAAAA==","stateTransitions":[{{"state":"{state}","timestamp":"2026-11-22T23:30:0{at}Z"}}]}}}}"#
        )
    };
    let id = "00000000000000000000000002000000";
    let address = |events: &[&str]| {
        let answer = body(detail(&snapshot_with(events), &Query::default(), id));
        answer["data"]["detail"]["address"].clone()
    };
    let (pending, restarting) = (event("PENDING_CREATION", "1"), event("RESTARTING", "2"));
    let nil = "f".repeat(56);
    assert_eq!(address(&[&pending]), json!({"nodeId": nil, "workerId": nil, "ipAddress": "", "port": 0}));
    let cleared = json!({"nodeId": "", "workerId": "", "ipAddress": "", "port": 0});
    assert_eq!(address(&[&pending, &restarting]), cleared);
}

#[test]
fn restores_resources_of_placement_group() {
    let actor = actor(GROUPED);
    assert_eq!(actor["requiredResources"], json!({"CPU": 0.5}));
    assert_eq!(actor["placementGroupId"], json!("2d4b07ada638d976189cc8bf77bd05000000"));
}

#[test]
fn rewrites_resource_names_only_for_one_actor() {
    assert_eq!(actor(ALIVE)["requiredResources"], json!({"node:InternalHead": 0.001}));
    let all = body(list(&snapshot(), &Query::default()));
    assert_eq!(all["data"]["actors"][ALIVE]["requiredResources"], json!({"node:__internal_head__": 0.001}));
    assert_eq!(all["data"]["actors"][ALIVE]["exitDetail"], json!("-"));
    assert_eq!(all["data"]["actors"].as_object().unwrap().len(), 5);
    assert_eq!((&all["result"], &all["msg"]), (&json!(true), &json!("All actors fetched.")));
}

#[test]
fn ids_select_actors_and_unknown_ones_are_null() {
    let some = body(list(&snapshot(), &Query::of(&[("ids", &format!("{RESTARTED},nope")), ("nocache", "1")])));
    let actors = some["data"]["actors"].as_object().unwrap();
    assert_eq!(actors.len(), 2);
    assert_eq!(actors[RESTARTED]["name"], json!("named-a"));
    assert_eq!(actors["nope"], Value::Null);
    let unknown = body(detail(&snapshot(), &Query::default(), "ffff"));
    assert_eq!(unknown, json!({"result": true, "msg": "Actor details fetched.", "data": {"detail": null}}));
}

#[test]
fn long_list_is_sent_in_pieces() {
    let many: Vec<String> = (0..2000u32)
        .map(|n| {
            let id = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [&[0; 12][..], &n.to_be_bytes()].concat());
            format!(
                r#"{{"eventType":"ACTOR_LIFECYCLE_EVENT","timestamp":"2026-11-22T23:30:00Z","actorLifecycleEvent":{{"actorId":"{id}","stateTransitions":[{{"state":"DEAD","timestamp":"2026-11-22T23:30:00Z","deathCause":{{"actorDiedErrorContext":{{"errorMessage":"gone {n}"}}}}}}]}}}}"#
            )
        })
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let crate::Body::Chunks(pieces) = list(&snapshot_with(&many), &Query::default()).unwrap().body else {
        panic!("a list is streamed");
    };
    let pieces: Vec<Vec<u8>> = pieces.collect();
    assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() < 3 * crate::pieces::PIECE));
    let all: Value = serde_json::from_slice(&pieces.concat()).unwrap();
    assert_eq!(all["data"]["actors"].as_object().unwrap().len(), 2005);
}
