//! ray-history: serves the Ray dashboard of a cluster that no longer exists, from the files its collectors stored.
//!
//! The folders follow the data flow, and imports point one way, from right to left:
//!
//! ```text
//! bucket ──► storage ──► layout ──► session (catalog, loader, logs) ──► answer ──► http ──► browser, ray CLI
//!                                      │ event (decode)  logs (decode)     ▲
//!                                      └────────► snapshot (pure fold) ────┘
//! ```
//!
//! `base` has the types that every layer shares.
//! It and `snapshot`, `event`, `logs`, `layout` and `answer` are pure: no I/O, no clock, no locks, no async.
//! `http` never imports `storage`; it gets all data from `session`.
//! `tests/architecture/` enforces both.

pub mod answer;
pub mod args;
pub mod base;
pub mod cgroup;
pub mod check;
pub mod controller;
pub mod crd;
pub mod event;
pub mod health;
pub mod http;
pub mod layout;
pub mod liveness;
pub mod logs;
pub mod metrics;
pub mod run;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod storage;
pub mod telemetry;
