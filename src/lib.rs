//! ray-history: serves the Ray dashboard of a cluster that no longer exists, from the files its collectors stored.
//!
//! The crates and folders follow the data flow, and imports point one way, from right to left:
//!
//! ```text
//! bucket ──► ray_history_storage ──► session (catalog, loader, logs) ──► http ──► browser, ray CLI
//!                                        │                                ▲
//!                                        └──► ray_history_core ──► ray_history_ray_api
//!                                             layout, event, logs ──► snapshot
//! ```
//!
//! `ray_history_core` and `ray_history_ray_api` are pure: no I/O, no clock, no locks, no async. `http` never imports
//! `ray_history_storage`; it gets all data from `session`. `tests/architecture/` enforces the latter, and the direction of
//! imports in each crate.

pub mod access;
pub mod args;
pub mod cgroup;
pub mod check;
pub mod dashboards;
pub mod diff;
pub mod escape;
pub mod http;
pub mod list;
pub mod persisted;
pub mod plan;
pub mod run;
pub mod telemetry;
pub mod why;
