//! Rows of the rollup `nodes`: a node with its own texts, so that rows of many sessions lie side by side.

use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::base::id::NodeId;
use ray_history_core::base::stored_json;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::node::Node;
use serde_json::Value;

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of Ray's")]
pub(super) struct NodeRow {
    node_id: NodeId,
    defined: bool,
    ip: Box<str>,
    hostname: Box<str>,
    node_name: Box<str>,
    instance_id: Box<str>,
    instance_type_name: Box<str>,
    labels: Box<str>,
    resources: Box<str>,
    num_cpus: Option<f64>,
    num_gpus: Option<f64>,
    memory_bytes: Option<f64>,
    start_at: Nanos,
    end_at: Nanos,
    alive: bool,
    draining: bool,
    is_head: bool,
    death_reason: Box<str>,
    death_message: Box<str>,
}

impl NodeRow {
    /// Returns the row of a node of a snapshot, with or without what Ray said of its death.
    pub(super) fn of(snapshot: &Snapshot, node: &Node, messages: bool) -> Self {
        let text = |handle: Str| -> Box<str> { snapshot.str(handle).into() };
        let totals = stored_json::value(snapshot.str(node.resources));
        let total = |name: &str| totals.as_ref()?.get(name).and_then(Value::as_f64);
        let message = if messages { snapshot.text(node.death_message) } else { String::new() };
        Self {
            node_id: node.id,
            defined: node.defined,
            ip: text(node.ip),
            hostname: text(node.hostname),
            node_name: text(node.node_name),
            instance_id: text(node.instance_id),
            instance_type_name: text(node.instance_type_name),
            labels: text(node.labels),
            resources: text(node.resources),
            num_cpus: total("CPU"),
            num_gpus: total("GPU"),
            memory_bytes: total("memory"),
            start_at: node.start,
            end_at: node.end,
            alive: node.alive,
            draining: node.draining,
            is_head: node.is_head,
            death_reason: text(node.death_reason),
            death_message: message.into(),
        }
    }
}

impl Record for NodeRow {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            node_id,
            defined,
            ip,
            hostname,
            node_name,
            instance_id,
            instance_type_name,
            labels,
            resources,
            num_cpus,
            num_gpus,
            memory_bytes,
            start_at,
            end_at,
            alive,
            draining,
            is_head,
            death_reason,
            death_message,
        } = self;
        columns.string("node_id", node_id)?;
        columns.flag("defined", defined)?;
        columns.string("ip", ip)?;
        columns.string("hostname", hostname)?;
        columns.string("node_name", node_name)?;
        columns.string("instance_id", instance_id)?;
        columns.string("instance_type_name", instance_type_name)?;
        columns.string("labels", labels)?;
        columns.string("resources", resources)?;
        columns.number("num_cpus", num_cpus)?;
        columns.number("num_gpus", num_gpus)?;
        columns.number("memory_bytes", memory_bytes)?;
        columns.times([("start_at", start_at), ("end_at", end_at)])?;
        columns.flag("alive", alive)?;
        columns.flag("draining", draining)?;
        columns.flag("is_head", is_head)?;
        columns.string("death_reason", death_reason)?;
        columns.string("death_message", death_message)
    }
}

impl Row for NodeRow {
    const TABLE: &'static str = "nodes";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}
