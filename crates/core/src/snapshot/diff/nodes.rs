//! Nodes that are alike, in numbers and hours.

use super::cost::{Ranked, rounded};
use crate::snapshot::digest::{Digest, NodeGroup};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Part of the hours by which equally many nodes must differ to be told.
const OF_HOURS: f64 = 0.05;

/// Nodes of one session that are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSide {
    /// Their number.
    pub nodes: u64,
    /// Those that ended unexpectedly.
    pub lost: u64,
    /// Their lives; `None` if the start of one is not known.
    pub hours: Option<f64>,
}

/// Nodes that are alike, in one session or in both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeChange {
    /// `true` for the head.
    pub is_head: bool,
    /// The type that the cloud names; empty if it names none.
    pub instance_type: Box<str>,
    /// Labels, without those that name a single node.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Resources, without those that name a single node; memory in GiB.
    pub resources: BTreeMap<Box<str>, f64>,
    /// Those of A, if there are any.
    pub a: Option<NodeSide>,
    /// Those of B, if there are any.
    pub b: Option<NodeSide>,
    /// The hours that B had more.
    pub cost_hours: f64,
}

/// Returns the nodes that differ in number or hours.
pub(super) fn of(a: &Digest, b: &Digest) -> Ranked<NodeChange> {
    let find =
        |groups: &'_ [NodeGroup], wanted: &NodeGroup| groups.iter().find(|group| group.is_like(wanted)).map(side);
    let of_a = a.nodes.iter().map(|group| (group, Some(side(group)), find(&b.nodes, group)));
    let of_b = b.nodes.iter().filter(|group| find(&a.nodes, group).is_none());
    let of_b = of_b.map(|group| (group, None, Some(side(group))));
    let rows = of_a.chain(of_b).filter(|(_, a, b)| differs(*a, *b));
    Ranked::by(rows.map(|(group, a, b)| change(group, a, b)), |row| row.cost_hours)
}

fn side(group: &NodeGroup) -> NodeSide {
    NodeSide { nodes: group.nodes, lost: group.lost, hours: group.hours.map(rounded) }
}

fn differs(a: Option<NodeSide>, b: Option<NodeSide>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    let hours = a.hours.zip(b.hours).is_some_and(|(a, b)| (b - a).abs() > OF_HOURS * a.max(b));
    (a.nodes, a.lost) != (b.nodes, b.lost) || hours
}

fn change(group: &NodeGroup, a: Option<NodeSide>, b: Option<NodeSide>) -> NodeChange {
    let hours = |side: Option<NodeSide>| side.and_then(|side| side.hours).unwrap_or_default();
    let NodeGroup { is_head, instance_type, labels, resources, .. } = group.clone();
    let cost_hours = rounded(hours(b) - hours(a));
    NodeChange { is_head, instance_type, labels, resources, a, b, cost_hours }
}
