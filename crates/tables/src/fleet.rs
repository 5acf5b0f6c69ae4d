//! Daily rollups: small tables of all sessions of one day in one file each, for questions about many sessions.
//!
//! ```text
//! head ─► FleetSession ─┐
//! the day's file ───────┴► merge: rows of these sessions replaced, sorted ─► the day's file
//! ```
//!
//! A row begins with its session; the columns after it are those of the head. No head names a rollup, so what is read is
//! bounded by the limits here. Columns that a file of an earlier version lacks are absent.

mod file;
mod located;
mod node;
mod run;
mod session;

pub use run::{Told, Written};
pub use session::FleetSession;

use crate::environments::Environments;
use crate::error::Error;
use crate::file::Stamp;
use crate::row;
use crate::small::failures::FailureRow;
use crate::small::functions::Function;
use bytes::Bytes;
use file::{layout, read};
use located::{Located, Place};
use node::NodeRow;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{Day, FleetTable};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::UnifiedJob;
use run::RunRow;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Longest rollup that is read or written, in bytes.
pub const MAX_ROLLUP: u64 = 64 << 20;

/// A row of a rollup, without its session.
trait FleetRow: row::Row {
    /// Returns the rows of a session.
    fn of(session: &FleetSession) -> &[Self];
}

impl FleetRow for RunRow {
    fn of(session: &FleetSession) -> &[Self] {
        std::slice::from_ref(&session.run)
    }
}

impl FleetRow for UnifiedJob {
    fn of(session: &FleetSession) -> &[Self] {
        &session.jobs
    }
}

impl FleetRow for NodeRow {
    fn of(session: &FleetSession) -> &[Self] {
        &session.nodes
    }
}

impl FleetRow for Function {
    fn of(session: &FleetSession) -> &[Self] {
        &session.functions
    }
}

impl FleetRow for FailureRow {
    fn of(session: &FleetSession) -> &[Self] {
        &session.failures
    }
}

/// Returns the rollup of a day in which the rows of these sessions are those of now. `there` is the rollup that is there.
/// The same rows give the same bytes.
///
/// # Errors
/// Fails if `there` is not a rollup of this table and day, or if the result is too long for one.
pub fn merge(table: FleetTable, day: Day, there: Option<Bytes>, sessions: &[FleetSession]) -> Result<Bytes, Error> {
    match table {
        FleetTable::Runs => merge_rows::<RunRow>(day, there, sessions),
        FleetTable::Jobs => merge_rows::<UnifiedJob>(day, there, sessions),
        FleetTable::Nodes => merge_rows::<NodeRow>(day, there, sessions),
        FleetTable::Functions => merge_rows::<Function>(day, there, sessions),
        FleetTable::Failures => merge_rows::<FailureRow>(day, there, sessions),
    }
}

fn merge_rows<R: FleetRow>(day: Day, there: Option<Bytes>, sessions: &[FleetSession]) -> Result<Bytes, Error> {
    let mut rows: Vec<Located<R>> = there.map_or_else(|| Ok(Vec::new()), |bytes| read(day, bytes))?;
    // Of a session that is given twice, the last one counts.
    let sessions: BTreeMap<[&str; 3], &FleetSession> =
        sessions.iter().map(|session| (session.place.names(), session)).collect();
    rows.retain(|row| !sessions.contains_key(&row.place.names()));
    for session in sessions.into_values() {
        rows.extend(R::of(session).iter().map(|row| Located { place: session.place.clone(), row: row.clone() }));
    }
    // Stable: the rows of a session keep their order.
    rows.sort_by(|a, b| a.place.order().cmp(&b.place.order()));
    let stamp = Stamp::default();
    let rows = rows.into_iter();
    let (bytes, _) = row::write(&layout::<R>()?, &Snapshot::default(), rows, &mut Environments::default(), &stamp)?;
    if bytes.len() as u64 > MAX_ROLLUP {
        return Err(Error::malformed(R::TABLE, format!("the sessions of {day} are too many for one rollup")));
    }
    Ok(bytes.into())
}

/// Returns what is written of each session of a day, by its rollup of `runs`.
///
/// # Errors
/// Fails if the bytes are not such a rollup.
pub fn written(day: Day, bytes: Bytes) -> Result<Vec<(SessionKey, Written)>, Error> {
    let rows: Vec<Located<RunRow>> = read(day, bytes)?;
    Ok(rows.into_iter().filter_map(|Located { place, row }| Some((place.key()?, row.written()))).collect())
}

/// The place of a row in a rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// The session.
    pub key: SessionKey,
    /// `false` if its namespace is only an id that v1.6 wrote.
    pub namespace_known: bool,
    /// The number of the row within the session, from zero.
    pub row: usize,
}

/// Calls `on` with each row of a rollup behind a place, in order: with its place, and what returns its columns as JSON.
///
/// # Errors
/// Fails if the bytes are not such a rollup.
pub fn each_row(
    table: FleetTable,
    day: Day,
    bytes: Bytes,
    after: Option<&RowPlace>,
    on: impl FnMut(&RowPlace, &mut dyn FnMut() -> Map<String, Value>) -> ControlFlow<()>,
) -> Result<(), Error> {
    match table {
        FleetTable::Runs => each::<RunRow>(day, bytes, after, on),
        FleetTable::Jobs => each::<UnifiedJob>(day, bytes, after, on),
        FleetTable::Nodes => each::<NodeRow>(day, bytes, after, on),
        FleetTable::Functions => each::<Function>(day, bytes, after, on),
        FleetTable::Failures => each::<FailureRow>(day, bytes, after, on),
    }
}

fn each<R: FleetRow>(
    day: Day,
    bytes: Bytes,
    after: Option<&RowPlace>,
    mut on: impl FnMut(&RowPlace, &mut dyn FnMut() -> Map<String, Value>) -> ControlFlow<()>,
) -> Result<(), Error> {
    let rows: Vec<Located<R>> = read(day, bytes)?;
    let after = after.map(|after| (Place::of(&after.key, after.namespace_known), after.row));
    let none = Snapshot::default();
    let mut last: Option<(Place, RowPlace)> = None;
    for mut row in rows {
        let place = match last.take() {
            Some((place, at)) if place == row.place => RowPlace { row: at.row + 1, ..at },
            _ => {
                let Some(key) = row.place.key() else { continue };
                RowPlace { key, namespace_known: row.place.namespace_known, row: 0 }
            }
        };
        let (at, place) = last.insert((row.place.clone(), place));
        let is_before = |(after, n): &(Place, usize)| (at.order(), place.row) <= (after.order(), *n);
        if after.as_ref().is_some_and(is_before) {
            continue;
        }
        if on(place, &mut || row::json(&mut row, &none).unwrap_or_default()).is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
