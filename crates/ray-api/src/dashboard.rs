//! The dashboard's own endpoints, outside the state API: nodes, actors, events, and what describes the dashboard itself.

pub mod actors;
pub mod cluster_status;
pub mod events;
pub mod fixed;
pub mod google_style;
pub mod metadata;
pub mod node_detail;
pub mod nodes;
pub mod platform_events;
mod quantities;
