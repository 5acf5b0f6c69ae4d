//! The table `placement_groups`.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Micros, Number, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::base::id::push_hex;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::placement_group::{Bundle, PlacementGroup};
use serde::{Deserialize, Serialize};

pub(crate) const TABLE: Table = Table {
    name: "placement_groups",
    columns: &[
        ("placement_group_id", Text),
        ("name", Text),
        ("ray_namespace", Text),
        ("strategy", Text),
        ("is_detached", Flag),
        ("creator_job_id", Text),
        ("bundles", Text),
        ("creation_requested_at", Micros),
        ("_creation_requested_ns", Int),
        ("state", Text),
        ("created_at", Micros),
        ("_created_ns", Int),
        ("scheduling_state", Text),
        ("scheduling_attempt", Int),
        ("highest_retry_delay_ms", Number),
    ],
};

/// A bundle in the column of that name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct StoredBundle {
    index: i32,
    resources: String,
    label_selector: String,
    node_id: String,
}

pub(crate) fn write(snapshot: &Snapshot, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.placement_groups, |out, group| push(snapshot, out, group))
}

fn push(snapshot: &Snapshot, out: &mut RowWriter, group: &PlacementGroup) {
    let PlacementGroup { id, name, ray_namespace, strategy, is_detached, creator_job, bundles, .. } = group;
    let PlacementGroup { creation_requested, state, created, scheduling_state, scheduling_attempt, .. } = group;
    out.hex(&id.0);
    out.str(snapshot.str(*name));
    out.str(snapshot.str(*ray_namespace));
    out.str(snapshot.str(*strategy));
    out.flag(Some(*is_detached));
    out.id(creator_job);
    let stored = bundles.iter().map(|bundle| {
        let Bundle { index, unit_resources, label_selector, node } = bundle;
        let mut hex = Vec::new();
        push_hex(&mut hex, snapshot.id(*node));
        StoredBundle {
            index: *index,
            resources: snapshot.str(*unit_resources).to_owned(),
            label_selector: snapshot.str(*label_selector).to_owned(),
            node_id: String::from_utf8(hex).unwrap_or_default(),
        }
    });
    let stored: Vec<StoredBundle> = stored.collect();
    // Numbers and texts always have a form in JSON.
    out.text((!stored.is_empty()).then(|| serde_json::to_string(&stored).unwrap_or_default()).as_deref());
    out.time(*creation_requested);
    out.str(snapshot.str(*state));
    out.time(*created);
    out.str(snapshot.str(*scheduling_state));
    out.int(Some(i64::from(*scheduling_attempt)));
    out.number(Some(group.highest_retry_delay_ms));
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<PlacementGroup>, Error> {
    TABLE.read(bytes, stamp, expected, values, |row| {
        Ok(PlacementGroup {
            id: row.id()?,
            name: row.str(),
            ray_namespace: row.str(),
            strategy: row.str(),
            is_detached: row.flag().unwrap_or_default(),
            creator_job: row.id()?,
            bundles: bundles(row)?,
            creation_requested: row.time(),
            state: row.str(),
            created: row.time(),
            scheduling_state: row.str(),
            scheduling_attempt: row.small()?,
            highest_retry_delay_ms: row.number().unwrap_or_default(),
        })
    })
}

fn bundles(row: &mut RowReader<'_, '_>) -> Result<Vec<Bundle>, Error> {
    let stored: Vec<StoredBundle> = row.json()?;
    let of = |StoredBundle { index, resources, label_selector, node_id }| {
        let values = row.values();
        let node = values.id(Some(node_id).filter(|id: &String| !id.is_empty()).as_deref());
        Ok(Bundle {
            index,
            unit_resources: values.strings.str(&resources),
            label_selector: values.strings.str(&label_selector),
            node: node.ok_or_else(|| row.malformed("the node of a bundle is not in hex"))?,
        })
    };
    stored.into_iter().map(of).collect()
}
