//! Tables that are small by nature: members of the head, each a file.
//!
//! `jobs` and `runtime_envs` are made again by `Snapshot::derive`, and read only where the facts for it were left out.

mod driver_jobs;
mod drivers;
pub(crate) mod failures;
pub(crate) mod functions;
mod jobs;
mod nodes;
mod placement_groups;
mod runtime_envs;
mod submission_events;
mod workers;

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::row::{self, Row};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;

/// A table of a snapshot, by its rows.
pub(crate) trait Table: Sized {
    /// Its name: that of its member of the head, without `.parquet`.
    const NAME: &'static str;

    /// Writes the table of a snapshot. Without `messages`, tables that are for queries alone have none.
    fn write(
        snapshot: &Snapshot,
        environments: &mut Environments,
        stamp: &Stamp,
        messages: bool,
    ) -> Result<(Vec<u8>, Expected), Error>;

    /// Reads a table that was written. Runtime environments that `values` does not have are those that the file shows.
    fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Self>, Error>;
}

/// A row of a snapshot's small table.
trait Member: Row {
    /// Returns the rows of a snapshot.
    fn rows(snapshot: &Snapshot) -> &[Self];

    /// Changes rows that were read, once all of them are there.
    fn finish(_rows: &mut [Self]) {}

    /// Leaves out messages that answers do not need, because they are made again from elsewhere.
    fn without_messages(self) -> Self {
        self
    }
}

impl<R: Member> Table for R {
    const NAME: &'static str = R::TABLE;

    fn write(
        snapshot: &Snapshot,
        environments: &mut Environments,
        stamp: &Stamp,
        messages: bool,
    ) -> Result<(Vec<u8>, Expected), Error> {
        let rows = R::rows(snapshot).iter().cloned();
        let rows = rows.map(|row| if messages { row } else { row.without_messages() });
        row::write(&row::layout::<R>()?, snapshot, rows, environments, stamp)
    }

    fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Self>, Error> {
        let mut rows = row::read(&row::layout::<R>()?, bytes, stamp, expected, values)?;
        R::finish(&mut rows);
        Ok(rows)
    }
}
