//! `gcs_server.out` of the head: Ray's version, unintended ends of workers, and the jobs, actors and nodes that
//! registered.

use super::ProcessLogs;
use super::worker::{Exit, WorkerLog};
use crate::base::id::{ActorId, JobId, NodeId, WorkerId};
use crate::logs::cpp::word_after;
use std::collections::{BTreeMap, BTreeSet};

/// The most ids of one kind that are remembered: enough to count those that events lack.
const MAX_IDS: usize = 100_000;

/// The most failure notices remembered of one actor: each of its lives has two or three.
const MAX_NOTICES: usize = 64;

/// The facts of the GCS's log, except the ends of workers. Times are local to `clock`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GcsLog {
    /// Jobs that registered, including internal ones, and the time they were marked as finished.
    pub jobs: BTreeMap<JobId, Option<i64>>,
    /// Actors that registered.
    pub actors: BTreeMap<ActorId, ActorLog>,
    /// Nodes that registered.
    pub nodes: BTreeSet<NodeId>,
    /// Ray's version and commit, from its first line; empty if not read.
    pub ray: (Box<str>, Box<str>),
    /// The node whose log it is: the head.
    pub clock: Option<NodeId>,
    /// `true` if it or its node received a request to stop: otherwise the session was cut off, or goes on.
    pub stopped: bool,
    /// `true` if any part of the log was read.
    pub read: bool,
}

/// The facts of one actor in the GCS's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorLog {
    /// The time of its last successful creation.
    created: Option<i64>,
    /// The times its failure or destruction was logged.
    notices: BTreeSet<i64>,
}

impl ActorLog {
    /// Returns the end of its last life: the first notice since its creation. The GCS keeps this time; the actor's
    /// event follows milliseconds to seconds later.
    pub fn ended(&self) -> Option<i64> {
        self.notices.range(self.created.unwrap_or(i64::MIN)..).next().copied()
    }

    fn merge(&mut self, other: Self) {
        self.created = self.created.max(other.created);
        self.notices.extend(other.notices);
        while self.notices.len() > MAX_NOTICES {
            self.notices.pop_first();
        }
    }
}

impl GcsLog {
    pub(super) fn merge(&mut self, other: Self) {
        for (job, finished) in other.jobs {
            let known = self.jobs.entry(job).or_default();
            *known = (*known).max(finished);
        }
        for (actor, log) in other.actors {
            self.actors.entry(actor).or_default().merge(log);
        }
        self.nodes.extend(other.nodes);
        self.ray = std::mem::take(&mut self.ray).max(other.ray);
        self.clock = self.clock.max(other.clock);
        self.stopped |= other.stopped;
        self.read |= other.read;
    }

    pub(super) fn weight(&self) -> usize {
        let notices: usize = self.actors.values().map(|actor| actor.notices.len()).sum();
        (self.jobs.len() * size_of::<(JobId, Option<i64>)>()
            + self.actors.len() * size_of::<(ActorId, ActorLog)>()
            + notices * size_of::<i64>()
            + self.nodes.len() * size_of::<NodeId>())
            * 2
            + self.ray.0.len()
            + self.ray.1.len()
    }
}

/// The GCS logs this when a node received SIGTERM and drains.
const DRAINED: &str = "HandleDrainNode, reason: Node received SIGTERM";

/// `Ray cluster metadata ray_version=2.60.0 ray_commit=b7f4…`
const METADATA: &str = "Ray cluster metadata ray_version=";

/// Returns `true` for the messages that are parsed.
pub(super) fn is_wanted(text: &str) -> bool {
    [
        "Reporting worker exit, ",
        "Registering actor",
        "Actor created successfully",
        "Actor is failed on worker ",
        "Destroying actor, ",
        "Registering job. ",
        "Marking job as finished. ",
        "Registering new node. ",
        "received SIGTERM",
        "GCS server stopped",
        METADATA,
        DRAINED,
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Parses one record of the GCS on `head`.
pub(super) fn add_record(found: &mut ProcessLogs, head: NodeId, local_ms: i64, text: &str) {
    found.gcs.clock = Some(head);
    if text.contains("Reporting worker exit, ") {
        add_exit(found, head, local_ms, text);
    } else if let Some(actor) = word_after(text, "actor_id=").and_then(ActorId::from_hex) {
        let mut log = ActorLog::default();
        if text.contains("Actor created successfully") {
            log.created = Some(local_ms);
        } else if !text.contains("Registering actor") {
            log.notices.insert(local_ms);
        }
        if let Some(known) = entry_within_limit(&mut found.gcs.actors, actor) {
            known.merge(log);
        }
    } else if let Some(job) = word_after(text, "job_id=").and_then(JobId::from_hex) {
        let finished = text.contains("Marking job as finished. ").then_some(local_ms);
        if let Some(known) = entry_within_limit(&mut found.gcs.jobs, job) {
            *known = (*known).max(finished);
        }
    } else if text.contains("Registering new node. ") {
        if let Some(node) = word_after(text, "node_id=").and_then(NodeId::from_hex)
            && found.gcs.nodes.len() < MAX_IDS
        {
            found.gcs.nodes.insert(node);
        }
    } else if let Some(version) = word_after(text, METADATA) {
        found.gcs.ray = (version.into(), word_after(text, "ray_commit=").unwrap_or_default().into());
    } else if text.contains(DRAINED) {
        if let Some(node) = word_after(text, "node_id=").and_then(NodeId::from_hex) {
            found.nodes.entry(node).or_default().stopped = true;
        }
    } else {
        found.gcs.stopped |= text.contains("GCS server received SIGTERM") || text.contains("GCS server stopped");
    }
}

fn entry_within_limit<K: Ord, V: Default>(known: &mut BTreeMap<K, V>, key: K) -> Option<&mut V> {
    if known.len() >= MAX_IDS && !known.contains_key(&key) {
        return None;
    }
    Some(known.entry(key).or_default())
}

/// Parses `Reporting worker exit, worker id = …, node id = …, address = …, exit_type = …, exit_detail = ….` and Ray's
/// remark on unintended ends; the detail may contain commas and line ends.
fn add_exit(found: &mut ProcessLogs, head: NodeId, local_ms: i64, text: &str) {
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
