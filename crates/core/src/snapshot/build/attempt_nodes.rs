//! Nodes of attempts that only their owner sent: before Ray 2.55 these may be the owner's own.
//!
//! An owner writes its own node into every update, and the attempt's in its place when it sends the attempt to a worker.
//! If it merges a later state into the same update, its own node is back (`task_event_buffer.cc`). The worker's node is
//! certain from other attempts and actors that ran on it, and from the folder of its logs.

use super::worker_facts::WorkerFacts;
use super::{Catalogue, ProcessLogs};
use crate::base::id::WorkerId;
use crate::snapshot::task::{TaskTable, flag};
use std::collections::BTreeMap;

/// Takes the nodes of workers that are not certain from the folders of their logs.
pub(super) fn locate(workers: &mut BTreeMap<WorkerId, WorkerFacts>, values: &mut Catalogue, processes: &ProcessLogs) {
    for (worker, facts) in workers.iter_mut().filter(|(_, facts)| !facts.certain) {
        if let Some(node) = processes.workers.get(worker).and_then(|log| log.node) {
            (facts.node, facts.certain) = (values.id(Some(node)), true);
        }
    }
}

/// Corrects the nodes of attempts by those of their workers.
pub(super) fn correct(tasks: &mut TaskTable, values: &Catalogue, workers: &BTreeMap<WorkerId, WorkerFacts>) {
    for row in (0..tasks.len()).filter(|&row| tasks.flags[row] & flag::NODE_OF_OWNER != 0) {
        let Some(worker) = WorkerId::try_from_bytes(values.resolve_id(tasks.workers[row])) else { continue };
        if let Some(facts) = workers.get(&worker).filter(|facts| facts.certain) {
            tasks.nodes[row] = facts.node;
        }
    }
}
