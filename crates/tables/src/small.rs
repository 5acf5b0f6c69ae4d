//! Tables that are small by nature: members of the head, each a file.
//!
//! `jobs` and `runtime_envs` are made again by `Snapshot::derive`, and read only where the facts for it were left out.

pub mod failures;

mod driver_jobs;
mod drivers;
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
pub trait Table: Sized {
    /// Its name: that of its member of the head, without `.parquet`.
    const NAME: &'static str;

    /// Writes the table of a snapshot.
    fn write(snapshot: &Snapshot, stamp: &Stamp, environments: &mut Environments)
    -> Result<(Vec<u8>, Expected), Error>;

    /// Reads a table that was written. Runtime environments that `values` does not have are those that the file shows.
    fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Self>, Error>;
}

/// A row of a snapshot's small table.
trait Member: Row {
    /// Returns the rows of a snapshot.
    fn rows(snapshot: &Snapshot) -> &[Self];
}

impl<R: Member> Table for R {
    const NAME: &'static str = R::TABLE;

    fn write(
        snapshot: &Snapshot,
        stamp: &Stamp,
        environments: &mut Environments,
    ) -> Result<(Vec<u8>, Expected), Error> {
        row::write(&row::layout::<R>()?, snapshot, R::rows(snapshot).iter().cloned(), environments, stamp)
    }

    fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Self>, Error> {
        row::read(&row::layout::<R>()?, bytes, stamp, expected, values)
    }
}
