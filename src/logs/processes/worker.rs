//! Facts of one worker process in logs.

use crate::base::id::{JobId, NodeId};

/// Why a worker left.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit {
    /// Local time in milliseconds, by the clock of `clock`.
    pub local_ms: i64,
    /// The node whose log says so.
    pub clock: NodeId,
    /// Ray's `WorkerExitType`, such as `INTENDED_USER_EXIT`.
    pub exit_type: Box<str>,
    /// Ray's words.
    pub detail: Box<str>,
}

/// One worker or driver. Absent fields were told by no file. Local times are milliseconds as if they were UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerLog {
    /// The node it lived on.
    pub node: Option<NodeId>,
    /// Its process; zero when unknown.
    pub pid: u32,
    /// Its job, where that is known.
    pub job: Option<JobId>,
    /// The port it listened on; zero when unknown.
    pub port: u16,
    /// The name of its outputs without their endings, `worker-{worker}-{job}-{pid}`, where one of them is stored.
    pub output: Option<Box<str>>,
    /// Set if a log of its own is stored: only a process that began to register has one.
    pub has_log: bool,
    /// When its raylet had started the process, by the node's clock.
    pub launched: Option<i64>,
    /// When the process began, by the node's clock.
    pub constructed: Option<i64>,
    /// When it registered with the GCS, by the node's clock: at most 5 ms late.
    pub registered: Option<i64>,
    /// When its raylet let go of it, by the node's clock: the end that the GCS keeps.
    pub disconnected: Option<i64>,
    /// Its exit type as its raylet's log has it, `WorkerExitType` as a number.
    pub disconnect_type: Option<u8>,
    /// The exit that its own log tells.
    pub left: Option<Exit>,
    /// The exit reported to the GCS: unintended ones only.
    pub reported: Option<Exit>,
}

impl WorkerLog {
    /// Returns `true` if any log tells that it ended.
    pub fn has_ended(&self) -> bool {
        self.disconnected.is_some() || self.left.is_some() || self.reported.is_some()
    }

    /// Returns `true` if it registered with its raylet: a process that was started and never did is no worker.
    pub fn has_registered(&self) -> bool {
        self.has_log || self.job.is_some() || self.has_ended()
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        self.node = self.node.max(other.node);
        self.pid = self.pid.max(other.pid);
        self.job = self.job.max(other.job);
        self.port = self.port.max(other.port);
        self.output = self.output.take().max(other.output);
        self.has_log |= other.has_log;
        self.launched = self.launched.max(other.launched);
        self.constructed = self.constructed.max(other.constructed);
        self.registered = self.registered.max(other.registered);
        self.disconnected = self.disconnected.max(other.disconnected);
        self.disconnect_type = self.disconnect_type.max(other.disconnect_type);
        self.left = self.left.take().max(other.left);
        self.reported = earliest(self.reported.take(), other.reported);
    }

    pub(super) fn weight(&self) -> usize {
        let exits = [&self.left, &self.reported].into_iter().flatten();
        self.output.as_ref().map_or(0, |name| name.len())
            + exits.map(|exit| exit.exit_type.len() + exit.detail.len()).sum::<usize>()
    }
}

/// The GCS keeps the first report of a worker's failure.
pub(super) fn earliest(a: Option<Exit>, b: Option<Exit>) -> Option<Exit> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
