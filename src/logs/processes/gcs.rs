//! `gcs_server.out` of the head: unintended ends of workers, and which jobs, actors and nodes there were.

use super::ProcessLogs;
use super::worker::{Exit, WorkerLog};
use crate::base::id::{ActorId, JobId, NodeId, WorkerId};
use crate::logs::cpp::word_after;
use std::collections::BTreeSet;

/// Ids of one kind that are remembered: enough to count what events left out.
const MAX_IDS: usize = 100_000;

/// What the GCS's log tells beside ends of workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GcsLog {
    /// Jobs that registered, internal ones included.
    pub jobs: BTreeSet<JobId>,
    /// Actors that registered.
    pub actors: BTreeSet<ActorId>,
    /// Nodes that registered.
    pub nodes: BTreeSet<NodeId>,
    /// Whether it was told to stop, or its node was: a session without an end in its log was cut off, or goes on.
    pub stopped: bool,
    /// Whether any of the log was read.
    pub read: bool,
}

impl GcsLog {
    pub(super) fn merge(&mut self, other: Self) {
        self.jobs.extend(other.jobs);
        self.actors.extend(other.actors);
        self.nodes.extend(other.nodes);
        self.stopped |= other.stopped;
        self.read |= other.read;
    }

    pub(super) fn weight(&self) -> usize {
        (self.jobs.len() * size_of::<JobId>()
            + self.actors.len() * size_of::<ActorId>()
            + self.nodes.len() * size_of::<NodeId>())
            * 2
    }
}

/// A node that was told to stop says so before it goes.
const DRAINED: &str = "HandleDrainNode, reason: Node received SIGTERM";

/// The messages that tell something.
pub(super) fn is_wanted(text: &str) -> bool {
    [
        "Reporting worker exit, ",
        "Registering actor",
        "Registering job. ",
        "Registering new node. ",
        "received SIGTERM",
        "GCS server stopped",
        DRAINED,
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Takes what one record of the GCS on `head` says.
pub(super) fn note(found: &mut ProcessLogs, head: NodeId, local_ms: i64, text: &str) {
    if text.contains("Reporting worker exit, ") {
        report(found, head, local_ms, text);
    } else if text.contains("Registering actor") {
        insert(&mut found.gcs.actors, word_after(text, "actor_id=").and_then(ActorId::from_hex));
    } else if text.contains("Registering job. ") {
        insert(&mut found.gcs.jobs, word_after(text, "job_id=").and_then(JobId::from_hex));
    } else if text.contains("Registering new node. ") {
        insert(&mut found.gcs.nodes, word_after(text, "node_id=").and_then(NodeId::from_hex));
    } else if text.contains(DRAINED) {
        if let Some(node) = word_after(text, "node_id=").and_then(NodeId::from_hex) {
            found.nodes.entry(node).or_default().stopped = true;
        }
    } else {
        found.gcs.stopped |= text.contains("GCS server received SIGTERM") || text.contains("GCS server stopped");
    }
}

fn insert<T: Ord>(ids: &mut BTreeSet<T>, id: Option<T>) {
    if let Some(id) = id
        && ids.len() < MAX_IDS
    {
        ids.insert(id);
    }
}

/// `Reporting worker exit, worker id = …, node id = …, address = …, exit_type = …, exit_detail = ….` and Ray's remark
/// on unintended ends; the detail may hold commas and line ends.
fn report(found: &mut ProcessLogs, head: NodeId, local_ms: i64, text: &str) {
    const REMARK: &str = ". Unintentional worker failures have been reported.";
    let Some(worker) = word_after(text, "worker id = ").and_then(WorkerId::from_hex) else { return };
    let detail = text.split_once("exit_detail = ").map_or("", |(_, detail)| detail);
    let detail = detail.rfind(REMARK).map_or(detail, |at| &detail[..at]);
    let exit_type = word_after(text, "exit_type = ").unwrap_or_default();
    let log = WorkerLog {
        node: word_after(text, "node id = ").and_then(NodeId::from_hex),
        reported: Some(Exit { local_ms, clock: head, exit_type: exit_type.into(), detail: detail.trim_end().into() }),
        ..WorkerLog::default()
    };
    found.workers.entry(worker).or_default().merge(log);
}
