//! Helpers about stored sessions that several families of routes share: finding, opening, describing, tabulating them.
//!
//! No helper answers a route.

pub(super) mod causes;
pub(super) mod compare;
pub(super) mod completeness;
pub(super) mod digest;
pub(super) mod empty;
pub(super) mod find;
pub(super) mod item;
pub(super) mod obituary;
pub(super) mod run;
pub(super) mod run_item;
pub(super) mod shown_obituary;
pub(super) mod summary;
pub(super) mod table;
