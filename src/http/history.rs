//! Our own API: the list of sessions, why runs ended, the report, the functions and the load
//! of one, the comparison of two, portable files, rows of all, and links by name.

pub(super) mod diff;
pub(super) mod export;
pub(super) mod fleet;
pub(super) mod functions;
pub(super) mod links;
pub(super) mod list;
pub(super) mod load;
pub(super) mod logs;
pub(super) mod obituaries;
mod redirect;
pub(super) mod report;
pub(super) mod retention;

pub use diff::of_store as diff_of_store;
pub use export::of_store as export_of_store;
pub use list::of_store as list_of_store;
pub use obituaries::{document_of_store as obituary_of_store, of_store as obituaries_of_store};
pub use retention::of_store as retention_of_store;
