//! `/api/v0/placement_groups`: from a stored response of the live dashboard, else from events.
//!
//! Ray 2.60 defines placement group events and never sends them, so today the stored response is the only source.

mod row;

use super::resource::{self, Column, Columns, Kind, Notes};
use crate::{Answer, Query, RayError, stored};
use ray_history_core::base::id::PlacementGroupId;
use ray_history_core::base::stored_json::parts;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::version::RayVersion;
use row::{Groups, Row};
use std::collections::{BTreeMap, HashSet};
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
    /// Columns of Ray 2.57 and later.
    WithTopology,
    "topology_strategy",
    "topology_assignments"
);
columns!(
    /// Columns of Ray 2.56.
    WithLabelDomain,
    "label_domain_key",
    "label_domain_assignments"
);
columns!(
    /// Columns of Ray 2.55 and earlier.
    Plain,
);

/// Answers `/api/v0/placement_groups`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    match RayVersion::of(snapshot) {
        Some(version) if version < RayVersion(2, 56) => answer::<Plain>(snapshot, query),
        Some(version) if version < RayVersion(2, 57) => answer::<WithLabelDomain>(snapshot, query),
        _ => answer::<WithTopology>(snapshot, query),
    }
}

fn answer<C: Columns>(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let groups = Groups::<C>::new(Arc::clone(snapshot), rows(snapshot));
    resource::list(groups, query, Notes::EmptyWarning)
}

/// Returns the rows in order of their ids. A stored row wins over events; among stored rows, one with details wins.
fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let mut urls: Vec<&String> =
        snapshot.endpoints.keys().filter(|url| url.starts_with("api/v0/placement_groups")).collect();
    urls.sort_by_key(|url| !url.contains("detail="));
    // Most rows come from events, which are already in order.
    let mut known: HashSet<PlacementGroupId> = HashSet::new();
    let mut stored: BTreeMap<String, Row> = BTreeMap::new();
    for url in urls {
        let Some(body) = snapshot.endpoint(url) else { continue };
        let url: Arc<str> = url.as_str().into();
        for row in parts::at(body, &["data", "result", "result"]).map(parts::objects).unwrap_or_default() {
            let id = parts::at(row, &["placement_group_id"]).and_then(parts::string).unwrap_or_default().into_owned();
            known.extend(PlacementGroupId::from_hex(&id));
            stored.entry(id).or_insert_with(|| Row::Stored(Arc::clone(&url), stored::range_of(row, body)));
        }
    }
    let groups = snapshot.placement_groups.iter().enumerate();
    let from_events =
        groups.filter(|(_, group)| !known.contains(&group.id)).map(|(at, group)| (group.id, Row::Event(at)));
    if stored.is_empty() {
        return from_events.map(|(_, row)| row).collect();
    }
    stored.extend(from_events.map(|(id, row)| (id.hex(), row)));
    stored.into_values().collect()
}
