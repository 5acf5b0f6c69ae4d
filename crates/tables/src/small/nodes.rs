//! The table `nodes`.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Micros, Number, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::node::Node;
use std::collections::BTreeMap;

pub(crate) const TABLE: Table = Table {
    name: "nodes",
    columns: &[
        ("node_id", Text),
        ("defined", Flag),
        ("_advanced", Flag),
        ("_is_foreign", Flag),
        ("ip", Text),
        ("hostname", Text),
        ("node_name", Text),
        ("instance_id", Text),
        ("instance_type_name", Text),
        ("labels", Text),
        ("start_at", Micros),
        ("_start_ns", Int),
        ("end_at", Micros),
        ("_end_ns", Int),
        ("alive", Flag),
        ("draining", Flag),
        ("is_head", Flag),
        ("resources", Text),
        ("num_cpus", Number),
        ("num_gpus", Number),
        ("memory_bytes", Number),
        ("death_reason", Text),
        ("death_message", Text),
    ],
};

pub(crate) fn write(snapshot: &Snapshot, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.nodes, |out, node| push(snapshot, out, node))
}

pub(crate) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Node>, Error> {
    TABLE.read(bytes, stamp, expected, values, pull)
}

fn push(snapshot: &Snapshot, out: &mut RowWriter, node: &Node) {
    let Node { id, defined, advanced, is_foreign, ip, hostname, node_name, instance_id, instance_type_name, .. } = node;
    let Node { labels, start, end, alive, draining, is_head, resources, death_reason, death_message, .. } = node;
    out.hex(&id.0);
    out.flag(Some(*defined));
    out.flag(Some(*advanced));
    out.flag(Some(*is_foreign));
    for text in [ip, hostname, node_name, instance_id, instance_type_name, labels] {
        out.str(snapshot.str(*text));
    }
    out.time(*start);
    out.time(*end);
    out.flag(Some(*alive));
    out.flag(Some(*draining));
    out.flag(Some(*is_head));
    let resources = snapshot.str(*resources);
    out.str(resources);
    // For sums; never read back.
    let amounts: BTreeMap<String, f64> = serde_json::from_str(resources).unwrap_or_default();
    for name in ["CPU", "GPU", "memory"] {
        out.number(amounts.get(name).copied());
    }
    out.str(snapshot.str(*death_reason));
    out.str(&snapshot.text(*death_message));
}

fn pull(row: &mut RowReader<'_, '_>) -> Result<Node, Error> {
    Ok(Node {
        id: row.id()?,
        defined: row.flag().unwrap_or_default(),
        advanced: row.flag().unwrap_or_default(),
        is_foreign: row.flag().unwrap_or_default(),
        ip: row.str(),
        hostname: row.str(),
        node_name: row.str(),
        instance_id: row.str(),
        instance_type_name: row.str(),
        labels: row.str(),
        start: row.time(),
        end: row.time(),
        alive: row.flag().unwrap_or_default(),
        draining: row.flag().unwrap_or_default(),
        is_head: row.flag().unwrap_or_default(),
        resources: {
            let resources = row.str();
            row.skip(3);
            resources
        },
        death_reason: row.str(),
        death_message: row.long_text(),
    })
}
