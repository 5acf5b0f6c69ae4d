//! Conversion of local times in logs to UTC, by the time zone of each node's clock.
//!
//! A raylet logs its start in local time, and its node's definition has the same moment in Unix time, within a second
//! or two; this gives the node's zone, because zones are multiples of a quarter hour. Other nodes take the session's
//! zone, known from log lines with two times or from the session's name and its head's start. If nothing gives a zone,
//! UTC is assumed, as in nearly every container.

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

/// Maximum delay between a state change and its event.
const CLOSE_NANOS: Nanos = 1_000_000_000;

/// Time zones of a session's nodes.
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
            // Prefer an equal session zone, which is known at more moments: summer time may begin during the session.
            if zone.utc_ms(local) != clocks.session.utc_ms(local) {
                clocks.nodes.insert(node.id, zone);
            }
        }
        clocks
    }

    /// Returns the end time in Unix milliseconds, the exit type and the exit detail of a worker, as the GCS keeps them;
    /// `None` if no log has an end.
    ///
    /// Time and type come from the raylet's log. The detail comes from the report in the GCS's log, which has only
    /// unintended exits, else from the process's own log. A detail of another type belongs to another event: Ray logs
    /// no detail for a worker of a removed placement group, but its lease also reports it as lost.
    pub(super) fn end_of<'a>(&self, log: &'a WorkerLog) -> Option<(i64, &'a str, &'a str)> {
        let exits = [log.reported.as_ref(), log.own_exit.as_ref()].into_iter().flatten();
        let exit = match log.disconnect_type.map(exit_type_name).filter(|name| !name.is_empty()) {
            Some(name) => exits.clone().find(|exit| &*exit.exit_type == name).map_or((name, ""), type_and_detail),
            None => exits.clone().next().map_or(("", ""), type_and_detail),
        };
        let at = |exit: &Exit| self.utc_ms(Some(exit.clock), exit.local_ms);
        let disconnected = log.disconnected.map(|local| self.utc_ms(log.node, local));
        let end_ms = disconnected.or_else(|| log.own_exit.as_ref().or(log.reported.as_ref()).map(at))?;
        Some((end_ms, exit.0, exit.1))
    }

    /// Converts the facts from a driver's logs.
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

    /// Sets the ends of jobs to those in the GCS's log, a few milliseconds before the event; attempts that fail with a
    /// job fail at that time. A job without an end event stays without an end, because the log line has no reason.
    pub(super) fn correct_jobs(&self, jobs: &mut [DriverJob], gcs: &GcsLog) {
        for job in jobs.iter_mut().filter(|job| job.finished > 0) {
            let Some(local) = gcs.jobs.get(&job.id).copied().flatten() else { continue };
            let logged = self.utc_ms(gcs.clock, local).saturating_mul(1_000_000);
            if (0..CLOSE_NANOS).contains(&(job.finished - logged)) {
                job.finished = logged;
            }
        }
    }

    /// Sets the ends of dead actors to those in the GCS's log; their events follow up to seconds later.
    pub(super) fn correct_actors(&self, actors: &mut [Actor], gcs: &GcsLog) {
        for actor in actors.iter_mut().filter(|actor| actor.end > 0) {
            let Some(local) = gcs.actors.get(&actor.id).and_then(ActorLog::ended) else { continue };
            let logged = self.utc_ms(gcs.clock, local).saturating_mul(1_000_000);
            if logged <= actor.end && logged >= actor.incarnations.last().map_or(0, |last| last.since - CLOSE_NANOS) {
                actor.end = logged;
            }
        }
    }

    /// Converts a local time of a node to Unix milliseconds, never before 1970.
    pub(super) fn utc_ms(&self, node: Option<NodeId>, local_ms: i64) -> i64 {
        let zone = node.and_then(|node| self.nodes.get(&node)).unwrap_or(&self.session);
        zone.utc_ms(local_ms).unwrap_or(local_ms).max(0)
    }
}

fn type_and_detail(exit: &Exit) -> (&str, &str) {
    (&exit.exit_type, &exit.detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RayId;
    use crate::logs::processes::NodeLog;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn zone_follows_from_node_start_else_from_session() {
        let start = 1_795_389_097_000;
        let node = |n: u8, is_head| Node { id: RayId([n; 28]), start: start * 1_000_000, is_head, ..Node::default() };
        let nodes = [node(1, true), node(2, false), node(3, false)];
        let mut facts = Facts::default();
        let log = |local| NodeLog { started: Some(local), ..NodeLog::default() };
        facts.processes.nodes.insert(RayId([2; 28]), log(start + 2 * HOUR - 900));
        // The name contains 2026-11-23 00:11:33, an hour ahead of UTC.
        let clocks = Clocks::new("session_2026-11-23_00-11-33_821800_1", &facts, &nodes);
        let at = start + 5 * HOUR;
        assert_eq!(clocks.utc_ms(Some(RayId([2; 28])), at + 2 * HOUR), at);
        for other in [Some(RayId([1; 28])), Some(RayId([3; 28])), None] {
            assert_eq!(clocks.utc_ms(other, at + HOUR), at);
        }
        assert_eq!(Clocks::default().utc_ms(None, at), at, "UTC if unknown");
    }
}
