//! The processes of a node at the end.
//!
//! Ray lists running processes, so these are the workers without an end: those of worker events (Ray 2.58 and later),
//! those of actors that were ALIVE, and drivers that had not finished. A dead node has none. Each has exactly one
//! entry of `coreWorkerStats`, because the pages read the first one; its counters are unknown and left out.
//! `cpuPercent` is null and `memoryInfo` empty: usage is in no event. `createTime` is left out if no start is known.
//! An actor's process has Ray's title, `ray::<class>`.

use crate::json::JsonWriter;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::{ActorId, JobId, RayId, WorkerId};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::worker::Life;
use std::collections::{BTreeMap, BTreeSet};

/// `DEFAULT_LANGUAGE` of the dashboard.
const LANGUAGE: &str = "PYTHON";

/// A process of a node.
pub(super) struct Process {
    worker: Option<WorkerId>,
    worker_type: Str,
    /// The type if no event reports one.
    default_type: &'static str,
    pid: i64,
    job: JobId,
    /// Row number of its actor.
    actor: Option<usize>,
    /// A driver's command.
    entrypoint: Str,
    started_ms: u64,
    ip: Str,
}

/// Returns the processes of a node.
pub(super) fn of(snapshot: &Snapshot, node: &Node) -> Vec<Process> {
    if !node.alive {
        return Vec::new();
    }
    let is_on_node = |id: Id| snapshot.id(id) == node.id.0;
    let alive = snapshot.actors.iter().enumerate().filter(|(_, actor)| actor.state == ActorState::Alive);
    let on_node = alive
        .filter_map(|(row, actor)| Some((row, actor, actor.incarnations.last()?)))
        .filter(|(.., incarnation)| is_on_node(incarnation.node));
    let actors: BTreeMap<&[u8], _> =
        on_node.map(|(row, actor, incarnation)| (snapshot.id(incarnation.worker), (row, actor, incarnation))).collect();

    let mut processes: Vec<Process> = Vec::new();
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for worker in snapshot.workers.iter().filter(|worker| is_on_node(worker.node)) {
        // Includes ended workers: an actor's last worker may have ended without an event of the actor's end.
        seen.insert(&worker.id.0);
        if worker.life != Life::Alive {
            continue;
        }
        let actor = actors.get(worker.id.0.as_slice());
        let started = [worker.launched_ms, worker.start_ms].into_iter().find(|&ms| ms > 0 && ms != u64::MAX);
        processes.push(Process {
            worker: Some(worker.id),
            worker_type: worker.worker_type,
            default_type: "",
            pid: i64::from(worker.pid),
            job: actor.map_or(worker.job, |(_, actor, _)| actor.job),
            actor: actor.map(|(row, ..)| *row),
            entrypoint: Str::default(),
            started_ms: started.unwrap_or(0),
            ip: node.ip,
        });
    }
    for (worker, (row, actor, incarnation)) in actors.iter().filter(|(worker, _)| !seen.contains(*worker)) {
        processes.push(Process {
            worker: (*worker).try_into().ok().map(RayId),
            worker_type: Str::default(),
            default_type: "WORKER",
            pid: i64::from(incarnation.pid),
            job: actor.job,
            actor: Some(*row),
            entrypoint: Str::default(),
            started_ms: 0,
            ip: node.ip,
        });
    }
    for job in snapshot.driver_jobs.iter().filter(|job| job.defined && job.finished == 0 && is_on_node(job.driver_node))
    {
        // A driver's worker id is its job id, padded with ff.
        let mut worker = [0xff; 28];
        worker[..4].copy_from_slice(&job.id.0);
        processes.push(Process {
            worker: Some(RayId(worker)),
            worker_type: Str::default(),
            default_type: "DRIVER",
            pid: job.driver_pid,
            job: job.id,
            actor: None,
            entrypoint: job.entrypoint,
            started_ms: u64::try_from(job.created / 1_000_000).unwrap_or(0),
            ip: node.ip,
        });
    }
    processes.sort_by_key(|process| process.pid);
    processes
}

fn title(snapshot: &Snapshot, actor: &Actor) -> String {
    format!("ray::{}", snapshot.str(actor.class_name))
}

impl Process {
    /// Writes the list item.
    pub(super) fn write(&self, snapshot: &Snapshot, w: &mut JsonWriter) {
        let actor = self.actor.and_then(|row| snapshot.actors.get(row));
        let title = actor.map_or_else(|| snapshot.str(self.entrypoint).to_owned(), |actor| title(snapshot, actor));
        let worker_type = if self.worker_type.is_empty() { self.default_type } else { snapshot.str(self.worker_type) };
        w.begin_object();
        w.key("pid");
        w.int(self.pid);
        if self.started_ms > 0 {
            w.key("createTime");
            w.float(self.started_ms as f64 / 1e3);
        }
        w.key("cpuPercent");
        w.null();
        for empty in ["cpuTimes", "memoryInfo"] {
            w.key(empty);
            w.raw(b"{}");
        }
        w.key("cmdline");
        w.begin_array();
        if !title.is_empty() {
            w.string(&title);
        }
        w.end_array();
        w.key("language");
        w.string(LANGUAGE);
        w.key("jobId");
        w.hex(&self.job.0);
        w.key("coreWorkerStats");
        w.begin_array();
        w.begin_object();
        w.key("workerId");
        w.hex(self.worker.as_ref().map_or(&[], |worker| &worker.0));
        w.key("pid");
        w.int(self.pid);
        w.key("jobId");
        w.hex(&self.job.0);
        w.key("actorId");
        w.hex(&actor.map_or(ActorId::NIL, |actor| actor.id).0);
        w.key("ipAddress");
        w.string(snapshot.str(self.ip));
        w.key("workerType");
        w.string(worker_type);
        w.key("language");
        w.string(LANGUAGE);
        w.end_object();
        w.end_array();
        w.end_object();
    }
}
