//! Our own API: the list of sessions, the report and the load of one, and links by name.

pub(super) mod links;
pub(super) mod list;
pub(super) mod load;
pub(super) mod logs;
mod redirect;
pub(super) mod report;

pub use list::of_store as list_of_store;
