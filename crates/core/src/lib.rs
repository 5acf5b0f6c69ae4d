//! The pure core of ray-history: what a session's stored files mean.
//!
//! ```text
//! names of objects ──► layout
//! event files ───────► event (decode) ─┐
//! log files ─────────► logs (parse) ───┴──► snapshot (fold) ──► the crate `ray-api` (responses)
//! ```
//!
//! `base` has the values that every layer uses. Nothing here does I/O, reads a clock, takes a lock or waits; the
//! manifest has no crate that could.

pub mod base;
pub mod event;
pub mod layout;
pub mod logs;
pub mod snapshot;
