//! The tables of a session as Parquet, and the head that names them: what was built once from events is read again from
//! here, by any replica and by SQL engines.
//!
//! ```text
//! Snapshot ─► tasks, profile, actors ─► file ─► one Parquet file each      (large tables)
//!          ├► small ─► file ─► members of the head                            (everything else)
//!          └► facts, endpoints, completeness, inputs ─► members of the head
//! head + files ─► checked (sizes, hashes, build) ─► the same parts ─► Snapshot
//! ```
//!
//! Pure: bytes in, bytes out. Every file that is read may be damaged or made by an enemy: the answer is an `Error`.

pub mod actors;
mod build;
mod columns;
mod environments;
mod error;
mod file;
mod fleet;
mod handles;
mod hash;
mod head;
mod micros;
mod pages;
pub mod profile;
mod row;
mod small;
pub mod tasks;
mod values;
mod views;
mod words;

pub use build::{Build, Content, TablePart};
pub use environments::Environments;
pub use error::Error;
pub use file::{Expected, Stamp};
pub use fleet::{FleetSession, MAX_ROLLUP, RowPlace, Told, Written, each_row, merge, written};
pub use head::*;
pub use values::Values;
pub use views::{View, views};
