//! Process ids of actors that no event tells, read from the names of worker logs.
//!
//! Lifecycle events of actors carry no process id before Ray 2.55, but every worker names its output
//! `worker-<worker>-<job>-<pid>.out` (`WORKER_LOG_PATTERN` in `dashboard/modules/log/log_manager.py`). On the two
//! recorded sessions the names give the process id of all 45 incarnations of actors, as their events do; creation
//! tasks, the other witness, give 22 of them, because asynchronous actors never send theirs.
//! What an event told is never replaced. Must never read a file: names are enough.

use super::Snapshot;
use crate::base::id::{RayId, WorkerId};
use crate::logs::processes::LogName;
use std::collections::BTreeMap;

/// Fills in what is missing. `paths` are those of log files, relative to the `logs` folders of all nodes, in any order.
pub fn fill<'a>(snapshot: &mut Snapshot, paths: impl Iterator<Item = &'a str>) {
    let lived = snapshot.actors.iter().flat_map(|actor| &actor.incarnations).filter(|lived| lived.pid == 0);
    let mut wanted: BTreeMap<WorkerId, u32> =
        lived.filter_map(|lived| Some((RayId(snapshot.ids.id(lived.worker).try_into().ok()?), 0))).collect();
    if wanted.is_empty() {
        return;
    }
    for name in paths.filter_map(LogName::parse) {
        if let Some(known) = wanted.get_mut(&name.worker) {
            // One worker is one process; should two names disagree, the order of the names must not matter.
            *known = name.pid.max(*known);
        }
    }
    for lived in snapshot.actors.iter_mut().flat_map(|actor| &mut actor.incarnations).filter(|lived| lived.pid == 0) {
        let worker: Option<WorkerId> = snapshot.ids.id(lived.worker).try_into().ok().map(RayId);
        lived.pid = worker.and_then(|worker| wanted.get(&worker)).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::actor::{Actor, Incarnation};
    use crate::snapshot::intern::Interner;

    #[test]
    fn only_what_no_event_told_is_filled_in() {
        let mut ids = Interner::default();
        let lived = |ids: &mut Interner, worker: u8, pid| Incarnation {
            worker: ids.id(&[worker; 28]),
            pid,
            ..Incarnation::default()
        };
        let incarnations = vec![lived(&mut ids, 1, 0), lived(&mut ids, 2, 7), lived(&mut ids, 3, 0)];
        let actors = vec![Actor { incarnations, ..Actor::default() }];
        let mut snapshot = Snapshot { ids: ids.freeze(), actors, ..Snapshot::default() };
        let names: Vec<String> = (1..3)
            .map(|worker: u8| format!("worker-{}-01000000-4{worker}.out", format!("{worker:02x}").repeat(28)))
            .collect();
        fill(&mut snapshot, names.iter().map(String::as_str));
        let pids: Vec<u32> = snapshot.actors[0].incarnations.iter().map(|lived| lived.pid).collect();
        assert_eq!(pids, [41, 7, 0]);
    }
}
