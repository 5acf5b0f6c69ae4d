//! Facts about workers from attempts and actors: node, process and job.

use super::catalogue::Catalogue;
use crate::base::id::{JobId, RayId, WorkerId};
use crate::snapshot::intern::Id;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Facts about one worker from the attempts and actors that ran on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkerFacts {
    /// Its node; no id if unknown.
    pub(super) node: Id,
    /// `false` if only an owner named the node, which before Ray 2.55 may be the owner's own.
    pub(super) certain: bool,
    /// Its process id; zero if unknown.
    pub(super) pid: u32,
    /// Its job; nil if unknown.
    pub(super) job: JobId,
}

/// Joins the facts about each worker.
pub(super) fn join(
    values: &Catalogue,
    all: impl Iterator<Item = (Id, WorkerFacts)>,
) -> BTreeMap<WorkerId, WorkerFacts> {
    let mut found: HashMap<Id, WorkerFacts, RandomState> = HashMap::default();
    for (worker, facts) in all.filter(|(worker, _)| !worker.is_none()) {
        let known = found.entry(worker).or_default();
        // The facts do not differ. If they do, the result must not depend on their order.
        let order = facts.certain.cmp(&known.certain).then_with(|| values.compare_id(facts.node, known.node));
        if !facts.node.is_none() && order.is_gt() {
            (known.node, known.certain) = (facts.node, facts.certain);
        }
        known.pid = known.pid.max(facts.pid);
        if known.job.is_nil() || (!facts.job.is_nil() && facts.job > known.job) {
            known.job = facts.job;
        }
    }
    let named = found.into_iter().filter_map(|(worker, facts)| {
        let id = values.resolve_id(worker).try_into().ok()?;
        Some((RayId(id), facts))
    });
    named.collect()
}
