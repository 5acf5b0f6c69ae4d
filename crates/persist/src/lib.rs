//! Persists a dead session: its tables one after the other, then the head that names them.
//!
//! ```text
//! head there? ─► tables, each on a condition ─► the same listing still? ─► head, on a condition ─► read back
//! ```
//!
//! The head is written last and is one object, so that a crash leaves tables that no head names, or a head whose tables
//! are others than it names: readers take the raw data then. What shows less never replaces what shows more. The same
//! inputs give the same tables, so that two writers at once do no harm.
//!
//! `Rollup` brings the rows of heads into one file for each day and table.

mod outcome;
mod persister;
mod rollup;

pub use outcome::{Error, Outcome, Written};
pub use persister::Persister;
pub use rollup::{Days, MOST_AT_ONCE, Rolled, Rollup, Tell, tell_of, views_of};
