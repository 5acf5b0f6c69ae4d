//! Tables that are members of the head: small by nature, one Parquet file each.
//!
//! Nested values, such as a job's metadata, are JSON in a column of text: every engine reads it.

pub(crate) mod driver_jobs;
pub(crate) mod drivers;
pub(crate) mod failures;
pub(crate) mod jobs;
pub(crate) mod nodes;
pub(crate) mod placement_groups;
pub(crate) mod runtime_envs;
pub(crate) mod submission_events;
pub(crate) mod workers;

use crate::rows::Table;

/// The names of all of these, without `.parquet`.
pub(crate) const ALL: [&Table; 9] = [
    &nodes::TABLE,
    &workers::TABLE,
    &drivers::TABLE,
    &driver_jobs::TABLE,
    &submission_events::TABLE,
    &placement_groups::TABLE,
    &jobs::TABLE,
    &runtime_envs::TABLE,
    &failures::TABLE,
];

#[cfg(test)]
mod tests;
