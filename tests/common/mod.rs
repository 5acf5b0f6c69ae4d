//! The harness of the integration tests and benchmarks.
//!
//! [`server::Server`] is the program on a free loopback port, [`client`] sends it a request, [`process::Process`] is
//! any program that ends with its test, and [`http`] answers requests of the program. A test speaks to a raw socket
//! only if it is about the bytes: half a request, a path that a client would normalise, an answer that is not read.

#![allow(dead_code, reason = "each test and benchmark uses a part of it")]

pub(crate) mod client;
pub(crate) mod fixture;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod stores;
