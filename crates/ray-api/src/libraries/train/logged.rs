//! Runs from the logs of their controllers.
//!
//! Ids, states, attempts and workers are exact. Times are those of the log lines, a few milliseconds from the state
//! actor's. Ids of attempts are random and never logged, so they are empty.
//!
//! | message | content |
//! |---|---|
//! | `PlacementGroupCleaner launched for run_id=X` | the run's id (Ray 2.53 and later) |
//! | `Requesting resources: {…} * N` | workers and their resources |
//! | `[State Transition] A -> B.` | the run's status; an attempt's end |
//! | `Attempting to start training worker group of size N with …: [{…}] * N` | an attempt |
//! | `Started training worker group of size N: …` | its workers: address, pid, ranks |
//! | `[FailurePolicy] … Error: …` | the reason of a failure |

use super::settings::{self, LoggedSettings};
use super::{Object, actor};
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::NodeId;
use ray_history_core::base::time::Nanos;
use ray_history_core::logs::train::{Controller, TrainProcess};
use ray_history_core::snapshot::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The state actor's detail for a run whose controller ended first.
const ABORTED: &str = "Run aborted because the driver process exited unexpectedly.";

/// Returns every run whose controller left a log.
pub(super) fn runs(snapshot: &Snapshot) -> impl Iterator<Item = Object> {
    let dirs = session_dirs(snapshot);
    snapshot.facts.train.controllers().filter_map(move |(id, controller)| {
        let mut history = RunHistory::read(controller);
        let dead = actor(snapshot, Some(&id.into())).filter(|actor| actor.state == ActorState::Dead);
        if let Some(controller) = dead {
            history.abort(controller.end);
        }
        run_json(snapshot, id, controller, &history, &dirs).as_object().cloned()
    })
}

/// The history of a run, built line by line.
#[derive(Debug, Default)]
struct RunHistory<'a> {
    run_id: &'a str,
    requested: Option<(i64, Value)>,
    start: Nanos,
    status: &'a str,
    detail: Option<&'a str>,
    end: Option<Nanos>,
    max_failures: Option<i64>,
    attempts: Vec<Attempt<'a>>,
}

#[derive(Debug, Default)]
struct Attempt<'a> {
    size: usize,
    resources: Value,
    status: &'a str,
    detail: Option<&'a str>,
    start: Nanos,
    end: Option<Nanos>,
    workers: Vec<StartedWorker<'a>>,
}

/// A worker in the controller's log.
#[derive(Debug)]
struct StartedWorker<'a> {
    ip: &'a str,
    pid: i64,
    ranks: [i64; 3],
}

impl<'a> RunHistory<'a> {
    fn read(controller: &'a Controller) -> Self {
        let mut history = Self { status: "INITIALIZING", ..Self::default() };
        for (at, message) in &controller.messages {
            history.add_line(*at, message);
        }
        history
    }

    fn add_line(&mut self, at: Nanos, message: &'a str) {
        if self.start == 0 || self.status == "INITIALIZING" && !message.starts_with('[') {
            self.start = at;
        }
        if let Some(id) = message.strip_prefix("PlacementGroupCleaner launched for run_id=") {
            self.run_id = id.trim();
        } else if let Some(rest) = message.strip_prefix("Requesting resources: ") {
            let count = rest.rsplit_once("* ").and_then(|(_, count)| number(count));
            self.requested.get_or_insert((count.unwrap_or_default(), resources(rest)));
        } else if let Some(rest) = message.strip_prefix("Attempting to start training worker group of size ") {
            let size = number(rest).and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
            let attempt =
                Attempt { size, resources: resources(rest), start: at, status: "PENDING", ..Attempt::default() };
            self.attempts.push(attempt);
        } else if message.starts_with("Started training worker group of size ") {
            if let Some(attempt) = self.attempts.last_mut() {
                attempt.status = "RUNNING";
                attempt.workers = message.lines().skip(1).filter_map(started).collect();
            }
        } else if let Some(rest) = message.strip_prefix("[FailurePolicy] ") {
            self.add_failure(rest);
        } else if let Some((from, to)) = transition(message) {
            self.add_transition(at, from, to);
        }
    }

