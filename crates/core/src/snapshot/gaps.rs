//! Finds the gaps of a session: data that should be stored and is not.
//!
//! Exporters do not record what they leave out, so each kind of entity is looked for in two places. An entity that
//! appears in logs, file names or events of other kinds but has no events of its own was not exported, or was lost. A
//! session without findings has no known gaps; that it is complete could be shown only by a manifest.
//!
//! ```text
//! snapshot (tables, completeness) ─┐
//! evidence (names of files)       ─┴──► of_content ──► gaps that stay with the snapshot
//! standing (marker, state) ───────► Standing::gaps ─► gaps at the time of the request
//! ```
//!
//! Work that had no end is a fact (`completeness::Running`); an end that was not recorded is a gap.

mod advice;
mod damage;
mod kinds;
mod standing;

pub use advice::{export, export_anything};
pub use standing::Standing;

use super::Snapshot;
use super::gap::Gap;
use std::collections::BTreeSet;

/// Facts about a session's files that its tables do not contain.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Nodes whose collector stored event files.
    pub event_nodes: BTreeSet<String>,
    /// Nodes that have log files.
    pub log_nodes: BTreeSet<String>,
    /// Number of event files listed, including empty ones.
    pub event_files: u64,
    /// Number of submissions found in logs.
    pub submissions: u64,
    /// Number of workers, without drivers, that log files are named after.
    pub logged_workers: u64,
    /// Number of actors in the GCS's log, if it was read.
    pub logged_actors: u64,
    /// Number of nodes in the GCS's log, if it was read.
    pub logged_nodes: u64,
    /// `true` if the GCS's log is stored; collectors upload it when the session is over.
    pub gcs_log_stored: bool,
}

/// Returns the gaps that the stored content shows, heaviest first.
pub fn of_content(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let mut found = damage::find(snapshot, evidence);
    found.extend(kinds::find(snapshot, evidence));
    sort(&mut found);
    found
}

/// Sorts gaps by weight, heaviest first, then by code.
pub fn sort(gaps: &mut [Gap]) {
    gaps.sort_by_key(|gap| (gap.weight, gap.code));
}

#[cfg(test)]
mod tests;
