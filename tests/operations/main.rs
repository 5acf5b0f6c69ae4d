//! The real program from outside: probes, metrics, limits, slow clients, draining, traces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test that cannot go on must stop, and metrics that count are whole numbers"
)]

mod audit;
#[path = "../common/mod.rs"]
mod common;
mod drain;
mod limits;
mod log;
mod probes;
mod server;
mod traces;
