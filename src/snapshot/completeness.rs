//! What is known to be missing from a snapshot. There is no manifest, so the good case is "no known gaps".
//!
//! Owns the counts and a bounded number of examples. Equal for any order of files: examples are the first ones by
//! (file, position), not the first ones seen.

use serde::Serialize;
use siphasher::sip::SipHasher13;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// Examples kept of each kind.
const EXAMPLES: usize = 20;

/// A place in the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Storage key of the file.
    pub file: String,
    /// Line of the file, or item of its JSON array, counted from 1; zero for the file as a whole.
    pub position: u64,
    /// What is wrong there.
    pub problem: String,
}

/// Counted problems of one kind, with examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// How many there are.
    pub count: u64,
    /// The first ones by file and position.
    pub examples: BTreeSet<Place>,
    /// Of the names of all files, in any order: the same number of problems may be in others. Alike on every replica.
    #[serde(skip)]
    pub files: u64,
}

impl Problems {
    /// Counts one more.
    pub fn add(&mut self, file: &str, position: u64, problem: impl Into<String>) {
        self.count += 1;
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        file.hash(&mut hasher);
        self.files = self.files.wrapping_add(hasher.finish());
        self.examples.insert(Place { file: file.to_owned(), position, problem: problem.into() });
        self.shorten();
    }

    /// So many, of which those that are no examples of others are examples.
    #[must_use]
    pub fn beyond(&self, others: &Self, count: u64) -> Self {
        Self { count, examples: self.examples.difference(&others.examples).cloned().collect(), files: self.files }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.files = self.files.wrapping_add(other.files);
        self.examples.extend(other.examples);
        self.shorten();
    }

    fn shorten(&mut self) {
        while self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }
}

/// The report on one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// Event files read.
    pub event_files: u64,
    /// Records read from them, damaged ones included.
    pub records: u64,
    /// Files that could not be read, or not to their end.
    pub unreadable_files: Problems,
    /// Records that are not JSON, too long, or without the id they are about.
    pub damaged_records: Problems,
    /// Records of a type that this version does not know, by type.
    pub unknown_event_types: BTreeMap<String, u64>,
    /// Transitions to states that this version does not know.
    pub unknown_states: u64,
    /// Events of another session that stood in this session's files, left out.
    pub foreign_events: u64,
    /// Attempts that no definition event describes; Ray never shows them.
    pub attempts_without_definition: u64,
    /// Attempts that were not over when the last event was made.
    pub unfinished_attempts: u64,
    /// Nodes known from events of which no log file was stored.
    pub nodes_without_logs: Vec<String>,
    /// Whether the session has no marker object: its head was killed, or the marker was removed.
    pub marker_missing: bool,
    /// Driver jobs without an end.
    pub unfinished_jobs: u64,
    /// Whether the collector was one that replaced the file of an hour again and again (before v1.7): hours may have
    /// holes at their source that nothing shows, so this is a warning and no known gap.
    pub overwritten_hours: bool,
}

impl Completeness {
    /// Whether nothing is known to be missing. Work that simply had no end yet is not a gap.
    pub fn has_no_known_gaps(&self) -> bool {
        self.unreadable_files.count == 0
            && self.damaged_records.count == 0
            && self.unknown_event_types.is_empty()
            && self.unknown_states == 0
            && self.attempts_without_definition == 0
            && self.nodes_without_logs.is_empty()
            && !self.marker_missing
    }

    /// Adds the counts of another part of the same session.
    pub fn merge(&mut self, other: Self) {
        let Self {
            event_files,
            records,
            unreadable_files,
            damaged_records,
            unknown_event_types,
            unknown_states,
            foreign_events,
            attempts_without_definition,
            unfinished_attempts,
            nodes_without_logs,
            marker_missing,
            unfinished_jobs,
            overwritten_hours,
        } = other;
        self.event_files += event_files;
        self.records += records;
        self.unreadable_files.merge(unreadable_files);
        self.damaged_records.merge(damaged_records);
        for (name, count) in unknown_event_types {
            *self.unknown_event_types.entry(name).or_default() += count;
        }
        self.unknown_states += unknown_states;
        self.foreign_events += foreign_events;
        self.attempts_without_definition += attempts_without_definition;
        self.unfinished_attempts += unfinished_attempts;
        self.nodes_without_logs.extend(nodes_without_logs);
        self.marker_missing |= marker_missing;
        self.unfinished_jobs += unfinished_jobs;
        self.overwritten_hours |= overwritten_hours;
    }
}
