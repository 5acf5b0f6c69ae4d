//! Types shared by every layer: names of clusters and sessions, Ray's ids and enums, times, stored JSON, text of
//! terminals.
//!
//! Pure, with no dependency on other modules of this crate. Types that only one layer needs belong to that layer.

pub mod actor;
pub mod chain;
pub mod id;
pub mod keep;
pub mod name;
pub mod numbers;
pub mod stored_json;
pub mod task;
pub mod terminal;
pub mod time;
