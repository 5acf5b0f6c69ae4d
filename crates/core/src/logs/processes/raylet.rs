//! `raylet.out`: the starts and ends of a node's workers, the node's folder for sessions, and its host.

use super::ProcessLogs;
use super::worker::WorkerLog;
use crate::base::id::{JobId, NodeId, WorkerId};
use crate::logs::cpp::word_after;
use crate::logs::line::number_after;

/// The facts of one node in its raylet's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeLog {
    /// The time the raylet had started, by the node's clock, in milliseconds as if it were UTC: at most a second before
    /// the start in the node's definition.
    pub started: Option<i64>,
    /// The folder of its sessions, such as `/tmp/ray`.
    pub temp_dir: Option<Box<str>>,
    /// The name of its host.
    pub hostname: Option<Box<str>>,
    /// `true` if the raylet received a request to stop.
    pub stopped: bool,
}

impl NodeLog {
    pub(super) fn merge(&mut self, other: Self) {
        self.started = match (self.started, other.started) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.temp_dir = self.temp_dir.take().max(other.temp_dir);
        self.hostname = self.hostname.take().max(other.hostname);
        self.stopped |= other.stopped;
    }
}

/// Before Ray 2.55 nothing else names the folder; it is that of the session, unless objects are spilled elsewhere.
const STORE_STARTS: &str = "Starting object store with directory ";

/// Returns `true` for the messages that are parsed.
pub(super) fn is_wanted(text: &str) -> bool {
    [
        "Started worker process with pid ",
        "Disconnecting worker, ",
        "Disconnecting driver, ",
        "Raylet of id, ",
        "Setting temp dir to: ",
        STORE_STARTS,
        "received SIGTERM",
        "Drain raylet RPC has received",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Parses one record of the raylet of `node`.
pub(super) fn add_record(found: &mut ProcessLogs, node: NodeId, local_ms: i64, text: &str) {
    let worker = || word_after(text, "worker_id=").and_then(WorkerId::from_hex);
    if text.contains("Started worker process with pid ") {
        let Some(worker) = worker() else { return };
        let pid = number_after(text, "with pid ").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        add(found, worker, WorkerLog { node: Some(node), pid, launched: Some(local_ms), ..WorkerLog::default() });
    } else if text.contains("Disconnecting worker, ") || text.contains("Disconnecting driver, ") {
        let Some(worker) = worker() else { return };
        let log = WorkerLog {
            node: Some(node),
            job: word_after(text, "job_id=").and_then(JobId::from_hex).filter(|job| !job.is_nil()),
            disconnected: Some(local_ms),
            disconnect_type: number_after(text, "disconnect_type=").and_then(|kind| u8::try_from(kind).ok()),
            ..WorkerLog::default()
        };
        add(found, worker, log);
    } else {
        let mut log = NodeLog::default();
        if text.contains("Raylet of id, ") {
            log.started = Some(local_ms);
            log.hostname = word_after(text, " hostname: ").map(Into::into);
        } else if let Some((_, folder)) = text.split_once("Setting temp dir to: ") {
            log.temp_dir = Some(folder.trim()).filter(|folder| folder.starts_with('/')).map(Into::into);
        } else if text.contains(STORE_STARTS) {
            let fallback = word_after(text, ", fallback ").and_then(|folder| folder.rsplit_once('/'));
            let parent = fallback.filter(|(_, session)| session.starts_with("session_")).map(|(parent, _)| parent);
            log.temp_dir = parent.filter(|parent| parent.starts_with('/')).map(Into::into);
        } else {
            log.stopped = text.contains("SIGTERM");
        }
        found.nodes.entry(node).or_default().merge(log);
    }
}

fn add(found: &mut ProcessLogs, worker: WorkerId, log: WorkerLog) {
    found.workers.entry(worker).or_default().merge(log);
}
