//! The counters of this node's agents: how many events each received, published, left out and dropped.
//!
//! The agent is one Python thread, and its page has some 300 kB, so it is asked once a minute, and a few times at the
//! end.

mod page;

pub use page::parse;

use crate::http_get::{self, Bounds};
use http::Method;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::AgentCounters;
use std::time::Duration;
use tokio::time::Instant;

/// The bounds of a scrape.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(5), bytes: 64 << 20 };

/// The process number of an agent that is known to answer, and not yet by a counter of its own.
const NO_PID: u64 = 0;

/// The counters of all agents that a node had, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Agents {
    agents: Vec<AgentCounters>,
    /// The beginning of the last scrape in this process.
    scraped: Option<Instant>,
}

/// Asks an agent for its counters; `Err` says why there are none.
pub async fn scrape(port: u16) -> Result<Vec<AgentCounters>, String> {
    let url = format!("http://127.0.0.1:{port}/metrics");
    let answer = http_get::request(Method::GET, &url, &[], BOUNDS).await;
    let answer = answer.map_err(|failure| ray_history_core::base::chain::chain(&failure))?;
    if !answer.status.is_success() {
        return Err(format!("{url} answers {}", answer.status));
    }
    Ok(parse(&answer.body))
}

impl Agents {
    /// Returns the agents of a manifest that an earlier process wrote.
    pub fn restored(agents: Vec<AgentCounters>) -> Self {
        Self { agents, scraped: None }
    }

    /// Takes over a scrape that began at `began`, at the time `at`. A process that counts less than before is another
    /// one with the same number. A page without counters is that of an agent that has counted nothing yet.
    pub fn update(&mut self, mut scraped: Vec<AgentCounters>, began: Instant, at: Nanos) {
        self.scraped = Some(began);
        let idle = |agent: &AgentCounters| agent.pid == NO_PID;
        if scraped.is_empty() && self.agents.iter().all(idle) {
            scraped.push(AgentCounters { pid: NO_PID, ..AgentCounters::default() });
        } else if !scraped.is_empty() {
            self.agents.retain(|agent| !idle(agent));
        }
        for counters in scraped {
            let same = |known: &&mut AgentCounters| known.pid == counters.pid && known.received <= counters.received;
            match self.agents.iter_mut().rev().find(same) {
                Some(known) => *known = AgentCounters { from: known.from, at, ..counters },
                None => self.agents.push(AgentCounters { from: at, at, ..counters }),
            }
        }
    }

    /// Returns the counters, of which those of the last agent are quiet if its equation held and no event came after
    /// the scrape began. Earlier agents are gone: nothing more comes from them. An agent that has counted nothing says
    /// nothing of `stored` events, or of one after the scrape.
    pub fn counters(&self, last_event: Option<Instant>, stored: u64) -> Vec<AgentCounters> {
        let mut agents = self.agents.clone();
        if stored > 0 || self.scraped.zip(last_event).is_some_and(|(scraped, event)| event >= scraped) {
            agents.retain(|agent| agent.pid != NO_PID);
        }
        let none_after = match (self.scraped, last_event) {
            (Some(scraped), Some(event)) => event < scraped,
            (Some(_), None) => true,
            // Counters of an earlier process stay as they were if nothing came since.
            (None, Some(_)) => false,
            (None, None) => return agents,
        };
        let last = agents.len().saturating_sub(1);
        for (number, agent) in agents.iter_mut().enumerate() {
            agent.quiet = agent.is_even() && (number != last || none_after);
        }
        agents
    }

    /// Returns `true` if nothing was on its way at the last scrape, and no event came after it.
    pub fn are_quiet(&self, last_event: Option<Instant>) -> bool {
        self.counters(last_event, 0).last().is_some_and(|agent| agent.quiet)
    }

