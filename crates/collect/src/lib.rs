//! The collector: takes Ray's events, logs and dashboard answers on one pod, and puts them into the bucket.
//!
//! ```text
//! Ray agent ── POST /v1/events ──► receive ──► spool ──────┐
//! /tmp/ray/session_* ── stat, read ──────────► tail ───────┤
//! head's dashboard ── GET ───────────────────► poll ───────┼──► upload ──► bucket
//! agent's /metrics ── GET ───────────────────► ray_counters┤
//! kubelet ── /drain, /healthz, /metrics ─────► control ────┴──► manifest
//! ```
//!
//! State is files, so a kill and a restart is the normal path. The collector never exits by itself, and never answers a
//! batch of events with a client error: Ray would repeat the same batch for ever.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::clone_on_ref_ptr,
        reason = "a test that cannot go on must stop; what is shared is clear in it"
    )
)]

pub mod args;
mod category;
pub mod control;
pub mod destinations;
pub mod drain;
pub mod evidence;
pub mod health;
pub mod http_get;
pub mod identity;
mod leftovers;
pub mod manifests;
pub mod marker;
pub mod metrics;
pub mod parts;
pub mod poll;
mod quarantine;
pub mod ray_counters;
pub mod receive;
pub mod run;
pub mod settings;
pub mod spool;
pub mod store;
pub mod tail;
pub mod upload;
