//! Compares real events of Ray 2.60 with its dashboard's answers for the same nodes.

use super::*;
use crate::test_events::{DEAD_NODE, HEAD, snapshot};
use serde_json::{Value, json};

fn view(view: &str) -> Result<Value, RayError> {
    let query = Query::of(&[("view", view)]);
    list(&snapshot(), &query).map(|answer| serde_json::from_slice(&answer.into_bytes()).unwrap())
}

fn row(id: &str) -> Value {
    let all = view("summary").unwrap();
    let rows = all["data"]["summary"].as_array().unwrap();
    rows.iter().find(|row| row["raylet"]["nodeId"] == id).unwrap().clone()
}

#[test]
fn live_head_shows_facts_of_its_events() {
    let head = row(HEAD);
    assert_eq!((&head["hostname"], &head["ip"]), (&json!("vm"), &json!("127.0.0.1")));
    for (key, expected) in [
        ("nodeManagerAddress", json!("127.0.0.1")),
        ("nodeManagerHostname", json!("vm")),
        ("nodeName", json!("127.0.0.1")),
        ("isHeadNode", json!(true)),
        ("state", json!("ALIVE")),
        ("stateMessage", Value::Null),
        ("startTimeMs", json!("1795389097466")),
        ("endTimeMs", json!("0")),
        ("labels", json!({"ray.io/node-id": HEAD})),
        (
            "resourcesTotal",
            json!({
                "CPU": 2.0, "memory": 24_528_588_288.0, "node:127.0.0.1": 1.0, "node:InternalHead": 1.0,
                "objectStoreMemory": 200_000_000.0,
            }),
        ),
    ] {
        assert_eq!(head["raylet"][key], expected, "{key}");
    }
}

#[test]
fn dead_node_keeps_only_its_death_notice() {
    let dead = row(DEAD_NODE);
    assert_eq!((&dead["hostname"], &dead["ip"]), (&json!("vm"), &json!("127.0.0.3")));
    let raylet = &dead["raylet"];
    let message = "health check failed due to missing too many heartbeats";
    assert_eq!(raylet["deathInfo"], json!({"reason": "UNEXPECTED_TERMINATION", "reasonMessage": message}));
    assert_eq!(raylet["stateMessage"], json!(format!("Unexpected termination: {message}")));
    assert_eq!((&raylet["state"], &raylet["nodeManagerAddress"]), (&json!("DEAD"), &json!("")));
    assert_eq!((&raylet["startTimeMs"], &raylet["labels"]), (&json!("0"), &json!({})));
}

/// Figures that are not stored are absent, null or empty, whichever the pages can show.
#[test]
fn unknown_figures_are_absent_or_empty() {
    for id in [HEAD, DEAD_NODE] {
        let row = row(id);
        for (key, expected) in [
            ("cpu", Value::Null),
            ("networkSpeed", json!([])),
            ("loadAvg", json!([])),
            ("cmdline", json!([])),
            ("disk", json!({})),
            ("gpus", json!([])),
            ("tpus", json!([])),
        ] {
            assert_eq!(row.get(key), Some(&expected), "{key}");
        }
        // An empty list in `mem` would break the page: it reads mem[2].toFixed. A null `bootTime` is 1970.
        assert!(row.get("mem").is_none() && row.get("bootTime").is_none());
    }
}

#[test]
fn sorts_by_registration_with_dead_nodes_last() {
    let all = view("summary").unwrap();
    let rows = all["data"]["summary"].as_array().unwrap();
    let order: Vec<_> = rows.iter().map(|row| (&row["ip"], &row["raylet"]["state"])).collect();
    let alive = json!("ALIVE");
    let ips = [json!("127.0.0.1"), json!("127.0.0.2"), json!("127.0.0.3")];
    assert_eq!(order, [(&ips[0], &alive), (&ips[1], &alive), (&ips[2], &json!("DEAD"))]);
}

#[test]
fn only_live_nodes_have_resources_and_host_names() {
    let all = view("summary").unwrap();
    let text = &all["data"]["nodeLogicalResources"];
    assert_eq!(text[HEAD], json!("2.0 CPU\n22.84GiB memory\n190.73MiB object_store_memory"));
    assert_eq!(text.as_object().unwrap().len(), 2);
    assert_eq!(view("HOSTNAMELIST").unwrap()["data"], json!({"hostNameList": ["vm"]}));
}

#[test]
fn refuses_unknown_view_with_rays_text() {
    assert_eq!(view("bogus"), Err(RayError::FailedJson("Unknown view bogus".to_owned())));
    let none = list(&snapshot(), &Query::default()).unwrap_err();
    assert_eq!(none.to_string(), "Unknown view None");
}

#[test]
fn counts_live_workers_by_live_node() {
    use ray_history_core::base::id::{NodeId, RayId};
    use ray_history_core::snapshot::Snapshot;
    use ray_history_core::snapshot::intern::Interner;
    use ray_history_core::snapshot::worker::Life::{Alive, Dead, Unknown};
    use ray_history_core::snapshot::worker::Worker;
    let mut ids = Interner::default();
    let mut worker = |node: u8, life| Worker { node: ids.id(&[node; 28]), life, ..Worker::default() };
    let workers = [(1, Alive), (2, Alive), (1, Alive), (1, Dead), (3, Alive), (1, Unknown)];
    let workers = workers.map(|(node, life)| worker(node, life)).to_vec();
    let node = |id: NodeId, alive| Node { id, alive, ..Node::default() };
    let nodes = vec![node(RayId([1; 28]), true), node(RayId([3; 28]), false), node(RayId([4; 28]), true)];
    let snapshot = Arc::new(Snapshot { ids: ids.freeze(), nodes, workers, ..Snapshot::default() });
    let query = Query::of(&[("view", "summary")]);
    let body: Value = serde_json::from_slice(&list(&snapshot, &query).unwrap().into_bytes()).unwrap();
    let counts = body["data"]["summary"].as_array().unwrap().iter().map(|row| row["raylet"]["numWorkers"].clone());
    assert_eq!(counts.collect::<Vec<_>>(), [json!(2), json!(0), json!(0)]);
}
