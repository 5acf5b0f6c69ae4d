//! Counts taken while a session was read and built, with a bounded number of examples.
//!
//! `gaps` judges by it what is missing. Equal for any order of files.

mod events;
mod problems;
mod running;

pub use events::EventCounts;
pub use problems::{Place, Problems};
pub use running::Running;

use serde::Serialize;
use std::collections::BTreeMap;

/// Names kept of what comes from the input: types and fields that this version does not know.
const MAX_NAMES: usize = 100;

/// The report on one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// Event files read.
    pub event_files: u64,
    /// Event files that hold nothing: no bytes, or blanks, compressed or not.
    pub empty_event_files: u64,
    /// Events read, by type.
    pub events: EventCounts,
    /// Records read from them, damaged ones included.
    pub records: u64,
    /// Files that could not be read, or not to their end.
    pub unreadable_files: Problems,
    /// Records that are not JSON, too long, or without the id they are about.
    pub damaged_records: Problems,
    /// Records of a type that this version does not know, by type.
    pub unknown_event_types: BTreeMap<String, u64>,
    /// Fields that this version does not know, of events that it knows, as `message.field`.
    pub unknown_fields: BTreeMap<String, u64>,
    /// Transitions to states that this version does not know.
    pub unknown_states: u64,
    /// Events that are later than their file can be: of a machine whose clock is wrong.
    pub skewed_events: Problems,
    /// Events of another session that stood in this session's files, left out.
    pub foreign_events: u64,
    /// Attempts that no definition event describes; Ray never shows them.
    pub attempts_without_definition: u64,
    /// Attempts that were not over when the last event was made.
    pub unfinished_attempts: u64,
    /// Rows without an end when the last event was made.
    pub running_at_end: Running,
    /// Workers that no event tells of, known from logs, attempts and actors.
    pub workers_from_logs: u64,
    /// Of these, those of which nothing tells whether they ended.
    pub workers_without_end: u64,
    /// Logs of Ray's processes of which a part was left unread, because a session may have very many.
    pub unread_process_logs: u64,
    /// Nodes known from events of which no log file was stored.
    pub nodes_without_logs: Vec<String>,
    /// Set if its head was told to stop, as its logs say: rows without an end ran when the cluster ended.
    pub stopped: bool,
    /// Set if the log of its GCS is stored: collectors upload it when the session is over.
    pub head_log_stored: bool,
    /// Driver jobs without an end.
    pub unfinished_jobs: u64,
    /// Whether the collector was one that replaced the file of an hour again and again (before v1.7): hours may have
    /// holes at their source that nothing shows, so this is a warning and no known gap.
    pub overwritten_hours: bool,
}

impl Completeness {
    /// Counts an event of a type that this version does not know.
    pub fn saw_unknown_type(&mut self, name: &str) {
        count(&mut self.unknown_event_types, name, 1);
    }

    /// Counts a field that this version does not know.
    pub fn saw_unknown_field(&mut self, message: &str, field: &str) {
        count(&mut self.unknown_fields, &format!("{message}.{field}"), 1);
    }

    /// Counts a record of which nothing was understood.
    pub fn add_damaged(&mut self, file: &str, position: u64, problem: impl Into<String>) {
        self.records += 1;
        self.damaged_records.add(file, position, problem);
    }

    /// Returns `true` if no record at all was understood.
    pub fn understood_nothing(&self) -> bool {
        self.records == self.damaged_records.count
    }

    /// Adds the counts of another part of the same session.
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
        // Everything else is counted when the snapshot is built, from all parts together.
    }
}

/// Bounded: names come from the input.
fn count(names: &mut BTreeMap<String, u64>, name: &str, times: u64) {
    let name = if names.len() < MAX_NAMES || names.contains_key(name) { name } else { "(others)" };
    match names.get_mut(name) {
        Some(known) => *known += times,
        None => {
            names.insert(name.to_owned(), times);
        }
    }
}
