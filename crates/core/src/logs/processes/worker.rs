//! The facts of one worker process in logs.

use super::tokens::Tokens;
use crate::base::id::{JobId, NodeId};

/// The exit of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit {
    /// Local time in milliseconds, by the clock of `clock`.
    pub local_ms: i64,
    /// The node whose log contains it.
    pub clock: NodeId,
    /// Ray's `WorkerExitType`, such as `INTENDED_USER_EXIT`.
    pub exit_type: Box<str>,
    /// Ray's description.
    pub detail: Box<str>,
}

/// One worker or driver. Fields that no file contains are empty. Local times are milliseconds as if they were UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerLog {
    /// The node it lived on.
    pub node: Option<NodeId>,
    /// Its process; zero when unknown.
    pub pid: u32,
    /// Its job, if known.
    pub job: Option<JobId>,
    /// The port it listened on; zero when unknown.
    pub port: u16,
    /// The name of its outputs without extension, `worker-{worker}-{job}-{pid}`, if one of them is stored.
    pub output: Option<Box<str>>,
    /// The tokens in standard output and standard error, if these were read.
    pub tokens: [Option<Tokens>; 2],
    /// `true` if its own log is stored: only a process that began to register has one.
    pub has_log: bool,
    /// The time its raylet had started the process, by the node's clock.
    pub launched: Option<i64>,
    /// The time the process began, by the node's clock.
    pub constructed: Option<i64>,
    /// The time it registered with the GCS, by the node's clock: at most 5 ms late.
    pub registered: Option<i64>,
    /// The time its raylet disconnected it, by the node's clock: the end that the GCS keeps.
    pub disconnected: Option<i64>,
    /// Its exit type in its raylet's log: the number of a `WorkerExitType`.
    pub disconnect_type: Option<u8>,
    /// The exit in its own log.
    pub own_exit: Option<Exit>,
    /// The exit reported to the GCS, only if unintended.
    pub reported: Option<Exit>,
}

impl WorkerLog {
    /// Returns `true` if any log contains its end.
    pub fn has_ended(&self) -> bool {
        self.disconnected.is_some() || self.own_exit.is_some() || self.reported.is_some()
    }

    /// Returns `true` if it registered with its raylet. A process that never did is no worker.
    pub fn has_registered(&self) -> bool {
        self.has_log || self.job.is_some() || self.has_ended()
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        self.node = self.node.max(other.node);
        self.pid = self.pid.max(other.pid);
        self.job = self.job.max(other.job);
        self.port = self.port.max(other.port);
        self.output = self.output.take().max(other.output);
        for (ours, other) in self.tokens.iter_mut().zip(other.tokens) {
            *ours = ours.take().max(other);
        }
        self.has_log |= other.has_log;
        self.launched = self.launched.max(other.launched);
        self.constructed = self.constructed.max(other.constructed);
        self.registered = self.registered.max(other.registered);
        self.disconnected = self.disconnected.max(other.disconnected);
        self.disconnect_type = self.disconnect_type.max(other.disconnect_type);
        self.own_exit = self.own_exit.take().max(other.own_exit);
        self.reported = earliest(self.reported.take(), other.reported);
    }

    pub(super) fn weight(&self) -> usize {
        let exits = [&self.own_exit, &self.reported].into_iter().flatten();
        let tokens = self.tokens.iter().flatten().map(Tokens::weight);
        self.output.as_ref().map_or(0, |name| name.len())
            + tokens.sum::<usize>()
            + exits.map(|exit| exit.exit_type.len() + exit.detail.len()).sum::<usize>()
    }
}

/// Returns the earlier exit, as the GCS keeps the first report of a worker's failure.
pub(super) fn earliest(a: Option<Exit>, b: Option<Exit>) -> Option<Exit> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
