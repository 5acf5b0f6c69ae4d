//! `/api/v0/cluster_events` (`ray list cluster-events`): the rows of the events page as a list, oldest first.
//!
//! Where both shapes of rows occur, the live answer fails (it sorts numbers with texts); ours does not.
//! Source: `_list_cluster_events_impl` in `dashboard/modules/event/event_head.py`.

use super::events::parsed;
use super::metadata::offset_minutes;
use super::state_list::{self, Column, Columns, Kind, Notes, Values};
use super::{Answer, Question, Refusal};
use crate::snapshot::Snapshot;
use serde_json::{Map, Value};
use std::sync::Arc;

struct ClusterEvents;

impl Columns for ClusterEvents {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("severity", Kind::Text),
        Column::plain("time"),
        Column::filterable("source_type", Kind::Text),
        Column::plain("message"),
        Column::filterable("event_id", Kind::Text),
        Column::plain("custom_fields").only_detail(),
    ];
}

/// Answers `/api/v0/cluster_events`.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    // Ray shows the head's local time.
    let offset_s = offset_minutes(snapshot).unwrap_or_default() * 60;
    let rows = snapshot.facts.events.rows().map(|row| {
        let mut event = match parsed(row) {
            Value::Object(event) => event,
            _ => Map::new(),
        };
        let time = jiff::Timestamp::from_second(row.at_s + offset_s).unwrap_or_default();
        event.insert("time".into(), time.strftime("%Y-%m-%d %H:%M:%S").to_string().into());
        event
    });
    state_list::list(Values::<ClusterEvents>::new(rows.collect()), question, Notes::EmptyWarning)
}
