//! Facts of actors' workers that events of Ray before 2.55 lack, from logs.
//!
//! - A worker logs the address on which it listens (`core_worker.cc`), which is the one that the GCS keeps for its actor.
//! - It prints the `repr()` of its actor if the class has one of its own (`logs::processes::Tokens`).

use super::{Catalogue, ProcessLogs};
use crate::base::id::WorkerId;
use crate::logs::processes::WorkerLog;
use crate::snapshot::actor::Actor;
use crate::snapshot::intern::{Id, Str};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// The `repr()` of actors by worker, where no event of the actor has it.
pub(super) type Reprs = HashMap<Id, Str, RandomState>;

/// Fills in ports, and the `repr()` of the last worker that printed one.
pub(super) fn fill(actors: &mut [Actor], values: &mut Catalogue, processes: &ProcessLogs) {
    for actor in actors {
        let told = !actor.repr_name.is_empty();
        for life in &mut actor.incarnations {
            let Some(log) = log_of(life.worker, values, processes) else { continue };
            if life.port == 0 {
                life.port = i32::from(log.port);
            }
            if !told && let Some(repr) = repr_in(log) {
                actor.repr_name = values.str(repr);
            }
        }
    }
}

/// Returns the `repr()` of each worker's actor, by which Ray names the actor's tasks.
pub(super) fn reprs(actors: &[Actor], values: &mut Catalogue, processes: &ProcessLogs) -> Reprs {
    let workers = actors.iter().flat_map(|actor| &actor.incarnations).map(|life| life.worker);
    let named = workers.filter_map(|worker| Some((worker, repr_in(log_of(worker, values, processes)?)?)));
    let named: Vec<(Id, &str)> = named.collect();
    named.into_iter().map(|(worker, repr)| (worker, values.str(repr))).collect()
}

fn log_of<'a>(worker: Id, values: &Catalogue, processes: &'a ProcessLogs) -> Option<&'a WorkerLog> {
    processes.workers.get(&WorkerId::try_from_bytes(values.resolve_id(worker))?)
}

fn repr_in(log: &WorkerLog) -> Option<&str> {
    log.tokens.iter().flatten().find_map(|tokens| tokens.actor_repr.as_deref())
}
