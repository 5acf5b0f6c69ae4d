//! `/nodes?view=summary` and `/nodes?view=hostNameList`: the dashboard's own view of nodes.
//!
//! A node shows the facts from its events (identity, state, labels, resources) under `raylet`. The figures that only a
//! live agent reports are in no stored file, and no value is invented for them: they are left out where Ray's pages
//! allow it (`bootTime`, `mem`, `cpus`), else null or empty (`cpu`, `networkSpeed`, `loadAvg`, `cmdline`, `disk`,
//! `gpus`, `tpus`). The pages show 0 % for an absent `cpu`, and read `networkSpeed` and `loadAvg` by index.
//! Nodes are in the order of the GCS: live nodes in the order in which they registered, then dead ones.
//! A node without an end stays ALIVE, as of the last event: no shutdown is ever exported, and the log pages offer
//! only live nodes.

pub mod logical;
pub mod raylet;

use super::google_style::Keys;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use ray_history_core::base::id::NodeId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::node::Node;
use std::sync::Arc;

/// Answers `/nodes` with the requested `view`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    match query.get("view") {
        Some("summary") => Ok(summary(snapshot)),
        Some(view) if view.eq_ignore_ascii_case("hostNameList") => Ok(host_names(snapshot)),
        view => Err(RayError::FailedJson(format!("Unknown view {}", view.unwrap_or("None")))),
    }
}

/// A part of the summary to write next.
enum Step {
    Node(usize),
    Between,
    Resources(usize),
}

fn summary(snapshot: &Arc<Snapshot>) -> Answer {
    let count = snapshot.nodes.len();
    let mut head = pieces::writer(count);
    begin(&mut head, "Node summary fetched.");
    head.key("summary");
    head.begin_array();
    let workers = raylet::LivingWorkers::count(snapshot);
    let steps =
        in_order(snapshot).into_iter().map(Step::Node).chain([Step::Between]).chain((0..count).map(Step::Resources));
    let snapshot = Arc::clone(snapshot);
    let write = move |step: Step, w: &mut JsonWriter| match step {
        Step::Node(at) => {
            let node = snapshot.nodes.get(at);
            w.begin_object();
            write_physical(w, &snapshot, node);
            w.key("raylet");
            raylet::write(w, &snapshot, node, &workers);
            w.end_object();
        }
        Step::Between => {
            w.end_array();
            w.key("nodeLogicalResources");
            w.begin_object();
        }
        Step::Resources(at) => {
            if let Some(node) = snapshot.nodes.get(at).filter(|node| node.alive && !node.resources.is_empty()) {
                w.key(&node.id.hex());
                w.string(&logical::text(snapshot.str(node.resources)));
            }
        }
    };
    pieces::answer(head, steps, write, |w| {
        w.end_object();
        end(w);
    })
}

/// Returns the row numbers of the nodes in the order of the GCS.
///
/// The head registers first; nodes without a known start come last.
fn in_order(snapshot: &Snapshot) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..snapshot.nodes.len()).collect();
    rows.sort_by_key(|&row| {
        let node = &snapshot.nodes[row];
        (!node.alive, !node.is_head, node.start == 0, node.start, node.id)
    });
    rows
}

fn host_names(snapshot: &Arc<Snapshot>) -> Answer {
    let alive = snapshot.nodes.iter().filter(|node| node.alive);
    // Equal names have equal handles.
    let mut names: Vec<Str> = alive.map(|node| node.hostname).collect();
    names.sort_by_key(|&name| (snapshot.str(name), name));
    names.dedup();
    let mut head = pieces::writer(names.len());
    begin(&mut head, "Node hostname list fetched.");
    head.key("hostNameList");
    head.begin_array();
    let snapshot = Arc::clone(snapshot);
    pieces::answer(
        head,
        names,
        move |name, w| w.string(snapshot.str(name)),
        |w| {
            w.end_array();
            end(w);
        },
    )
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

/// Closes the envelope of the dashboard's own answers.
pub(super) fn end(w: &mut JsonWriter) {
    w.end_object();
    w.end_object();
}

/// Writes the members next to `raylet`; without a node, only those that the pages need.
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

/// Returns the node with an id in hex.
pub fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Node> {
    by_id(snapshot, &NodeId::from_hex(id)?)
}

/// Returns the node with an id in bytes.
pub(super) fn by_bytes<'a>(snapshot: &'a Snapshot, id: &[u8]) -> Option<&'a Node> {
    by_id(snapshot, &ray_history_core::base::id::RayId(id.try_into().ok()?))
}

fn by_id<'a>(snapshot: &'a Snapshot, id: &NodeId) -> Option<&'a Node> {
    let row = snapshot.nodes.binary_search_by_key(id, |node| node.id).ok()?;
    snapshot.nodes.get(row)
}

/// Returns the reason of a node's death for users (`compose_state_message` in `dashboard/utils.py`).
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

/// The key style of all `/nodes` answers.
pub(super) const KEYS: Keys = Keys::Google;

#[cfg(test)]
mod tests;
