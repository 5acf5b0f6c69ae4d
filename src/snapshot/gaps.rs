//! Finds the gaps of a session: data that should be stored and is not.
//!
//! Nobody writes down what an exporter left out; so each kind of thing is looked for in two places. What logs, names of
//! files and events of other kinds tell of, and its own events do not, was not exported, or was lost. A session of which
//! nothing can be said is without known gaps, never complete: only a manifest could tell that.
//!
//! ```text
//! snapshot (tables, completeness) ─┐
//! evidence (names of files)       ─┴──► of_content ──► gaps that stay with the snapshot
//! standing (marker, state) ───────► Standing::gaps ─► gaps of the moment a question is asked
//! ```
//!
//! Work that simply had no end is a fact (`completeness::Running`); that no end was recorded is a gap.

mod advice;
mod damage;
mod kinds;
mod standing;

pub use advice::{export, export_anything};
pub use standing::Standing;

use super::Snapshot;
use super::gap::Gap;
use std::collections::BTreeSet;

/// Facts of a session's files that its tables do not have.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Nodes whose collector stored event files.
    pub event_nodes: BTreeSet<String>,
    /// Nodes that have log files.
    pub log_nodes: BTreeSet<String>,
    /// Event files that were listed, those of no bytes included.
    pub event_files: u64,
    /// Submissions that logs tell of.
    pub submissions: u64,
    /// Workers, drivers left out, that log files are named after.
    pub logged_workers: u64,
    /// Actors that the GCS's log tells of, where it was read.
    pub logged_actors: u64,
    /// Nodes that the GCS's log tells of, where it was read.
    pub logged_nodes: u64,
    /// Set if the GCS's log is stored: collectors upload it when the session is over.
    pub gcs_log_stored: bool,
}

/// Returns the gaps that the stored content shows, the heaviest first.
pub fn of_content(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let mut found = damage::find(snapshot, evidence);
    found.extend(kinds::find(snapshot, evidence));
    sort(&mut found);
    found
}

/// The heaviest first; among equals in the order of their codes.
pub fn sort(gaps: &mut [Gap]) {
    gaps.sort_by_key(|gap| (gap.weight, gap.code));
}

#[cfg(test)]
mod tests;