    /// Applies `RETRY\n  Source: worker group\n  Error count: 1 (max allowed: 0)\nError: …`.
    fn add_failure(&mut self, message: &'a str) {
        self.detail = message.split_once("Error: ").map(|(_, error)| error);
        if message.contains("Source: worker group") {
            let allowed = message.split_once("max allowed: ").map(|(_, allowed)| allowed);
            self.max_failures = allowed.and_then(|text| if text.starts_with("inf") { Some(-1) } else { number(text) });
        }
    }

    fn add_transition(&mut self, at: Nanos, from: &str, to: &'a str) {
        match to {
            "SCHEDULING" | "RUNNING" | "RESTARTING" | "RESIZING" => (self.status, self.end) = (to, None),
            "FINISHED" | "ERRORED" | "ABORTED" => (self.status, self.end) = (to, Some(at)),
            // Substates of scheduling, running and shutting down.
            _ => {}
        }
        let Some(attempt) = self.attempts.last_mut() else { return };
        if from == "RUNNING" && attempt.end.is_none() {
            (attempt.end, attempt.status) = (Some(at), "FINISHED");
        }
        match to {
            "RESTARTING" | "ERRORED" if attempt.end.is_some() => {
                (attempt.status, attempt.detail) = ("ERRORED", self.detail);
            }
            "ABORTED" => {
                attempt.status = "ABORTED";
                attempt.end.get_or_insert(at);
            }
            _ => {}
        }
    }

    /// Aborts the run and its last attempt unless they have ended, because the controller died.
    fn abort(&mut self, at: Nanos) {
        if self.end.is_some() {
            return;
        }
        (self.status, self.detail, self.end) = ("ABORTED", Some(ABORTED), Some(at));
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.end.is_none()) {
            (attempt.status, attempt.detail, attempt.end) = ("ABORTED", Some(ABORTED), Some(at));
        }
    }
}

fn run_json(
    snapshot: &Snapshot,
    actor_id: &str,
    controller: &Controller,
    history: &RunHistory<'_>,
    session_dirs: &BTreeMap<String, String>,
) -> Value {
    let process = &controller.process;
    let version = snapshot.ray_version();
    let attempts: Vec<Value> = history
        .attempts
        .iter()
        .map(|attempt| attempt_json(snapshot, process, history.run_id, attempt, session_dirs))
        .collect();
    let requested = history.requested.as_ref();
    let scheduling = history.status == "SCHEDULING";
    let detail = match history.attempts.last().filter(|_| scheduling) {
        Some(attempt) => Some(attempt.scheduling()),
        None => history.detail.filter(|_| matches!(history.status, "ERRORED" | "ABORTED")).map(str::to_owned),
    };
    json!({
        "id": history.run_id,
        "name": process.run_name,
        "job_id": process.job_id,
        "controller_actor_id": actor_id,
        "status": history.status,
        "status_detail": detail,
        "start_time_ns": history.start,
        "end_time_ns": history.end,
        "controller_log_file_path": log_file(session_dirs, "app-controller", process),
        "framework_versions": version.map_or_else(|| json!({}), |version| json!({"ray": version})),
        "run_settings": settings::logged(&LoggedSettings {
            name: &process.run_name,
            num_workers: requested.map(|(count, _)| *count),
            resources_per_worker: requested.map(|(_, resources)| resources.clone()).unwrap_or_default(),
            max_failures: history.max_failures,
        }),
        "attempts": attempts,
    })
}

impl Attempt<'_> {
    fn scheduling(&self) -> String {
        format!("Scheduling {} workers, each requiring: {}.", self.size, self.resources.to_string().replace('"', "'"))
    }
}

fn attempt_json(
    snapshot: &Snapshot,
    controller: &TrainProcess,
    run_id: &str,
    attempt: &Attempt<'_>,
    session_dirs: &BTreeMap<String, String>,
) -> Value {
    let alive = attempt.end.is_none();
    let workers: Vec<Value> = attempt
        .workers
        .iter()
        .map(|started| {
            let found = find_worker(snapshot, controller, started);
            let (actor_id, process) = found.map_or(("", None), |(actor, process)| (actor, Some(process)));
            json!({
                "world_rank": started.ranks[0],
                "local_rank": started.ranks[1],
                "node_rank": started.ranks[2],
                "actor_id": actor_id,
                "node_id": process.map_or("", |process| &*process.node_id),
                "node_ip": started.ip,
                "pid": started.pid,
                "gpu_ids": [],
                "status": if alive { "ALIVE" } else { "DEAD" },
                "resources": {"resources": attempt.resources},
                "log_file_path": process.and_then(|process| log_file(session_dirs, "app-worker", process)),
            })
        })
        .collect();
    json!({
        "run_id": run_id,
        "attempt_id": "",
        "status": attempt.status,
        "status_detail": if attempt.status == "PENDING" { Some(attempt.scheduling()) } else { attempt.detail.map(str::to_owned) },
        "start_time_ns": attempt.start,
        "end_time_ns": attempt.end,
        "resources": vec![json!({"resources": attempt.resources}); attempt.size.min(10_000)],
        "workers": workers,
    })
}

