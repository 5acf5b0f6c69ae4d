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

impl Planned {
    /// Returns the memory held, in bytes, without what is rare: marks to set and owners of clusters.
    pub(super) fn bytes(&self) -> u64 {
        let names = self.sessions.iter().map(|session| {
            let cluster = &session.key.cluster;
            cluster.namespace.len() + cluster.name.len() + session.key.session.as_str().len()
        });
        let rows = self.sessions.len() * size_of::<Candidate>();
        (rows + size_of_val(&*self.plan.decisions) + names.sum::<usize>()) as u64
    }
}
