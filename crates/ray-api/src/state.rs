//! The state API (`/api/v0/…`), which `ray list`, `ray summary` and the dashboard's tables ask.
//!
//! There is one file for each resource. `resource` has what lists have in common: columns, filters, limits and the
//! envelope. Logs, although below `/api/v0/logs`, are in `logs`.

pub mod actor_summary;
pub mod actors;
pub mod cluster_events;
pub mod jobs;
pub mod nodes;
pub mod objects;
pub mod placement_groups;
pub mod resource;
pub mod runtime_envs;
pub mod task_summary;
pub mod tasks;
pub mod timeline;
pub mod workers;
