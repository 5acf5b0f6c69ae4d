//! Process ids of actors, taken from the names of worker logs if no event has them.
//!
//! Lifecycle events of actors have no process id before Ray 2.55, but every worker names its output
//! `worker-<worker>-<job>-<pid>.out` (`WORKER_LOG_PATTERN` in `dashboard/modules/log/log_manager.py`). In the two
//! recorded sessions the names give the process ids of all 45 incarnations of actors, equal to those in their events;
//! creation tasks, the other source, give only 22, because asynchronous actors never send theirs.
//! A process id from an event is never replaced. No file is read.

use super::Snapshot;
use crate::base::id::{RayId, WorkerId};
use crate::logs::processes::LogName;
use std::collections::BTreeMap;

/// Fills in missing process ids. `paths` are the paths of log files relative to the `logs` folders of all nodes, in any
/// order.
pub fn fill<'a>(snapshot: &mut Snapshot, paths: impl Iterator<Item = &'a str>) {
    let missing = snapshot.actors.iter().flat_map(|actor| &actor.incarnations).filter(|life| life.pid == 0);
    let mut pids: BTreeMap<WorkerId, u32> =
        missing.filter_map(|life| Some((RayId(snapshot.ids.id(life.worker).try_into().ok()?), 0))).collect();
    if pids.is_empty() {
        return;
    }
    for name in paths.filter_map(LogName::parse) {
        if let Some(known) = pids.get_mut(&name.worker) {
            // One worker is one process. If two names disagree, the result must not depend on their order.
            *known = name.pid.max(*known);
        }
    }
    for life in snapshot.actors.iter_mut().flat_map(|actor| &mut actor.incarnations).filter(|life| life.pid == 0) {
        let worker: Option<WorkerId> = snapshot.ids.id(life.worker).try_into().ok().map(RayId);
        life.pid = worker.and_then(|worker| pids.get(&worker)).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::actor::{Actor, Incarnation};
    use crate::snapshot::intern::Interner;

    #[test]
    fn fills_only_missing_pids() {
        let mut ids = Interner::default();
        let incarnation = |ids: &mut Interner, worker: u8, pid| Incarnation {
            worker: ids.id(&[worker; 28]),
            pid,
            ..Incarnation::default()
        };
        let incarnations = vec![incarnation(&mut ids, 1, 0), incarnation(&mut ids, 2, 7), incarnation(&mut ids, 3, 0)];
        let actors = vec![Actor { incarnations, ..Actor::default() }];
        let mut snapshot = Snapshot { ids: ids.freeze(), actors, ..Snapshot::default() };
        let names: Vec<String> = (1..3)
            .map(|worker: u8| format!("worker-{}-01000000-4{worker}.out", format!("{worker:02x}").repeat(28)))
            .collect();
        fill(&mut snapshot, names.iter().map(String::as_str));
        let pids: Vec<u32> = snapshot.actors[0].incarnations.iter().map(|life| life.pid).collect();
        assert_eq!(pids, [41, 7, 0]);
    }
}
