//! Helpers about stored sessions that several families of routes share: finding, opening, describing, tabulating them.
//!
//! No helper answers a route.

pub(super) mod completeness;
pub(super) mod item;
pub(super) mod lookup;
pub(super) mod open;
pub(super) mod redirect;
pub(super) mod summary;
pub(super) mod table;