/// Finds a worker's own log by run, process, ranks and address.
fn find_worker<'a>(
    snapshot: &'a Snapshot,
    controller: &TrainProcess,
    started: &StartedWorker<'_>,
) -> Option<(&'a str, &'a TrainProcess)> {
    snapshot.facts.train.workers().find(|(_, process)| {
        process.pid == started.pid
            && process.ranks == started.ranks
            && process.job_id == controller.job_id
            && process.run_name == controller.run_name
            && node_ip(snapshot, &process.node_id).is_none_or(|ip| ip == started.ip)
    })
}

fn node_ip<'a>(snapshot: &'a Snapshot, node: &str) -> Option<&'a str> {
    let id = NodeId::from_hex(node)?;
    let row = snapshot.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
    snapshot.nodes.get(row).map(|node| snapshot.str(node.ip))
}

fn log_file(session_dirs: &BTreeMap<String, String>, kind: &str, process: &TrainProcess) -> Option<String> {
    let own = Some(&*process.session_dir).filter(|dir| !dir.is_empty());
    let dir = own.or_else(|| session_dirs.get(&*process.node_id).map(String::as_str))?;
    Some(format!("{dir}/logs/train/ray-train-{kind}-{}.log", process.worker_id))
}

/// Returns the session folder of each node, from the paths of tasks' output and from workers of Train.
fn session_dirs(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (_, process) in snapshot.facts.train.workers().filter(|(_, process)| !process.session_dir.is_empty()) {
        found.insert(process.node_id.to_string(), process.session_dir.to_string());
    }
    if snapshot.facts.train.controllers().next().is_none() {
        return found;
    }
    let below = format!("/{}/logs/", snapshot.session_name);
    for attempt in snapshot.tasks.iter() {
        let node = snapshot.id(attempt.node_id());
        let Some(path) = attempt.log_info().map(|log| snapshot.str(log.stdout_file)) else { continue };
        let (Some(at), Ok(node)) = (path.find(&below), node.try_into()) else { continue };
        let dir = path.get(..at + below.len() - "/logs/".len()).unwrap_or_default();
        found.entry(ray_history_core::base::id::RayId::<28>(node).hex()).or_insert_with(|| dir.to_owned());
        if found.len() >= snapshot.nodes.len() {
            break;
        }
    }
    found
}

/// Returns the first Python dictionary in a text, such as `{'CPU': 0.5}`, or null if it has none.
fn resources(text: &str) -> Value {
    let dictionary = text.find('{').and_then(|start| Some(&text[start..=start + text[start..].find('}')?]));
    dictionary.and_then(|python| serde_json::from_str(&python.replace('\'', "\"")).ok()).unwrap_or_default()
}

/// Parses `- (ip=127.0.0.2, pid=9168) world_rank=0, local_rank=0, node_rank=0`.
fn started(line: &str) -> Option<StartedWorker<'_>> {
    let after = |key: &str| line.split_once(key).map(|(_, rest)| rest);
    let ip = after("(ip=")?.split(',').next()?;
    let rank = |key: &str| after(key).and_then(number);
    Some(StartedWorker {
        ip,
        pid: rank("pid=")?,
        ranks: [rank("world_rank=")?, rank("local_rank=")?, rank("node_rank=")?],
    })
}

/// Parses `[State Transition] SCHEDULING -> RUNNING.` to the two states.
fn transition(message: &str) -> Option<(&str, &str)> {
    let (from, to) = message.strip_prefix("[State Transition] ")?.split_once(" -> ")?;
    Some((from.trim(), to.trim().trim_end_matches('.')))
}

/// Parses the number at the start of a text.
fn number(text: &str) -> Option<i64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