    /// Returns how many events the agents dropped, by type.
    pub fn dropped(&self) -> impl Iterator<Item = (&str, u64)> {
        self.agents.iter().flat_map(|agent| agent.dropped.iter().map(|(kind, count)| (kind.as_str(), *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(pid: u64, received: u64, published: u64) -> AgentCounters {
        AgentCounters { pid, received, published, ..AgentCounters::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn counters_are_quiet_until_the_next_event() {
        let mut agents = Agents::default();
        assert!(!agents.are_quiet(None));
        let event = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        agents.update(vec![agent(7, 10, 9)], Instant::now(), 100);
        assert!(!agents.are_quiet(Some(event)), "one is on its way");
        agents.update(vec![agent(7, 10, 10)], Instant::now(), 200);
        assert!(agents.are_quiet(Some(event)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!agents.are_quiet(Some(Instant::now())), "one came after the scrape");
        let counters = agents.counters(Some(event), 1);
        assert_eq!((counters[0].from, counters[0].at, counters[0].published), (100, 200, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_agent_counts_from_zero() {
        let mut agents = Agents::default();
        agents.update(vec![agent(7, 10, 10)], Instant::now(), 100);
        agents.update(vec![agent(9, 2, 2)], Instant::now(), 200);
        // The same process number in a container that restarted.
        agents.update(vec![agent(9, 1, 1)], Instant::now(), 300);
        agents.update(vec![agent(9, 5, 4)], Instant::now(), 400);
        let found: Vec<_> =
            agents.counters(None, 0).iter().map(|agent| (agent.pid, agent.received, agent.quiet)).collect();
        assert_eq!(found, [(7, 10, true), (9, 2, true), (9, 5, false)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_without_counters_has_counted_nothing_unless_there_are_events() {
        let mut agents = Agents::default();
        agents.update(Vec::new(), Instant::now(), 100);
        assert!(agents.are_quiet(None));
        agents.update(Vec::new(), Instant::now(), 200);
        let found: Vec<_> = agents.counters(None, 0).iter().map(|agent| (agent.from, agent.at, agent.quiet)).collect();
        assert_eq!(found, [(100, 200, true)]);
        // Such as a Ray that does not count.
        assert_eq!(agents.counters(None, 1), []);
        let event = Instant::now();
        assert_eq!((agents.counters(Some(event), 0), agents.are_quiet(Some(event))), (Vec::new(), false));
        // One of another node of this pod, before.
        tokio::time::advance(Duration::from_secs(1)).await;
        agents.update(Vec::new(), Instant::now(), 300);
        assert!(agents.are_quiet(Some(event)));
        agents.update(vec![agent(7, 2, 2)], Instant::now(), 400);
        agents.update(Vec::new(), Instant::now(), 500);
        let found: Vec<_> = agents.counters(None, 2).iter().map(|agent| (agent.pid, agent.at)).collect();
        assert_eq!(found, [(7, 400)]);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_events_are_not_on_their_way() {
        let mut agents = Agents::default();
        let mut counters = agent(7, 1227, 231);
        counters.filtered = 21;
        counters.dropped = [("TASK_LIFECYCLE_EVENT".to_owned(), 900), ("NODE_LIFECYCLE_EVENT".to_owned(), 75)].into();
        agents.update(vec![counters], Instant::now(), 1);
        assert!(agents.are_quiet(None));
        assert_eq!(agents.dropped().map(|(_, count)| count).sum::<u64>(), 975);
    }

    /// Ray counts them as received before it tries to take them.
    #[tokio::test(start_paused = true)]
    async fn events_that_were_not_taken_are_not_on_their_way() {
        let mut agents = Agents::default();
        agents.update(vec![AgentCounters { add_failures: 2, ..agent(7, 10, 8) }], Instant::now(), 1);
        assert!(agents.are_quiet(None));
        agents.update(vec![AgentCounters { add_failures: 2, ..agent(7, 11, 8) }], Instant::now(), 2);
        assert!(!agents.are_quiet(None), "one is on its way");
    }
}
