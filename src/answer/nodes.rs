//! `/nodes?view=summary` and `/nodes?view=hostNameList`: the dashboard's own view of nodes.
//!
//! A node shows what its events told (identity, state, labels, resources) under `raylet`. The figures that only a
//! living agent reports stand in no stored file, and no value is made up for them: they are left out where Ray's pages
//! bear it (`bootTime`, `mem`, `cpus`), else null or empty (`cpu`, `networkSpeed`, `loadAvg`, `cmdline`, `disk`,
//! `gpus`, `tpus`). The pages show 0 % for a `cpu` that is absent, and read `networkSpeed` and `loadAvg` by index.
//! Nodes come as the GCS lists them: the living in the order in which they registered, the dead behind them.
//! A node without an end stays ALIVE, as of the last event: no shutdown is ever exported, and the log pages offer
//! living nodes only.

pub mod logical;
pub mod raylet;

use super::google_style::Keys;
use super::json::JsonWriter;
use super::{Answer, Question, Refusal};
use crate::base::id::NodeId;
use crate::snapshot::Snapshot;
use crate::snapshot::node::Node;
use std::collections::BTreeSet;
use std::sync::Arc;

/// `/nodes`: what `view` asks for.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    match question.get("view") {
        Some("summary") => Ok(summary(snapshot)),
        Some(view) if view.eq_ignore_ascii_case("hostNameList") => Ok(host_names(snapshot)),
        view => Err(Refusal::FailedJson(format!("Unknown view {}", view.unwrap_or("None")))),
    }
}

fn summary(snapshot: &Snapshot) -> Answer {
    let mut w = JsonWriter::with_capacity(512 + snapshot.nodes.len() * 1200);
    begin(&mut w, "Node summary fetched.");
    w.key("summary");
    w.begin_array();
    let workers = raylet::LivingWorkers::count(snapshot);
    for node in in_order(snapshot) {
        w.begin_object();
        write_physical(&mut w, snapshot, Some(node));
        w.key("raylet");
        raylet::write(&mut w, snapshot, Some(node), &workers);
        w.end_object();
    }
    w.end_array();
    w.key("nodeLogicalResources");
    w.begin_object();
    for node in snapshot.nodes.iter().filter(|node| node.alive && !node.resources.is_empty()) {
        w.key(&node.id.hex());
        w.string(&logical::text(snapshot.str(node.resources)));
    }
    w.end_object();
    end(&mut w);
    Answer::json(w.into_bytes())
}

/// Returns the nodes as the GCS lists them. The head registers first; nodes of which no start is known come last.
fn in_order(snapshot: &Snapshot) -> Vec<&Node> {
    let mut nodes: Vec<&Node> = snapshot.nodes.iter().collect();
    nodes.sort_by_key(|node| (!node.alive, !node.is_head, node.start == 0, node.start, node.id));
    nodes
}

fn host_names(snapshot: &Snapshot) -> Answer {
    let alive = snapshot.nodes.iter().filter(|node| node.alive);
    let names: BTreeSet<&str> = alive.map(|node| snapshot.str(node.hostname)).collect();
    let mut w = JsonWriter::with_capacity(256);
    begin(&mut w, "Node hostname list fetched.");
    w.key("hostNameList");
    w.begin_array();
    for name in names {
        w.string(name);
    }
    w.end_array();
    end(&mut w);
    Answer::json(w.into_bytes())
}

/// Opens the envelope of the dashboard's own answers.
pub(super) fn begin(w: &mut JsonWriter, message: &str) {
    w.begin_object();
    w.key("result");
    w.bool(true);
    w.key("msg");
    w.string(message);
    w.key("data");
    w.begin_object();
}

/// Closes it.
pub(super) fn end(w: &mut JsonWriter) {
    w.end_object();
    w.end_object();
}

/// What stands beside `raylet`. Without a node, only what pages need.
pub(super) fn write_physical(w: &mut JsonWriter, snapshot: &Snapshot, node: Option<&Node>) {
    if let Some(node) = node {
        w.key("now");
        w.float(snapshot.as_of as f64 / 1e9);
        w.key("hostname");
        w.string(snapshot.str(node.hostname));
        w.key("ip");
        w.string(snapshot.str(node.ip));
    }
    w.key("cpu");
    w.null();
    for empty in ["networkSpeed", "loadAvg", "cmdline", "gpus", "tpus"] {
        w.key(empty);
        w.raw(b"[]");
    }
    w.key("disk");
    w.raw(b"{}");
}

/// The node of an id in hex.
pub fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Node> {
    by_id(snapshot, &NodeId::from_hex(id)?)
}

/// The node of an id in bytes.
pub(super) fn by_bytes<'a>(snapshot: &'a Snapshot, id: &[u8]) -> Option<&'a Node> {
    by_id(snapshot, &crate::base::id::RayId(id.try_into().ok()?))
}

fn by_id<'a>(snapshot: &'a Snapshot, id: &NodeId) -> Option<&'a Node> {
    let row = snapshot.nodes.binary_search_by_key(id, |node| node.id).ok()?;
    snapshot.nodes.get(row)
}

/// Why a node is dead, for people: `compose_state_message` in `dashboard/utils.py`.
pub fn state_message(snapshot: &Snapshot, node: &Node) -> Option<String> {
    let prefix = match snapshot.str(node.death_reason) {
        "EXPECTED_TERMINATION" => Some("Expected termination"),
        "UNEXPECTED_TERMINATION" => Some("Unexpected termination"),
        "AUTOSCALER_DRAIN_PREEMPTED" => Some("Terminated due to preemption"),
        "AUTOSCALER_DRAIN_IDLE" => Some("Terminated due to idle (no Ray activity)"),
        _ => None,
    };
    let message = snapshot.text(node.death_message);
    match (prefix, message.is_empty()) {
        (None, true) => None,
        (None, false) => Some(message),
        (Some(prefix), true) => Some(prefix.to_owned()),
        (Some(prefix), false) => Some(format!("{prefix}: {message}")),
    }
}

/// `/nodes` answers rewrite every key.
pub(super) const KEYS: Keys = Keys::Google;

#[cfg(test)]
mod tests;
