//! The head of what is kept of a session: one object that names all others, and holds everything that is small.

mod about;
mod environments;
mod facts;
mod inputs;
mod members;
mod pack;
mod redact;
mod report;
mod totals;
mod unpack;
mod verify;

pub use about::{About, FOLD, InputSums, Options, Session, TableFile, Writer};
pub use facts::FactFile;
pub(crate) use inputs::sums;
pub use inputs::{Compared, Input, compare};
pub use members::MAX_HEAD;
#[cfg(test)]
pub(crate) use members::{pack as pack_members, unpack as unpack_members};
pub(crate) use pack::HeadParts;
pub use redact::names_variables;
pub use totals::Totals;
pub use unpack::Opened;
pub use verify::Member;

use crate::error::Error;
use crate::hash::sha256 as hash;
use crate::small::{failures, functions};
use bytes::Bytes;
use members::Members;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::failures::Failures;
use ray_history_core::snapshot::functions::Functions;

/// Tables that only ray-history reads.
const OWN: [&str; 3] = ["environments", "facts", "inputs"];

/// The head of a session, as it was read.
#[derive(Debug)]
pub struct Head {
    /// The session, the build and its files.
    pub about: About,
    members: Members,
}

impl TableFile {
    /// Checks that the bytes of a file are those that the head names.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let Self { name, size, sha256, .. } = self;
        if bytes.len() as u64 != *size {
            return Err(Error::malformed(name, format!("it has {} bytes, and its head says {size}", bytes.len())));
        }
        if hash(bytes) != *sha256 {
            return Err(Error::malformed(name, "its bytes are not those that its head names"));
        }
        Ok(())
    }
}

impl Head {
    /// Reads the head of a session.
    pub fn read(bytes: Bytes, key: &SessionKey) -> Result<Self, Error> {
        let members = members::unpack(&bytes)?;
        let about = members.get("snapshot.json").ok_or_else(|| Error::malformed("head", "it has no snapshot.json"))?;
        Ok(Self { about: About::read(about, key)?, members })
    }

    /// Returns the raw objects of the build.
    pub fn inputs(&self) -> Result<Vec<Input>, Error> {
        let (bytes, expected) = self.member("inputs.parquet")?;
        inputs::read(bytes, &self.about.stamp(), &expected)
    }

    /// Returns the parts of log files that the facts were read from.
    pub fn fact_files(&self) -> Result<Vec<FactFile>, Error> {
        let (bytes, expected) = self.member("facts.parquet")?;
        Ok(facts::read(bytes, &self.about.stamp(), &expected)?.files)
    }

    /// Returns the Parquet files of the small tables that are for people and engines, by the names of the tables.
    pub fn small_tables(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let found = self.members.iter().filter_map(|(name, bytes)| Some((name.strip_suffix(".parquet")?, bytes)));
        found.filter(|(name, _)| !OWN.contains(name))
    }

    /// Returns what failed, as of the build.
    pub fn failures(&self) -> Result<Failures, Error> {
        let (bytes, expected) = self.member("failures.parquet")?;
        failures::read(bytes, &self.about.stamp(), &expected)
    }

    /// Returns the functions that ran, as of the build; `None` in a head of format 1.0.
    pub fn functions(&self) -> Result<Option<Functions>, Error> {
        if !self.members.contains_key("functions.parquet") {
            return Ok(None);
        }
        let (bytes, expected) = self.member("functions.parquet")?;
        functions::read(bytes, &self.about.stamp(), &expected).map(Some)
    }

    /// Returns the session in numbers, as of the build; `None` in a head of format 1.0.
    pub fn totals(&self) -> Result<Option<Totals>, Error> {
        self.members.get("totals.json").map(|bytes| Totals::read(bytes)).transpose()
    }

    fn member(&self, name: &str) -> Result<(Bytes, crate::file::Expected), Error> {
        let missing = || Error::malformed("head", format!("it has no {name}"));
        let bytes = self.members.get(name).ok_or_else(missing)?;
        let promise = self.about.members.get(name).ok_or_else(missing)?;
        Ok((bytes.clone(), promise.expected()))
    }

    fn json(&self, name: &str) -> Result<&[u8], Error> {
        self.members
            .get(name)
            .map(|bytes| &**bytes)
            .ok_or_else(|| Error::malformed("head", format!("it has no {name}")))
    }
}
