//! The tail on real temporary files, with paused time and a store in memory that fails when told to.

mod bad;
mod day;
mod kills;
mod reader;
pub(super) mod rights;
mod scans;
mod scenes;
mod world;
