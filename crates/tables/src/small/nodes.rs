//! The table `nodes`, by node id.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::base::stored_json;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::node::Node;
use serde_json::Value;

impl Record for Node {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            id,
            defined,
            advanced,
            is_foreign,
            ip,
            hostname,
            node_name,
            instance_id,
            instance_type_name,
            labels,
            start,
            end,
            alive,
            draining,
            is_head,
            resources,
            death_reason,
            death_message,
        } = self;
        columns.string("node_id", id)?;
        columns.flag("defined", defined)?;
        columns.string("ip", ip)?;
        columns.string("hostname", hostname)?;
        columns.string("node_name", node_name)?;
        columns.string("instance_id", instance_id)?;
        columns.string("instance_type_name", instance_type_name)?;
        columns.string("labels", labels)?;
        columns.string("resources", resources)?;
        let totals = columns.value_of(resources).and_then(stored_json::value);
        for (name, resource) in [("num_cpus", "CPU"), ("num_gpus", "GPU"), ("memory_bytes", "memory")] {
            let mut total = totals.as_ref().and_then(|totals| totals.get(resource)).and_then(Value::as_f64);
            columns.number(name, &mut total)?;
        }
        columns.times([("start_at", start), ("end_at", end)])?;
        columns.flag("alive", alive)?;
        columns.flag("draining", draining)?;
        columns.flag("is_head", is_head)?;
        columns.string("death_reason", death_reason)?;
        columns.string("death_message", death_message)?;
        columns.flag("_advanced", advanced)?;
        columns.flag("_is_foreign", is_foreign)
    }
}

impl Row for Node {
    const TABLE: &'static str = "nodes";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.id < next.id
    }
}

impl Member for Node {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.nodes
    }
}
