//! Decodes everything that a head holds or names, also what no reader needs: proves that all of it can be read.

use super::report::Report;
use super::{Head, TableFile, environments, facts};
use crate::error::Error;
use crate::values::Values;
use crate::{actors, profile, tasks};
use bytes::Bytes;
use ray_history_core::layout::LargeTable;
use ray_history_core::snapshot::driver::Driver;
use ray_history_core::snapshot::job::{DriverJob, SubmissionEvents};
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::PlacementGroup;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use ray_history_core::snapshot::submission::UnifiedJob;
use ray_history_core::snapshot::worker::Worker;

/// A member of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// Rows, if it is a table.
    pub rows: Option<u64>,
}

impl Head {
    /// Returns the members, by name.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.members.iter().map(|(name, bytes)| {
            let rows = self.about.members.get(name).map(|promise| promise.rows());
            Member { name, size: bytes.len() as u64, rows }
        })
    }

    /// Decodes all members.
    ///
    /// # Errors
    /// Fails at the first member that is missing or cannot be read, and names it.
    pub fn verify_members(&self) -> Result<(), Error> {
        for name in self.about.members.keys() {
            self.member(name)?;
        }
        let (stamp, mut values) = (self.about.stamp(), Values::default());
        if self.about.options.clear_environments {
            let (bytes, expected) = self.member("environments.parquet")?;
            values.environments = Some(environments::read(bytes, &stamp, &expected)?);
        }
        self.small::<Node>(&stamp, &mut values)?;
        self.small::<Worker>(&stamp, &mut values)?;
        self.small::<Driver>(&stamp, &mut values)?;
        self.small::<DriverJob>(&stamp, &mut values)?;
        self.small::<SubmissionEvents>(&stamp, &mut values)?;
        self.small::<PlacementGroup>(&stamp, &mut values)?;
        self.small::<UnifiedJob>(&stamp, &mut values)?;
        self.small::<NodeRuntimeEnv>(&stamp, &mut values)?;
        let (bytes, expected) = self.member("facts.parquet")?;
        facts::read(bytes, &stamp, &expected)?;
        self.failures()?;
        self.inputs()?;
        Report::read(self.json("completeness.json")?)?;
        Ok(())
    }

    /// Compares a file with the size and the hash that the head names, and decodes all of its rows. Of a table that only
    /// a later version knows, the hash has to do.
    ///
    /// # Errors
    /// Fails if the bytes are not those that were written, or cannot be read.
    pub fn verify_table(&self, file: &TableFile, bytes: &Bytes) -> Result<(), Error> {
        file.check(bytes)?;
        let (stamp, expected) = (self.about.stamp(), file.expected());
        let table = LargeTable::ALL.into_iter().find(|table| table.name() == file.name);
        match table {
            Some(LargeTable::Tasks) => tasks::LAYOUT.decode_all(bytes.clone(), &stamp, &expected),
            Some(LargeTable::ProfileEvents) => profile::LAYOUT.decode_all(bytes.clone(), &stamp, &expected),
            Some(LargeTable::Actors) => actors::layout()?.decode_all(bytes.clone(), &stamp, &expected),
            None => Ok(()),
        }
    }
}
