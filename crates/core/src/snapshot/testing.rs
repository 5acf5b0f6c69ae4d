//! Snapshots for tests of this crate and others: events that are made from a few numbers, and texts to compare by.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on must stop")]

pub mod dump;
pub mod made;
pub mod many;
