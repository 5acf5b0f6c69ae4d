//! First causes of recorded runs and of each rule, whatever the order and the gaps of what was seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod documentation;
mod no_cause;
mod replay;
mod rules;
mod runs;
#[path = "../scenes/mod.rs"]
mod scenes;
mod secrets;
