//! The real program from outside: probes, metrics, limits, slow clients, draining, traces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod drain;
#[path = "../fixture/mod.rs"]
mod fixture;
mod limits;
mod log;
mod probes;
mod server;
mod traces;
