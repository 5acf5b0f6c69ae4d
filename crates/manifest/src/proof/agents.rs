//! The counters of a node's agents, merged from all of its manifests.

use crate::manifest::AgentCounters;
use ray_history_core::base::time::Nanos;
use std::collections::BTreeMap;

/// The counters of all agents of a node.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// By process, of which there may be several in turn: a manifest is untrusted and may name very many.
    agents: BTreeMap<u64, Vec<AgentCounters>>,
}

impl Agents {
    /// Adds an agent. One that two spools saw counts once, as it was seen last.
    pub(super) fn add(&mut self, agent: &AgentCounters) {
        let same = |known: &&mut AgentCounters| known.from <= agent.at && agent.from <= known.at;
        let of_process = self.agents.entry(agent.pid).or_default();
        match of_process.iter_mut().find(same) {
            Some(known) if known.at >= agent.at => {}
            Some(known) => *known = agent.clone(),
            None => of_process.push(agent.clone()),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &AgentCounters> {
        self.agents.values().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Returns the events that should have been stored, of those counted at the last looks.
    pub(super) fn wanted(&self) -> u128 {
        let wanted = |agent: &AgentCounters| u128::from(agent.received).saturating_sub(agent.never_published());
        self.iter().map(wanted).sum()
    }

    /// Returns the events that a collector acknowledged.
    pub(super) fn published(&self) -> u128 {
        self.iter().map(|agent| u128::from(agent.published)).sum()
    }

    /// Returns the dropped events by type.
    pub(super) fn dropped(&self) -> BTreeMap<&str, u64> {
        let mut dropped = BTreeMap::<&str, u64>::new();
        for (event_type, events) in self.iter().flat_map(|agent| &agent.dropped) {
            let sum = dropped.entry(event_type).or_default();
            *sum = sum.saturating_add(*events);
        }
        dropped.retain(|_, events| *events > 0);
        dropped
    }

    /// Returns the events that agents could not take.
    pub(super) fn not_taken(&self) -> u64 {
        self.iter().fold(0, |sum, agent| sum.saturating_add(agent.add_failures))
    }

    /// Returns the time of the last look.
    pub(super) fn last_look(&self) -> Nanos {
        self.iter().map(|agent| agent.at).max().unwrap_or_default()
    }

    /// Returns the time from which nothing is known of an agent that still had events to publish, or to which more came.
    pub(super) fn unknown_from(&self) -> Option<Nanos> {
        let restless = self.iter().filter(|agent| !(agent.quiet && agent.is_even()));
        restless.map(|agent| agent.at).min()
    }
}
