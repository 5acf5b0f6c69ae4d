//! `/api/train/v2/runs/v1`: Train runs, from a stored answer, else from the logs of their controllers.
//!
//! Logs tell states, worker groups and ranks; of the settings only the number of workers, what each asks for and the
//! run's name. Everything else of `run_settings` and the id of an attempt is in no stored byte and left out.

use super::{Answer, Question, Refusal, jobs, stored};
use crate::logs::train::{TrainRun, TrainWorker};
use crate::snapshot::Snapshot;
use crate::snapshot::actor::{Actor, ActorState};
use crate::snapshot::id::{NodeId, RayId};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers `/api/train/v2/runs/v1`.
pub fn runs(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let body = stored::body(snapshot, "api/train/v2/runs/v1").unwrap_or_else(|| {
        let runs = snapshot.facts.train.iter().map(|(controller, run)| row(snapshot, question, controller, run));
        json!({"train_runs": runs.collect::<Vec<_>>()})
    });
    Ok(Answer::json(body.to_string().into_bytes()))
}

fn row(snapshot: &Snapshot, question: &Question, controller: &str, run: &TrainRun) -> Value {
    let last = run.states.last();
    let over = |state: &str| matches!(state, "FINISHED" | "ERRORED" | "ABORTED");
    let end = last.filter(|(_, state)| over(state)).map(|(at, _)| *at);
    let (workers, each) = run.groups.last().map_or((0, json!({})), |(_, size, each)| (*size, python_dict(each)));
    let version = stored::body(snapshot, "api/v0/cluster_metadata");
    let version = version.as_ref().and_then(|metadata| metadata["data"]["rayVersion"].as_str());
    let version = version.unwrap_or(snapshot.facts.monitor.ray_version());
    json!({
        "id": run.id,
        "name": run.name,
        "job_id": run.job,
        "controller_actor_id": run.actor,
        "status": status(last.map_or("INITIALIZING", |(_, state)| state)),
        "status_detail": null,
        "start_time_ns": run.first_ns,
        "end_time_ns": end,
        "controller_log_file_path": log_path(snapshot, &run.node, "controller", controller),
        "framework_versions": {"ray": version},
        "run_settings": {
            "scaling_config": {"num_workers": workers, "resources_per_worker": each},
            "run_config": {"name": run.name},
        },
        "attempts": attempts(snapshot, run, end),
        "job_details": jobs::unified(snapshot, question, &run.job),
    })
}

/// Worker groups, each until the next one or the end of the run.
fn attempts(snapshot: &Snapshot, run: &TrainRun, run_end: Option<i64>) -> Vec<Value> {
    let starts: Vec<&(i64, i64, String)> = run.groups.iter().collect();
    let attempt = |(n, (start, size, each)): (usize, &&(i64, i64, String))| {
        let next = starts.get(n + 1).map(|(at, _, _)| *at);
        let within = |at: i64| at >= *start && next.is_none_or(|next| at < next);
        let resources = json!({"resources": python_dict(each)});
        let workers = run.workers.iter().filter(|(at, _)| within(*at)).flat_map(|(_, workers)| workers);
        let workers: Vec<Value> = workers.map(|worker| worker_row(snapshot, worker, &resources)).collect();
        // A group ends when its controller leaves RUNNING.
        let left = run.states.iter().find(|(at, state)| *at > *start && within(*at) && leaves_running(state));
        let last = if next.is_some() { "ERRORED" } else { status(run.states.last().map_or("", |(_, state)| state)) };
        json!({
            "run_id": run.id,
            "status": last,
            "status_detail": null,
            "start_time_ns": start,
            "end_time_ns": left.map(|(at, _)| *at).or(next).or(run_end),
            "resources": vec![resources.clone(); usize::try_from(*size).unwrap_or(0).min(10_000)],
            "workers": workers,
        })
    };
    starts.iter().enumerate().map(attempt).collect()
}

fn leaves_running(state: &str) -> bool {
    !matches!(state, "SCHEDULING" | "RESCHEDULING" | "RUNNING" | "INITIALIZING")
}

fn worker_row(snapshot: &Snapshot, worker: &TrainWorker, resources: &Value) -> Value {
    let node = snapshot.nodes.iter().find(|node| snapshot.str(node.ip) == worker.ip).map(|node| node.id);
    let found = snapshot.actors.iter().find(|actor| lived_in(snapshot, actor, node, worker.pid));
    let process = found.and_then(|actor| actor.incarnations.last());
    let worker_id = process.map(|process| RayId::<28>::try_from_bytes(snapshot.id(process.worker)));
    let node_hex = node.map(|node| node.hex());
    let log = worker_id.flatten().and_then(|id| log_path(snapshot, node_hex.as_deref()?, "worker", &id.hex()));
    json!({
        "world_rank": worker.ranks[0],
        "local_rank": worker.ranks[1],
        "node_rank": worker.ranks[2],
        "actor_id": found.map(|actor| actor.id.hex()),
        "node_id": node_hex,
        "node_ip": worker.ip,
        "pid": worker.pid,
        "gpu_ids": [],
        "status": found.map(|actor| if actor.state == ActorState::Dead { "DEAD" } else { "ALIVE" }),
        "resources": resources,
        "log_file_path": log,
        "processStats": null,
        "gpus": [],
    })
}

fn lived_in(snapshot: &Snapshot, actor: &Actor, node: Option<NodeId>, pid: i64) -> bool {
    actor.incarnations.iter().any(|life| {
        i64::from(life.pid) == pid && NodeId::try_from_bytes(snapshot.id(life.node)).is_some_and(|id| Some(id) == node)
    })
}

/// Where Train's own log lay on the node: the session's folder there is known from what tasks of that node printed to.
fn log_path(snapshot: &Snapshot, node: &str, role: &str, worker: &str) -> Option<String> {
    let node = NodeId::from_hex(node)?;
    let on_node = |attempt: &crate::snapshot::task::Attempt<'_>| snapshot.id(attempt.node_id()) == node.0;
    let printed = snapshot.tasks.iter().filter(on_node).find_map(|attempt| attempt.log_info())?;
    let (folder, _) = snapshot.str(printed.stdout_file).split_once("/logs/")?;
    Some(format!("{folder}/logs/train/ray-train-app-{role}-{worker}.log"))
}

/// Ray's status of a run for a state of its controller.
fn status(state: &str) -> &str {
    match state {
        "RESCHEDULING" => "SCHEDULING",
        "SHUTTING_DOWN" => "RUNNING",
        state => state,
    }
}

/// `{'CPU': 0.5}` as JSON: names of resources hold no quotes.
fn python_dict(text: &str) -> Value {
    serde_json::from_str(&text.replace('\'', "\"")).unwrap_or_else(|_| json!({}))
}
