//! Local times of log lines as moments: which zone the clock of each node stood in.
//!
//! A raylet writes when it has started, and its node's definition has that moment since 1970, within a second or two;
//! zones are made of quarter hours. Else the session's zone is taken, as lines with two times or the session's name and
//! its head's start tell it. Where nothing does, the clock stood in UTC, as in nearly every container.

use crate::base::id::NodeId;
use crate::base::name::SessionName;
use crate::base::time::Nanos;
use crate::logs::Facts;
use crate::logs::processes::{ActorLog, Exit, GcsLog, WorkerLog};
use crate::logs::zone::Zone;
use crate::snapshot::actor::Actor;
use crate::snapshot::driver::DriverLog;
use crate::snapshot::job::DriverJob;
use crate::snapshot::node::Node;
use crate::snapshot::worker::exit_type_name;
use std::collections::BTreeMap;

/// An event is made within this time of what it tells.
const CLOSE_NANOS: Nanos = 1_000_000_000;

/// The zones of a session's nodes.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    nodes: BTreeMap<NodeId, Zone>,
    session: Zone,
}

impl Clocks {
    pub(super) fn new(session_name: &str, facts: &Facts, nodes: &[Node]) -> Self {
        let mut clocks = Self { nodes: BTreeMap::new(), session: facts.zone.clone() };
        let heads = nodes.iter().filter(|node| node.is_head && node.start > 0);
        let named = SessionName::parse(session_name).and_then(|name| name.local_micros());
        if let (Some(head), Some(named)) = (heads.map(|node| node.start / 1_000_000).min(), named) {
            clocks.session.learn_start(named / 1_000, head);
        }
        for node in nodes.iter().filter(|node| node.start > 0) {
            let Some(local) = facts.processes.nodes.get(&node.id).and_then(|log| log.started) else { continue };
            let mut zone = Zone::default();
            zone.learn(local, node.start / 1_000_000);
            // The session's zone is known at more moments: summer time may begin in the middle.
            if zone.utc_ms(local) != clocks.session.utc_ms(local) {
                clocks.nodes.insert(node.id, zone);
            }
        }
        clocks
    }

    /// When a worker ended, how and in which words, as the GCS keeps it; none of one of which no log tells an end.
    ///
    /// The raylet's line has the moment and the type. The words are those of the report, where it was unintended and so
    /// stands in the GCS's log, else the process's own; words of another type are about something else that happened to
    /// it (a worker of a removed placement group, of which Ray logs no words, is told as lost by its lease, too).
    pub(super) fn end_of<'a>(&self, log: &'a WorkerLog) -> Option<(i64, &'a str, &'a str)> {
        let told = [log.reported.as_ref(), log.left.as_ref()].into_iter().flatten();
        let exit = match log.disconnect_type.map(exit_type_name).filter(|name| !name.is_empty()) {
            Some(name) => told.clone().find(|exit| &*exit.exit_type == name).map_or((name, ""), words),
            None => told.clone().next().map_or(("", ""), words),
        };
        let at = |exit: &Exit| self.utc_ms(Some(exit.clock), exit.local_ms);
        let disconnected = log.disconnected.map(|local| self.utc_ms(log.node, local));
        let end_ms = disconnected.or_else(|| log.left.as_ref().or(log.reported.as_ref()).map(at))?;
        Some((end_ms, exit.0, exit.1))
    }

    /// Converts the facts of a driver's logs.
    pub(super) fn driver(&self, log: &WorkerLog) -> DriverLog {
        let end = self.end_of(log);
        DriverLog {
            node: log.node,
            pid: log.pid,
            start_ms: log.registered.map_or(0, |local| self.utc_ms(log.node, local)),
            end_ms: end.map_or(0, |(end_ms, ..)| end_ms),
            exact: log.disconnected.is_some(),
            exit: end.map(|(_, exit_type, detail)| (exit_type.into(), detail.into())),
        }
    }

    /// Gives jobs the ends that the GCS noted, a few milliseconds before it made the event: what it fails with a job
    /// fails then. An end of which there is no event stays unknown: why it ended is not in the line.
    pub(super) fn correct_jobs(&self, jobs: &mut [DriverJob], gcs: &GcsLog) {
        for job in jobs.iter_mut().filter(|job| job.finished > 0) {
            let Some(local) = gcs.jobs.get(&job.id).copied().flatten() else { continue };
            let noted = self.utc_ms(gcs.clock, local).saturating_mul(1_000_000);
            if (0..CLOSE_NANOS).contains(&(job.finished - noted)) {
                job.finished = noted;
            }
        }
    }

    /// Gives dead actors the ends that the GCS noted; their events follow up to seconds later.
    pub(super) fn correct_actors(&self, actors: &mut [Actor], gcs: &GcsLog) {
        for actor in actors.iter_mut().filter(|actor| actor.end > 0) {
            let Some(local) = gcs.actors.get(&actor.id).and_then(ActorLog::ended) else { continue };
            let noted = self.utc_ms(gcs.clock, local).saturating_mul(1_000_000);
            if noted <= actor.end && noted >= actor.incarnations.last().map_or(0, |lived| lived.since - CLOSE_NANOS) {
                actor.end = noted;
            }
        }
    }

    /// A local time of a node in Unix milliseconds, never before 1970.
    pub(super) fn utc_ms(&self, node: Option<NodeId>, local_ms: i64) -> i64 {
        let zone = node.and_then(|node| self.nodes.get(&node)).unwrap_or(&self.session);
        zone.utc_ms(local_ms).unwrap_or(local_ms).max(0)
    }
}

fn words(exit: &Exit) -> (&str, &str) {
    (&exit.exit_type, &exit.detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RayId;
    use crate::logs::processes::NodeLog;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_node_s_own_start_tells_its_zone_else_the_session_s_does() {
        let start = 1_795_389_097_000;
        let node = |n: u8, is_head| Node { id: RayId([n; 28]), start: start * 1_000_000, is_head, ..Node::default() };
        let nodes = [node(1, true), node(2, false), node(3, false)];
        let mut facts = Facts::default();
        let log = |local| NodeLog { started: Some(local), ..NodeLog::default() };
        facts.processes.nodes.insert(RayId([2; 28]), log(start + 2 * HOUR - 900));
        // The name says 2026-11-23 00:11:33: an hour east of UTC.
        let clocks = Clocks::new("session_2026-11-23_00-11-33_821800_1", &facts, &nodes);
        let at = start + 5 * HOUR;
        assert_eq!(clocks.utc_ms(Some(RayId([2; 28])), at + 2 * HOUR), at);
        for other in [Some(RayId([1; 28])), Some(RayId([3; 28])), None] {
            assert_eq!(clocks.utc_ms(other, at + HOUR), at);
        }
        assert_eq!(Clocks::default().utc_ms(None, at), at, "UTC where nobody knows");
    }
}
