//! Workers as attempts and actors name them: where they lived, as which process, and for which job.

use super::catalogue::Catalogue;
use crate::base::id::{JobId, RayId, WorkerId};
use crate::snapshot::intern::Id;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// One worker, as the attempts and actors that ran on it name it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Host {
    /// Its node; none when unknown.
    pub(super) node: Id,
    /// Its process; zero when unknown.
    pub(super) pid: u32,
    /// Its job; nil when unknown.
    pub(super) job: JobId,
}

/// Every worker of which attempts or actors tell, by what they tell together.
pub(super) fn joined(values: &Catalogue, told: impl Iterator<Item = (Id, Host)>) -> BTreeMap<WorkerId, Host> {
    let mut found: HashMap<Id, Host, RandomState> = HashMap::default();
    for (worker, host) in told.filter(|(worker, _)| !worker.is_none()) {
        let known = found.entry(worker).or_default();
        // They do not differ; should they, which one is read first must not matter.
        if values.compare_id(host.node, known.node).is_gt() {
            known.node = host.node;
        }
        known.pid = known.pid.max(host.pid);
        if known.job.is_nil() || (!host.job.is_nil() && host.job > known.job) {
            known.job = host.job;
        }
    }
    let named = found.into_iter().filter_map(|(worker, host)| {
        let id = values.resolve_id(worker).try_into().ok()?;
        Some((RayId(id), host))
    });
    named.collect()
}
