//! Facts of workers, nodes, jobs and actors from the logs of Ray's C++ processes and the names of worker logs.
//!
//! Events lack these facts if their types were not exported (`WORKER_*` events exist since Ray 2.58, and KubeRay's
//! operator does not export them). The loader reads these files only in that case.
//!
//! | file | facts |
//! |---|---|
//! | `gcs_server.out` (head) | unintended ends of workers with their details; jobs, actors and nodes; whether it was stopped |
//! | `raylet.out` | starts and ends of the node's workers to the millisecond; the node's folder for sessions |
//! | `python-core-worker-{worker}_{pid}.log`, `python-core-driver-…` | the process's registration, and its exit |
//! | `worker-{worker}-{job}-{pid}.out` | worker, job and process, from the name alone; before Ray 2.55 the bytes of each task |
//!
//! Times are local to the node whose folder a file is in; the snapshot, which has the zones, converts them.

mod gcs;
mod log_name;
mod raylet;
mod scan;
mod tokens;
mod worker;

pub use gcs::{ActorLog, GcsLog};
pub use log_name::{LogName, Output};
pub use raylet::NodeLog;
pub use scan::{LogScan, Source};
pub use tokens::{Token, Tokens, name_hash};
pub use worker::{Exit, WorkerLog};

use crate::base::id::{NodeId, WorkerId};
use std::collections::BTreeMap;

/// The facts of a session's process logs. The order of files does not change them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessLogs {
    /// Facts by worker; a driver is a worker whose id is that of its job, padded with `ff`.
    pub workers: BTreeMap<WorkerId, WorkerLog>,
    /// Facts by node.
    pub nodes: BTreeMap<NodeId, NodeLog>,
    /// Facts of the GCS.
    pub gcs: GcsLog,
    /// Bytes of such logs that were not read, because a session may have very many.
    pub unread_bytes: u64,
    /// Number of files that were not read, or only in part.
    pub unread_files: u64,
}

impl ProcessLogs {
    /// Reads the name of a node's log file; other names are ignored.
    pub fn read_name(&mut self, node: &str, path: &str) {
        let Some(name) = LogName::parse(path) else { return };
        let known = self.workers.entry(name.worker).or_default();
        known.node = known.node.max(NodeId::from_hex(node));
        known.pid = known.pid.max(name.pid);
        known.job = known.job.max(name.job);
        known.has_log |= name.output.is_none();
        if name.output.is_some() && !path.contains('/') {
            let stem = path.split('.').next().unwrap_or_default();
            known.output = known.output.take().max(Some(stem.into()));
        }
    }

    /// Merges the facts of another reader.
    pub fn merge(&mut self, other: Self) {
        for (id, log) in other.workers {
            self.workers.entry(id).or_default().merge(log);
        }
        for (id, log) in other.nodes {
            self.nodes.entry(id).or_default().merge(log);
        }
        self.gcs.merge(other.gcs);
        self.unread_bytes += other.unread_bytes;
        self.unread_files += other.unread_files;
    }

    /// Returns the memory held, in bytes, roughly.
    pub fn weight(&self) -> usize {
        let workers = self.workers.values().map(|log| size_of::<(WorkerId, WorkerLog)>() + 32 + log.weight());
        workers.sum::<usize>() + self.nodes.len() * (size_of::<(NodeId, NodeLog)>() + 64) + self.gcs.weight()
    }
}

#[cfg(test)]
mod tests;
