//! A plan for those who show it.

use ray_history_core::base::time::Nanos;
use ray_history_retention::{Candidate, Plan, Settings};

/// A plan, and all that it was made of.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The time it was made at.
    pub at: Nanos,
    /// The rules.
    pub settings: Settings,
    /// The sessions, in the order of the plan.
    pub sessions: Vec<Candidate>,
    /// The plan.
    pub plan: Plan,
}
