//! The parts of access that need metrics and the log: `observe` counts, `audit` writes down who saw what.
//!
//! `ray_history_access` decides.

pub mod audit;
mod observe;

pub use observe::Observe;
