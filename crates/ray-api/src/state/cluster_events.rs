//! `/api/v0/cluster_events` (`ray list cluster-events`): the rows of the events page as a list, oldest first.
//!
//! If both shapes of rows occur, the live dashboard fails, because it sorts numbers with texts; this list does not.
//! Source: `_list_cluster_events_impl` in `dashboard/modules/event/event_head.py`.

use super::resource::{self, Column, Columns, Kind, Notes, Objects, Values};
use crate::dashboard::events::parsed;
use crate::{Answer, Query, RayError};
use ray_history_core::logs::event_file::EventKey;
use ray_history_core::snapshot::Snapshot;
use serde_json::{Map, Value};
use std::sync::Arc;

struct ClusterEvents;

impl Columns for ClusterEvents {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("severity", Kind::Text).optional(),
        Column::plain("time"),
        Column::filterable("source_type", Kind::Text).optional(),
        Column::plain("message"),
        Column::filterable("event_id", Kind::Text).optional(),
        Column::plain("custom_fields").only_detail(),
    ];
}

/// Answers `/api/v0/cluster_events`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let events = Events {
        // Ray shows the head's local time.
        offset_s: snapshot.zone_minutes().unwrap_or_default() * 60,
        keys: snapshot.facts.events.keys().cloned().collect(),
        snapshot: Arc::clone(snapshot),
    };
    resource::list(Values::<ClusterEvents, _>::new(events), query, Notes::EmptyWarning)
}

struct Events {
    snapshot: Arc<Snapshot>,
    keys: Vec<EventKey>,
    offset_s: i64,
}

impl Objects for Events {
    fn count(&self) -> usize {
        self.keys.len()
    }

    fn object(&self, row: usize) -> Map<String, Value> {
        let Some(row) = self.keys.get(row).and_then(|key| self.snapshot.facts.events.row(key)) else {
            return Map::new();
        };
        let mut event = match parsed(row) {
            Value::Object(event) => event,
            _ => Map::new(),
        };
        let time = jiff::Timestamp::from_second(row.at_s.saturating_add(self.offset_s)).unwrap_or_default();
        event.insert("time".into(), time.strftime("%Y-%m-%d %H:%M:%S").to_string().into());
        event
    }
}
