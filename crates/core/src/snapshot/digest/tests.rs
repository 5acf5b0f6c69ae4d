use super::*;
use crate::logs::Facts;
use crate::snapshot::build::tests::made::{events, fold, id, time};
use crate::snapshot::gap::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

fn node(n: u8, at: u8, host: &str, labels: &Value, resources: &Value) -> [Value; 2] {
    [
        json!({"eventType": "NODE_DEFINITION_EVENT", "timestamp": time(1), "nodeDefinitionEvent": {
            "nodeId": id(28, n), "nodeIpAddress": format!("10.0.0.{n}"), "hostname": host, "startTimestamp": time(1),
            "instanceTypeName": "m5", "labels": labels}}),
        json!({"eventType": "NODE_LIFECYCLE_EVENT", "timestamp": time(at), "nodeLifecycleEvent": {
            "nodeId": id(28, n), "stateTransitions": [
                {"state": "ALIVE", "timestamp": time(1), "resources": resources},
                {"state": "DEAD", "timestamp": time(at), "deathInfo": {"reason": "UNEXPECTED_TERMINATION"}}]}}),
    ]
}

fn digest(events: &[Value]) -> Digest {
    let mut snapshot = fold(events).finish(&Facts::default());
    snapshot.derive();
    Digest::of(&snapshot, &[Gap::new(Code::NoMarker, Weight::Doubt, "No marker.")], true)
}

/// Names, addresses and free memory of single nodes make no groups.
#[test]
fn nodes_that_are_alike_are_one_group() {
    let resources = |ip: u8, memory: u64, cpus: u8| {
        let mut resources = json!({"CPU": cpus, "memory": memory, "object_store_memory": memory / 3});
        resources[format!("node:10.0.0.{ip}")] = 1.0.into();
        resources
    };
    let labels = |host: &str, zone: &str| json!({"kubernetes.io/hostname": host, "h": host, "zone": zone, "none": ""});
    let mut told = Vec::new();
    told.extend(node(1, 11, "h1", &labels("h1", "a"), &resources(1, 8 << 30, 4)));
    told.extend(node(2, 21, "h2", &labels("h2", "a"), &resources(2, (8 << 30) + 12_345, 4)));
    told.extend(node(3, 11, "h3", &labels("h3", "b"), &resources(3, 8 << 30, 4)));
    let found = digest(&told);
    assert_eq!(found.nodes.len(), 2, "{:?}", found.nodes);
    let group = &found.nodes[0];
    assert_eq!((group.nodes, group.lost, &*group.instance_type), (2, 2, "m5"));
    let hours = group.hours.unwrap() * 3600.0;
    assert!((29.9..30.2).contains(&hours), "{hours}");
    assert_eq!(group.labels, [("zone".into(), "a".into())].into());
    assert_eq!(group.resources, [("CPU".into(), 4.0), ("memory".into(), 8.0)].into());
    assert!(!group.is_like(&found.nodes[1]));
    assert_eq!((found.gaps.len(), &*found.gaps[0].message), (1, "No marker."));
}

#[test]
fn actors_hold_what_they_asked_for_while_they_live() {
    let actor = |n: u8, states: Value| {
        [
            json!({"eventType": "ACTOR_DEFINITION_EVENT", "timestamp": time(1), "actorDefinitionEvent": {
                "actorId": id(16, n), "jobId": id(4, 0), "className": "A", "requiredResources": {"CPU": 2, "GPU": 0.5}}}),
            json!({"eventType": "ACTOR_LIFECYCLE_EVENT", "timestamp": time(30), "actorLifecycleEvent": {
                "actorId": id(16, n), "stateTransitions": states}}),
        ]
    };
    let mut told = Vec::new();
    told.extend(actor(2, json!([{"state": "ALIVE", "timestamp": time(10)}, {"state": "DEAD", "timestamp": time(30)}])));
    // It lived at the last event, which is the end of the other one.
    told.extend(actor(4, json!([{"state": "ALIVE", "timestamp": time(20)}])));
    told.extend(actor(6, json!([])));
    let held = digest(&told).held;
    assert_eq!(held.actors, 2);
    assert!((held.cpu_seconds - 60.0).abs() < 0.2 && (held.gpu_seconds - 15.0).abs() < 0.1, "{held:?}");
}

/// Rounds what JSON may change in its last digit.
fn rounded(mut digest: Digest) -> Digest {
    let round = |number: &mut f64| *number = (*number * 1e3).round() / 1e3;
    let stats = digest.functions.rows.iter_mut().map(|row| &mut row.stats);
    stats.flat_map(|stats| [&mut stats.cpu_seconds, &mut stats.gpu_seconds]).for_each(round);
    [&mut digest.held.cpu_seconds, &mut digest.held.gpu_seconds].into_iter().for_each(round);
    digest.nodes.iter_mut().filter_map(|group| group.hours.as_mut()).for_each(round);
    digest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 32 } else { 500 }))]

    #[test]
    fn digests_are_read_as_they_were_written(events in events()) {
        let written = digest(&events);
        let text = serde_json::to_string(&written).unwrap();
        let read = serde_json::from_str::<Digest>(&text).unwrap();
        prop_assert_eq!(rounded(read), rounded(written), "{}", text);
    }
}
