//! `/api/v0/placement_groups`: from a stored answer of the live dashboard, else from events.
//!
//! Ray 2.60 defines placement group events and never sends them, so today the stored answer is the only source.

use super::state_list::{self, Column, Columns, Kind, Notes, Values};
use super::{Answer, Question, Refusal, stored};
use crate::base::id::RayId;
use crate::snapshot::Snapshot;
use crate::snapshot::placement_group::PlacementGroup;
use crate::snapshot::version::RayVersion;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The columns of one range of versions.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident, $($more:literal),*) => {
        $(#[$doc])*
        struct $name;

        impl Columns for $name {
            const COLUMNS: &'static [Column] = &[
                Column::filterable("placement_group_id", Kind::Text),
                Column::filterable("name", Kind::Text),
                Column::filterable("creator_job_id", Kind::Text),
                Column::filterable("state", Kind::Text),
                Column::plain("bundles").only_detail(),
                Column::filterable("is_detached", Kind::BoolOrNull).only_detail(),
                Column::plain("stats").only_detail(),
                $(Column::plain($more).only_detail(),)*
            ];
        }
    };
}

columns!(
    /// Of Ray 2.57 and later.
    WithTopology,
    "topology_strategy",
    "topology_assignments"
);
columns!(
    /// Of Ray 2.56.
    WithLabelDomain,
    "label_domain_key",
    "label_domain_assignments"
);
columns!(
    /// Of Ray 2.55 and earlier.
    Plain,
);

/// Answers `/api/v0/placement_groups`.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut rows = stored_rows(snapshot);
    for group in &snapshot.placement_groups {
        let id = group.id.hex();
        if !rows.iter().any(|row| row.get("placement_group_id").and_then(Value::as_str) == Some(&id)) {
            rows.push(row(snapshot, group));
        }
    }
    rows.sort_by(|a, b| {
        let id = |row: &Map<String, Value>| row.get("placement_group_id").and_then(Value::as_str).map(str::to_owned);
        id(a).cmp(&id(b))
    });
    match RayVersion::of(snapshot) {
        Some(version) if version < RayVersion(2, 56) => {
            state_list::list(Values::<Plain>::new(rows), question, Notes::EmptyWarning)
        }
        Some(version) if version < RayVersion(2, 57) => {
            state_list::list(Values::<WithLabelDomain>::new(rows), question, Notes::EmptyWarning)
        }
        _ => state_list::list(Values::<WithTopology>::new(rows), question, Notes::EmptyWarning),
    }
}

/// Rows of every stored answer, whatever its query was; one with details wins.
fn stored_rows(snapshot: &Snapshot) -> Vec<Map<String, Value>> {
    let mut found: Vec<Map<String, Value>> = Vec::new();
    let mut urls: Vec<&String> =
        snapshot.endpoints.keys().filter(|url| url.starts_with("api/v0/placement_groups")).collect();
    urls.sort_by_key(|url| !url.contains("detail="));
    for url in urls {
        let Some(body) = stored::body(snapshot, url) else { continue };
        for row in body["data"]["result"]["result"].as_array().into_iter().flatten() {
            let Some(row) = row.as_object() else { continue };
            if !found.iter().any(|known| known.get("placement_group_id") == row.get("placement_group_id")) {
                found.push(row.clone());
            }
        }
    }
    found
}

fn row(snapshot: &Snapshot, group: &PlacementGroup) -> Map<String, Value> {
    let id = group.id.hex();
    let object = |json: &str| serde_json::from_str::<Value>(json).unwrap_or_else(|_| json!({}));
    let bundles = group.bundles.iter().map(|bundle| {
        let node = snapshot.id(bundle.node).try_into().map_or(String::new(), |bytes| RayId::<28>(bytes).hex());
        json!({
            "bundle_id": {"placement_group_id": id, "bundle_index": bundle.index},
            "unit_resources": object(snapshot.str(bundle.unit_resources)),
            "node_id": node,
            "label_selector": object(snapshot.str(bundle.label_selector)),
        })
    });
    let created_us = if group.created > 0 { (group.created - group.creation_requested).max(0) / 1_000 } else { 0 };
    let row = json!({
        "placement_group_id": id,
        "name": snapshot.str(group.name),
        "creator_job_id": group.creator_job.hex(),
        "state": snapshot.str(group.state),
        "bundles": bundles.collect::<Vec<_>>(),
        "is_detached": group.is_detached,
        "stats": {
            "creation_request_received_ns": group.creation_requested.to_string(),
            "end_to_end_creation_latency_us": created_us.to_string(),
            "scheduling_attempt": group.scheduling_attempt,
            "scheduling_state": snapshot.str(group.scheduling_state),
            "highest_retry_delay_ms": group.highest_retry_delay_ms,
        },
        "topology_strategy": {},
        "topology_assignments": {},
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}
