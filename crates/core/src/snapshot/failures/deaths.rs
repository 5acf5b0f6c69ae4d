//! Deaths of nodes and workers that nobody had asked for, and what they explain.

use super::FailureKind;
use super::draft::{Detail, Drafts, Key, Message, One};
use crate::base::id::{JobId, NodeId, RayId, WorkerId};
use crate::base::time::Nanos;
use crate::snapshot::driver::job_of;
use crate::snapshot::worker::Life;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Nanoseconds between a death and what it explains: Ray's health check tells late, and clocks differ.
const NEAR: Nanos = 60_000_000_000;

/// One death.
#[derive(Clone, Copy, Debug)]
struct Death {
    at: Option<Nanos>,
    /// Its group.
    group: usize,
}

/// Deaths by id.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    workers: HashMap<WorkerId, Death, RandomState>,
    nodes: HashMap<NodeId, Death, RandomState>,
}

impl Deaths {
    /// Returns the group of the death that explains a failure in a worker on a node: that of the node, else that of the
    /// worker. A process that died explains what failed in it at any later time.
    pub(super) fn explain(&self, at: Option<Nanos>, node: &[u8], worker: &[u8]) -> Option<usize> {
        let dead_worker = || {
            let death = self.workers.get(&RayId::try_from_bytes(worker)?)?;
            let is_later = at.zip(death.at).is_none_or(|(at, death)| at >= death.saturating_sub(NEAR));
            is_later.then_some(death.group)
        };
        self.node(at, node).or_else(dead_worker)
    }

    /// Returns the group of a node's death at about this time.
    pub(super) fn node(&self, at: Option<Nanos>, node: &[u8]) -> Option<usize> {
        let death = self.nodes.get(&RayId::try_from_bytes(node)?)?;
        let (at, death_at) = at.zip(death.at)?;
        (death_at.saturating_sub(at).saturating_abs() <= NEAR).then_some(death.group)
    }
}

/// Counts the deaths of nodes, then those of workers.
pub(super) fn add(drafts: &mut Drafts<'_>) -> Deaths {
    let snapshot = drafts.snapshot;
    let mut deaths = Deaths::default();
    for node in snapshot.nodes.iter().filter(|node| !node.is_foreign && !node.alive) {
        let reason = snapshot.str(node.death_reason);
        if reason.is_empty() || is_expected_of_node(reason) {
            continue;
        }
        let at = some(node.end);
        let message = Message::Stored(node.death_message);
        let group =
            drafts.add(key(FailureKind::Node, JobId::NIL, reason), one(at, &node.id.0, &node.id.0, &[], message));
        deaths.nodes.insert(node.id, Death { at, group });
    }
    for worker in snapshot.workers.iter().filter(|worker| worker.life == Life::Dead) {
        let exit_type = snapshot.str(worker.exit_type);
        if exit_type.is_empty() || is_expected_of_worker(exit_type) {
            continue;
        }
        let at = some(millis(worker.end_ms));
        let node = snapshot.id(worker.node);
        let message = Message::Stored(worker.exit_detail);
        let failure = One { cause: deaths.node(at, node), ..one(at, &worker.id.0, node, &worker.id.0, message) };
        let group = drafts.add(key(FailureKind::Worker, worker.job, exit_type), failure);
        deaths.workers.insert(worker.id, Death { at, group });
    }
    for driver in &snapshot.drivers {
        let Some((exit_type, detail)) = driver.exit.as_ref().filter(|(exit_type, _)| !is_expected_of_worker(exit_type))
        else {
            continue;
        };
        let at = some(driver.end_ms.saturating_mul(1_000_000));
        let node = driver.node.as_ref().map_or(&[][..], |node| &node.0);
        let message = Message::Plain(detail);
        let failure = One { cause: deaths.node(at, node), ..one(at, &driver.id.0, node, &driver.id.0, message) };
        let job = job_of(&driver.id).unwrap_or_default();
        let group = drafts.add(key(FailureKind::Worker, job, exit_type), failure);
        deaths.workers.insert(driver.id, Death { at, group });
    }
    deaths
}

/// Returns `true` for ends of nodes that were asked for: they ended, or were idle.
pub fn is_expected_of_node(reason: &str) -> bool {
    matches!(reason, "EXPECTED_TERMINATION" | "AUTOSCALER_DRAIN_IDLE")
}

/// Returns `true` for exits of workers that somebody or Ray itself asked for.
pub fn is_expected_of_worker(exit_type: &str) -> bool {
    exit_type.starts_with("INTENDED_")
}

fn key(kind: FailureKind, job: JobId, error_type: &str) -> Key<'_> {
    Key { kind, job, function: "", error_type, detail: Detail::default() }
}

fn one<'a>(at: Option<Nanos>, id: &'a [u8], node: &'a [u8], worker: &'a [u8], message: Message<'a>) -> One<'a> {
    One { at, id: Ok(id), attempt: None, recovered: false, node, worker, message, cause: None }
}

fn some(at: Nanos) -> Option<Nanos> {
    Some(at).filter(|at| *at > 0)
}

fn millis(ms: u64) -> Nanos {
    i64::try_from(ms).unwrap_or_default().saturating_mul(1_000_000)
}
