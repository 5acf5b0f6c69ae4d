//! Numbers of nodes, and the resources that they offered over time.

use crate::base::stored_json;
use crate::base::time::Nanos;
use crate::snapshot::Snapshot;
use crate::snapshot::node::Node;
use serde_json::{Map, Value};

/// Numbers of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// All nodes of the session.
    pub total: u64,
    /// Those that were declared dead, for whatever reason.
    pub dead: u64,
    /// Those of the dead that ended unexpectedly.
    pub lost: u64,
}

impl NodeCounts {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut counts = Self::default();
        for node in own(snapshot) {
            counts.total += 1;
            counts.dead += u64::from(node.advanced && !node.alive);
            counts.lost += u64::from(is_lost(snapshot, node));
        }
        counts
    }
}

/// Resources of nodes times their lifetimes, used or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeHours {
    /// CPUs times hours.
    pub cpu: f64,
    /// GPUs times hours.
    pub gpu: f64,
}

impl NodeHours {
    /// Returns the sum over all nodes, each up to its end or to the last event; `None` unless start and resources of every
    /// node are known.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let mut sum = None;
        for node in own(snapshot) {
            let Self { cpu, gpu } = of_node(snapshot, node)?;
            let known: &mut Self = sum.get_or_insert_default();
            (known.cpu, known.gpu) = (known.cpu + cpu, known.gpu + gpu);
        }
        sum
    }
}

fn of_node(snapshot: &Snapshot, node: &Node) -> Option<NodeHours> {
    let resources: Map<String, Value> = stored_json::read(snapshot.str(node.resources)).filter(|_| node.defined)?;
    let hours = hours(snapshot, node)?;
    let amount = |name: &str| resources.get(name).map_or(Some(0.0), Value::as_f64).filter(|amount| *amount >= 0.0);
    Some(NodeHours { cpu: amount("CPU")? * hours, gpu: amount("GPU")? * hours })
}

/// Returns the lifetime of a node in hours, up to its end or to the last event; `None` if its start is not known.
pub(in crate::snapshot) fn hours(snapshot: &Snapshot, node: &Node) -> Option<f64> {
    const HOUR: f64 = 3_600e9;
    let end: Nanos = if node.end > 0 { node.end } else { snapshot.as_of };
    let long = end.checked_sub(node.start).filter(|long| node.start > 0 && *long >= 0)?;
    Some(long as f64 / HOUR)
}

/// Returns `true` for a node that was declared dead and that nobody wanted to end.
pub(in crate::snapshot) fn is_lost(snapshot: &Snapshot, node: &Node) -> bool {
    node.advanced && !node.alive && snapshot.str(node.death_reason) == "UNEXPECTED_TERMINATION"
}

/// Returns the nodes that belong to the session.
pub(in crate::snapshot) fn own(snapshot: &Snapshot) -> impl Iterator<Item = &Node> {
    snapshot.nodes.iter().filter(|node| !node.is_foreign)
}
