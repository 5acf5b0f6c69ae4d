//! The processes a node had at the end.
//!
//! Ray lists what runs; so these are the workers without an end: those of worker events (Ray 2.58 and later), those of
//! actors that were ALIVE, and drivers that had not finished. Of a dead node none are left. Each has exactly one entry
//! of `coreWorkerStats`, because the pages read its first one; its counters are unknown and left out. `cpuPercent` is
//! null and `memoryInfo` empty: usage is in no event. `createTime` is left out where no start is known. An actor's process carries Ray's title, `ray::<class>`.

use crate::answer::json::JsonWriter;
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId};
use crate::snapshot::Snapshot;
use crate::snapshot::actor::Actor;
use crate::snapshot::node::Node;
use crate::snapshot::worker::Life;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One process.
struct Process<'a> {
    worker: Cow<'a, [u8]>,
    worker_type: &'a str,
    pid: i64,
    job: JobId,
    actor: Option<&'a Actor>,
    title: Option<String>,
    started_ms: u64,
}

/// Writes the list items.
pub(super) fn write(w: &mut JsonWriter, snapshot: &Snapshot, node: &Node) {
    if !node.alive {
        return;
    }
    let ip = snapshot.str(node.ip);
    let here = |id: crate::snapshot::intern::Id| snapshot.id(id) == node.id.0;
    let alive = snapshot.actors.iter().filter(|actor| actor.state == ActorState::Alive);
    let lived =
        alive.filter_map(|actor| Some((actor, actor.incarnations.last()?))).filter(|(_, lived)| here(lived.node));
    let actors: BTreeMap<&[u8], _> = lived.map(|(actor, lived)| (snapshot.id(lived.worker), (actor, lived))).collect();

    let mut processes: Vec<Process<'_>> = Vec::new();
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for worker in snapshot.workers.iter().filter(|worker| here(worker.node)) {
        // Also those that ended: an actor's last worker may have, with the actor's own end never told.
        seen.insert(&worker.id.0);
        if worker.life != Life::Alive {
            continue;
        }
        let actor = actors.get(worker.id.0.as_slice()).map(|(actor, _)| *actor);
        let started = [worker.launched_ms, worker.start_ms].into_iter().find(|&ms| ms > 0 && ms != u64::MAX);
        processes.push(Process {
            worker: Cow::Borrowed(&worker.id.0),
            worker_type: snapshot.str(worker.worker_type),
            pid: i64::from(worker.pid),
            job: actor.map_or(worker.job, |actor| actor.job),
            actor,
            title: actor.map(|actor| title(snapshot, actor)),
            started_ms: started.unwrap_or(0),
        });
    }
    for (worker, (actor, lived)) in actors.iter().filter(|(worker, _)| !seen.contains(*worker)) {
        processes.push(Process {
            worker: Cow::Borrowed(worker),
            worker_type: "WORKER",
            pid: i64::from(lived.pid),
            job: actor.job,
            actor: Some(actor),
            title: Some(title(snapshot, actor)),
            started_ms: 0,
        });
    }
    for job in snapshot.driver_jobs.iter().filter(|job| job.defined && job.finished == 0 && here(job.driver_node)) {
        // A driver's worker id is its job, filled up with ff.
        processes.push(Process {
            worker: Cow::Owned([job.id.0.as_slice(), &[0xff; 24]].concat()),
            worker_type: "DRIVER",
            pid: job.driver_pid,
            job: job.id,
            actor: None,
            title: Some(snapshot.str(job.entrypoint).to_owned()),
            started_ms: u64::try_from(job.created / 1_000_000).unwrap_or(0),
        });
    }
    processes.sort_by_key(|process| process.pid);
    for process in &processes {
        write_process(w, process, ip);
    }
}

fn title(snapshot: &Snapshot, actor: &Actor) -> String {
    format!("ray::{}", snapshot.str(actor.class_name))
}

fn write_process(w: &mut JsonWriter, process: &Process<'_>, ip: &str) {
    const LANGUAGE: &str = "PYTHON"; // `DEFAULT_LANGUAGE` of the dashboard
    w.begin_object();
    w.key("pid");
    w.int(process.pid);
    if process.started_ms > 0 {
        w.key("createTime");
        w.float(process.started_ms as f64 / 1e3);
    }
    w.key("cpuPercent");
    w.null();
    for empty in ["cpuTimes", "memoryInfo"] {
        w.key(empty);
        w.raw(b"{}");
    }
    w.key("cmdline");
    w.begin_array();
    if let Some(title) = process.title.as_deref().filter(|title| !title.is_empty()) {
        w.string(title);
    }
    w.end_array();
    w.key("language");
    w.string(LANGUAGE);
    w.key("jobId");
    w.hex(&process.job.0);
    w.key("coreWorkerStats");
    w.begin_array();
    w.begin_object();
    w.key("workerId");
    w.hex(&process.worker);
    w.key("pid");
    w.int(process.pid);
    w.key("jobId");
    w.hex(&process.job.0);
    w.key("actorId");
    w.hex(&process.actor.map_or(ActorId::NIL, |actor| actor.id).0);
    w.key("ipAddress");
    w.string(ip);
    w.key("workerType");
    w.string(process.worker_type);
    w.key("language");
    w.string(LANGUAGE);
    w.end_object();
    w.end_array();
    w.end_object();
}
