//! Ray's own URLs below a session: the dashboard's document and files, and the API that they ask.
//!
//! The crate `ray-api` makes the answers; this module decides where they are made, and sends them.

mod attachment;
pub(super) mod bar;
pub(super) mod cost;
pub(super) mod document;
pub(super) mod files;
pub(super) mod logs;
mod origin;
mod platform_events;
mod send;
pub(super) mod serve;
pub(super) mod source;
mod tail;
