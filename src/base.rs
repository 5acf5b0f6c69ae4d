//! Values that every layer speaks of: names of clusters and sessions, Ray's ids and enums, times.
//!
//! Pure, and depends on nothing of ours. Must never hold what only one layer needs.

pub mod actor;
pub mod chain;
pub mod escape;
pub mod id;
pub mod name;
pub mod stored_json;
pub mod task;
pub mod time;
