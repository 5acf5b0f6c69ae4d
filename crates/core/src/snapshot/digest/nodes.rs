//! Nodes that are alike: of the same type, with the same labels and resources.

use crate::base::stored_json;
use crate::snapshot::Snapshot;
use crate::snapshot::node::Node;
use crate::snapshot::run_facts::bounded;
use crate::snapshot::run_facts::nodes::{hours, is_lost, own};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Groups that are kept.
const MAX_GROUPS: usize = 500;
/// Labels and resources that are kept of a group.
const MAX_NAMES: usize = 64;
/// Longest name and value that are kept, in characters.
const MAX_TEXT: usize = 128;
/// Labels that every node has for itself.
const OF_ONE: [&str; 2] = ["ray.io/node-id", "kubernetes.io/hostname"];
const GIB: f64 = (1u64 << 30) as f64;

/// Nodes that are alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroup {
    /// `true` for the head.
    pub is_head: bool,
    /// The type that the cloud names; empty if it names none.
    pub instance_type: Box<str>,
    /// Labels, without those that name a single node.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Resources, without those that name a single node and without the object store, whose size depends on what is free;
    /// memory in tenths of a GiB.
    pub resources: BTreeMap<Box<str>, f64>,
    /// Their number.
    pub nodes: u64,
    /// Those that ended unexpectedly.
    pub lost: u64,
    /// Their lives up to their end or to the last event; `None` if the start of one is not known.
    pub hours: Option<f64>,
}

impl NodeGroup {
    /// Returns `true` if the nodes of both are alike.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.is_head, &self.instance_type, &self.labels, &self.resources)
            == (other.is_head, &other.instance_type, &other.labels, &other.resources)
    }
}

/// Returns the groups, the most nodes first, and the number of nodes that are left out.
pub(super) fn of(snapshot: &Snapshot) -> (Vec<NodeGroup>, u64) {
    let mut groups: BTreeMap<String, NodeGroup> = BTreeMap::new();
    for node in own(snapshot) {
        let alike = kind(snapshot, node);
        let key = format!("{} {} {:?} {:?}", !alike.is_head, alike.instance_type, alike.labels, alike.resources);
        let group = groups.entry(key).or_insert(alike);
        group.nodes += 1;
        group.lost += u64::from(is_lost(snapshot, node));
        group.hours = group.hours.zip(hours(snapshot, node)).map(|(sum, hours)| sum + hours);
    }
    // By key where the numbers are equal.
    let mut groups: Vec<NodeGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| Reverse(group.nodes));
    let others = groups.iter().skip(MAX_GROUPS).map(|group| group.nodes).sum();
    groups.truncate(MAX_GROUPS);
    (groups, others)
}

/// Returns the group of a node, without any node.
fn kind(snapshot: &Snapshot, node: &Node) -> NodeGroup {
    let id = node.id.hex();
    let names = [node.hostname, node.node_name, node.ip, node.instance_id].map(|name| snapshot.str(name));
    let names_one = |value: &str| value.contains(&id) || names.iter().any(|name| !name.is_empty() && *name == value);
    let labels: BTreeMap<String, Value> = stored_json::read(snapshot.str(node.labels)).unwrap_or_default();
    let labels = labels
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(name, value)| !OF_ONE.contains(&name.as_str()) && !value.is_empty() && !names_one(value));
    let resources: Map<String, Value> = stored_json::read(snapshot.str(node.resources)).unwrap_or_default();
    let resources = resources.iter().filter_map(|(name, amount)| Some((name, amount.as_f64()?)));
    let resources = resources.filter(|(name, _)| !name.starts_with("node:") && *name != "object_store_memory");
    let amount = |name: &str, amount: f64| match name {
        "memory" => (amount / GIB * 10.0).round() / 10.0,
        _ => amount,
    };
    NodeGroup {
        is_head: node.is_head,
        instance_type: bounded(snapshot.str(node.instance_type_name), MAX_TEXT),
        labels: labels
            .take(MAX_NAMES)
            .map(|(name, value)| (bounded(name, MAX_TEXT), bounded(value, MAX_TEXT)))
            .collect(),
        resources: resources
            .take(MAX_NAMES)
            .map(|(name, value)| (bounded(name, MAX_TEXT), amount(name, value)))
            .collect(),
        nodes: 0,
        lost: 0,
        hours: Some(0.0),
    }
}
