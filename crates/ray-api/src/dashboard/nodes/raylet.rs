//! The `raylet` member of a node: Ray's `GcsNodeInfo` with the last report of the raylet.
//!
//! For a dead node the dashboard keeps only the notice of its death: id, end and reason. Address, name, labels,
//! resources and start become blank (seen live, and in `gcs_node_manager`). The state API (`state::nodes`) still shows
//! them all. Ports, sockets and paths are in no event: zero or empty, as for Ray's dead nodes.

use super::{KEYS, state_message};
use crate::dashboard::google_style::write_map;
use crate::json::JsonWriter;
use ray_history_core::base::id::{NodeId, RayId};
use ray_history_core::base::time::{Nanos, millis};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::worker::Life;
use std::collections::HashMap;

/// Number of live workers per node, counted once per answer: a big session has thousands of both.
pub(crate) struct LivingWorkers(HashMap<NodeId, u32>);

impl LivingWorkers {
    pub(crate) fn count(snapshot: &Snapshot) -> Self {
        let mut counts = HashMap::new();
        for worker in snapshot.workers.iter().filter(|worker| worker.life == Life::Alive) {
            if let Ok(node) = snapshot.id(worker.node).try_into() {
                *counts.entry(RayId(node)).or_default() += 1;
            }
        }
        Self(counts)
    }

    fn on(&self, node: &Node) -> u32 {
        if node.alive { self.0.get(&node.id).copied().unwrap_or(0) } else { 0 }
    }
}

/// Writes the object; without a node, Ray's answer for an unknown id.
pub(crate) fn write(w: &mut JsonWriter, snapshot: &Snapshot, node: Option<&Node>, workers: &LivingWorkers) {
    w.begin_object();
    // Ray's sums over missing statistics.
    w.key("objectStoreUsedMemory");
    w.int(0);
    w.key("objectStoreAvailableMemory");
    w.int(0);
    w.key("stateMessage");
    match node.and_then(|node| state_message(snapshot, node)) {
        Some(message) => w.string(&message),
        None => w.null(),
    }
    if let Some(node) = node {
        write_node(w, snapshot, node, workers.on(node));
    }
    w.end_object();
}

fn write_node(w: &mut JsonWriter, snapshot: &Snapshot, node: &Node, num_workers: u32) {
    let known = |value: Str| if node.alive { snapshot.str(value) } else { "" };
    w.key("nodeId");
    w.hex(&node.id.0);
    for (key, value) in [
        ("nodeManagerAddress", node.ip),
        ("nodeManagerHostname", node.hostname),
        ("nodeName", node.node_name),
        ("instanceId", node.instance_id),
        ("instanceTypeName", node.instance_type_name),
    ] {
        w.key(key);
        w.string(known(value));
    }
    for key in ["nodeTypeName", "rayletSocketName", "objectStoreSocketName", "tempDir", "sessionDir"] {
        w.key(key);
        w.string("");
    }
    for key in [
        "nodeManagerPort",
        "objectManagerPort",
        "metricsExportPort",
        "metricsAgentPort",
        "runtimeEnvAgentPort",
        "dashboardAgentListenPort",
    ] {
        w.key(key);
        w.int(0);
    }
    let time = |at: Nanos| millis(at);
    w.key("startTimeMs");
    w.int_string(if node.alive { time(node.start) } else { 0 });
    w.key("endTimeMs");
    w.int_string(time(node.end));
    w.key("isHeadNode");
    w.bool(node.alive && node.is_head);
    w.key("labels");
    write_map(w, known(node.labels), KEYS);
    w.key("resourcesTotal");
    write_map(w, known(node.resources), KEYS);
    w.key("state");
    w.string(if node.alive { "ALIVE" } else { "DEAD" });
    if node.alive && node.draining {
        w.key("stateSnapshot");
        w.raw(br#"{"state":"DRAINING","idleDurationMs":"0","nodeActivity":[]}"#);
    }
    if !node.alive {
        w.key("deathInfo");
        w.begin_object();
        w.key("reason");
        let reason = snapshot.str(node.death_reason);
        w.string(if reason.is_empty() { "UNSPECIFIED" } else { reason });
        w.key("reasonMessage");
        w.string(&snapshot.text(node.death_message));
        w.end_object();
    }
    w.key("coreWorkersStats");
    w.raw(b"[]");
    w.key("numWorkers");
    w.int(num_workers);
}
