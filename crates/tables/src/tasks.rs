//! The table `tasks`: one row for each attempt, by job, actor and own part of the task id, the latest attempt first.
//!
//! Ids, times and words are columns for queries; what they lack is in columns that begin with `_`, so that the very
//! `TaskTable` can be made again. Profile events are a table of their own (`profile`), in the order of this one.

mod read;
mod schema;
mod times;
mod words;
mod write;

pub use read::{TasksRead, read};
pub(crate) use schema::{LAYOUT, state_columns, time};
pub use write::write;

/// Choices of what `tasks` has.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `true` for error messages, which may contain whatever a program printed.
    pub messages: bool,
}

#[cfg(test)]
mod tests;
