//! Counts taken while a session was read and built, with a bounded number of examples.
//!
//! The counts are equal for any order of files. `gaps` finds missing data by them.

mod events;
mod problems;
mod running;

pub use events::EventCounts;
pub use problems::{Place, Problems};
pub use running::Running;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Maximum number of names kept of unknown types, and of unknown fields.
const MAX_NAMES: usize = 100;

/// Report on one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Completeness {
    /// Event files read.
    pub event_files: u64,
    /// Event files that contain no bytes or only blanks, compressed or not.
    pub empty_event_files: u64,
    /// Events read, by type.
    pub events: EventCounts,
    /// Records read from event files, including damaged ones.
    pub records: u64,
    /// Files that could not be read, or not to their end.
    pub unreadable_files: Problems,
    /// Records that are not JSON, are too long, or lack the id of their entity.
    pub damaged_records: Problems,
    /// Records of a type that this version does not know, by type.
    pub unknown_event_types: BTreeMap<String, u64>,
    /// Unknown fields of events of known types, as `message.field`.
    pub unknown_fields: BTreeMap<String, u64>,
    /// Transitions to states that this version does not know.
    pub unknown_states: u64,
    /// Events later than their file can be, sent by a machine with a wrong clock.
    pub skewed_events: Problems,
    /// Events of another session in this session's files; they are left out.
    pub foreign_events: u64,
    /// Attempts without a definition event; Ray never shows them.
    pub attempts_without_definition: u64,
    /// Attempts that had not ended at the time of the last event.
    pub unfinished_attempts: u64,
    /// Rows without an end at the time of the last event.
    pub running_at_end: Running,
    /// Workers without events, known from logs, attempts and actors.
    pub workers_from_logs: u64,
    /// Number of these workers whose end is unknown.
    pub workers_without_end: u64,
    /// Logs of Ray's processes that were read in part only, to limit the work for sessions with very many.
    pub unread_process_logs: u64,
    /// Nodes known from events that have no stored log file.
    pub nodes_without_logs: Vec<String>,
    /// `true` if the head was told to stop, according to its logs: rows without an end ran when the cluster ended.
    pub stopped: bool,
    /// `true` if the GCS's log is stored; collectors upload it when the session is over.
    pub head_log_stored: bool,
    /// Driver jobs without an end.
    pub unfinished_jobs: u64,
    /// `true` if the collector overwrote the file of an hour repeatedly (before v1.7). Hours may then lack events
    /// without a trace, so this is a warning and not a known gap.
    pub overwritten_hours: bool,
}

impl Completeness {
    /// Counts an event of a type that this version does not know.
    pub fn count_unknown_type(&mut self, name: &str) {
        count(&mut self.unknown_event_types, name, 1);
    }

    /// Counts a field that this version does not know.
    pub fn count_unknown_field(&mut self, message: &str, field: &str) {
        count(&mut self.unknown_fields, &format!("{message}.{field}"), 1);
    }

    /// Counts a record that could not be parsed.
    pub fn add_damaged(&mut self, file: &str, position: u64, problem: impl Into<String>) {
        self.records += 1;
        self.damaged_records.add(file, position, problem);
    }

    /// Returns `true` if every record is damaged, or there is none.
    pub fn has_no_valid_record(&self) -> bool {
        self.records == self.damaged_records.count
    }

    /// Adds the counts from another part of the same session.
    pub fn merge(&mut self, other: Self) {
        self.event_files += other.event_files;
        self.empty_event_files += other.empty_event_files;
        self.events.merge(&other.events);
        self.records += other.records;
        self.unreadable_files.merge(other.unreadable_files);
        self.damaged_records.merge(other.damaged_records);
        for (name, events) in &other.unknown_event_types {
            count(&mut self.unknown_event_types, name, *events);
        }
        for (name, fields) in &other.unknown_fields {
            count(&mut self.unknown_fields, name, *fields);
        }
        self.unknown_states += other.unknown_states;
        self.skewed_events.merge(other.skewed_events);
        self.foreign_events += other.foreign_events;
        // All other counts are taken when the snapshot is built from all parts.
    }
}

/// Adds to the count of a name; beyond `MAX_NAMES` names to that of "(others)", because names come from the input.
fn count(names: &mut BTreeMap<String, u64>, name: &str, times: u64) {
    let name = if names.len() < MAX_NAMES || names.contains_key(name) { name } else { "(others)" };
    match names.get_mut(name) {
        Some(known) => *known += times,
        None => {
            names.insert(name.to_owned(), times);
        }
    }
}
