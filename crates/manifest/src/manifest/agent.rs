//! The counters of an agent of Ray, by which it is known how many events left Ray and how many it dropped.
//!
//! `received = published + filtered + dropped + not taken` holds whenever the agent's ring is empty; otherwise the
//! difference is on its way. A new agent counts from zero. Ray counts an event as received before it tries to take it
//! (`AddEvents` in `dashboard/modules/aggregator/aggregator_agent.py`).

use super::rfc3339;
use ray_history_core::base::time::Nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The counters of one agent process, as of its last scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentCounters {
    /// Its process; zero for one that answered and had counted nothing.
    pub pid: u64,
    /// The first scrape.
    #[serde(with = "rfc3339")]
    pub from: Nanos,
    /// The last scrape.
    #[serde(with = "rfc3339")]
    pub at: Nanos,
    /// Events that it received from processes of Ray.
    pub received: u64,
    /// Events that a collector acknowledged.
    pub published: u64,
    /// Events of types that it was told to leave out.
    pub filtered: u64,
    /// Events that its ring dropped, by type.
    pub dropped: BTreeMap<String, u64>,
    /// Events that it received and could not take.
    pub add_failures: u64,
    /// Posts that failed; they are repeated, so nothing is lost by them.
    pub publish_failures: u64,
    /// Its counters were equal at the last scrape, and no event came after it.
    pub quiet: bool,
}

impl AgentCounters {
    /// Returns how many events were dropped, of all types.
    pub fn dropped(&self) -> u64 {
        self.dropped.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns `true` if every received event was published, left out, dropped or not taken: none is on its way.
    pub fn is_even(&self) -> bool {
        u128::from(self.published) + self.never_published() == u128::from(self.received)
    }

    /// Returns how many of the received events were left out, dropped or not taken.
    pub fn never_published(&self) -> u128 {
        u128::from(self.filtered) + u128::from(self.dropped()) + u128::from(self.add_failures)
    }
}
