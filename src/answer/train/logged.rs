//! Runs as their controllers' logs tell them: ids, states, attempts and workers are exact; times are those of the log
//! lines, a few milliseconds from what the state actor noted; ids of attempts are random and nowhere logged (empty).
//!
//! | message | tells |
//! |---|---|
//! | `PlacementGroupCleaner launched for run_id=X` | the run's id (Ray 2.53 and later) |
//! | `Requesting resources: {…} * N` | workers and their resources |
//! | `[State Transition] A -> B.` | the run's status; an attempt's end |
//! | `Attempting to start training worker group of size N with …: [{…}] * N` | an attempt |
//! | `Started training worker group of size N: …` | its workers: address, pid, ranks |
//! | `[FailurePolicy] … Error: …` | why it failed |

use super::settings::{self, Logged};
use super::{Object, actor};
use crate::base::actor::ActorState;
use crate::base::id::NodeId;
use crate::base::time::Nanos;
use crate::logs::train::{Controller, Speaker};
use crate::snapshot::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the state actor notes when a controller is gone before its run ended.
const ABORTED: &str = "Run aborted because the driver process exited unexpectedly.";

/// Every run whose controller left a log.
pub(super) fn runs(snapshot: &Snapshot) -> impl Iterator<Item = Object> {
    let places = session_dirs(snapshot);
    snapshot.facts.train.controllers().filter_map(move |(id, controller)| {
        let mut story = Story::read(controller);
        let dead = actor(snapshot, Some(&id.into())).filter(|actor| actor.state == ActorState::Dead);
        if let Some(controller) = dead {
            story.abort(controller.end);
        }
        show(snapshot, id, controller, &story, &places).as_object().cloned()
    })
}

/// What became of a run, line by line.
#[derive(Debug, Default)]
struct Story<'a> {
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
    workers: Vec<Started<'a>>,
}

/// A worker as the controller names it.
#[derive(Debug)]
struct Started<'a> {
    ip: &'a str,
    pid: i64,
    ranks: [i64; 3],
}

impl<'a> Story<'a> {
    fn read(controller: &'a Controller) -> Self {
        let mut story = Self { status: "INITIALIZING", ..Self::default() };
        for (at, message) in &controller.said {
            story.line(*at, message);
        }
        story
    }

    fn line(&mut self, at: Nanos, message: &'a str) {
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
            self.failed(rest);
        } else if let Some((from, to)) = transition(message) {
            self.changed(at, from, to);
        }
    }

    /// `RETRY\n  Source: worker group\n  Error count: 1 (max allowed: 0)\nError: …`
    fn failed(&mut self, message: &'a str) {
        self.detail = message.split_once("Error: ").map(|(_, error)| error);
        if message.contains("Source: worker group") {
            let allowed = message.split_once("max allowed: ").map(|(_, allowed)| allowed);
            self.max_failures = allowed.and_then(|text| if text.starts_with("inf") { Some(-1) } else { number(text) });
        }
    }

    fn changed(&mut self, at: Nanos, from: &str, to: &'a str) {
        match to {
            "SCHEDULING" | "RUNNING" | "RESTARTING" | "RESIZING" => (self.status, self.end) = (to, None),
            "FINISHED" | "ERRORED" | "ABORTED" => (self.status, self.end) = (to, Some(at)),
            // Parts of scheduling, of running and of shutting down.
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

    /// The controller died: what had not ended then was aborted.
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

fn show(
    snapshot: &Snapshot,
    actor_id: &str,
    controller: &Controller,
    story: &Story<'_>,
    places: &BTreeMap<String, String>,
) -> Value {
    let who = &controller.speaker;
    let version = snapshot.ray_version();
    let attempts: Vec<Value> =
        story.attempts.iter().map(|attempt| show_attempt(snapshot, who, story.run_id, attempt, places)).collect();
    let requested = story.requested.as_ref();
    let scheduling = story.status == "SCHEDULING";
    let detail = match story.attempts.last().filter(|_| scheduling) {
        Some(attempt) => Some(attempt.scheduling()),
        None => story.detail.filter(|_| matches!(story.status, "ERRORED" | "ABORTED")).map(str::to_owned),
    };
    json!({
        "id": story.run_id,
        "name": who.run_name,
        "job_id": who.job_id,
        "controller_actor_id": actor_id,
        "status": story.status,
        "status_detail": detail,
        "start_time_ns": story.start,
        "end_time_ns": story.end,
        "controller_log_file_path": log_file(places, "app-controller", who),
        "framework_versions": version.map_or_else(|| json!({}), |version| json!({"ray": version})),
        "run_settings": settings::logged(&Logged {
            name: &who.run_name,
            num_workers: requested.map(|(count, _)| *count),
            resources_per_worker: requested.map(|(_, resources)| resources.clone()).unwrap_or_default(),
            max_failures: story.max_failures,
        }),
        "attempts": attempts,
    })
}

impl Attempt<'_> {
    fn scheduling(&self) -> String {
        format!("Scheduling {} workers, each requiring: {}.", self.size, self.resources.to_string().replace('"', "'"))
    }
}

fn show_attempt(
    snapshot: &Snapshot,
    controller: &Speaker,
    run_id: &str,
    attempt: &Attempt<'_>,
    places: &BTreeMap<String, String>,
) -> Value {
    let alive = attempt.end.is_none();
    let workers: Vec<Value> = attempt
        .workers
        .iter()
        .map(|started| {
            let found = find_worker(snapshot, controller, started);
            let (actor_id, who) = found.map_or(("", None), |(actor, who)| (actor, Some(who)));
            json!({
                "world_rank": started.ranks[0],
                "local_rank": started.ranks[1],
                "node_rank": started.ranks[2],
                "actor_id": actor_id,
                "node_id": who.map_or("", |who| &*who.node_id),
                "node_ip": started.ip,
                "pid": started.pid,
                "gpu_ids": [],
                "status": if alive { "ALIVE" } else { "DEAD" },
                "resources": {"resources": attempt.resources},
                "log_file_path": who.and_then(|who| log_file(places, "app-worker", who)),
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

/// The worker's own log: the same run, process, rank and address.
fn find_worker<'a>(
    snapshot: &'a Snapshot,
    controller: &Speaker,
    started: &Started<'_>,
) -> Option<(&'a str, &'a Speaker)> {
    snapshot.facts.train.workers().find(|(_, who)| {
        who.pid == started.pid
            && who.ranks == started.ranks
            && who.job_id == controller.job_id
            && who.run_name == controller.run_name
            && node_ip(snapshot, &who.node_id).is_none_or(|ip| ip == started.ip)
    })
}

fn node_ip<'a>(snapshot: &'a Snapshot, node: &str) -> Option<&'a str> {
    let id = NodeId::from_hex(node)?;
    let row = snapshot.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
    snapshot.nodes.get(row).map(|node| snapshot.str(node.ip))
}

fn log_file(places: &BTreeMap<String, String>, kind: &str, who: &Speaker) -> Option<String> {
    let own = Some(&*who.session_dir).filter(|dir| !dir.is_empty());
    let dir = own.or_else(|| places.get(&*who.node_id).map(String::as_str))?;
    Some(format!("{dir}/logs/train/ray-train-{kind}-{}.log", who.worker_id))
}

/// Where each node keeps its session folder, from the paths of tasks' output and from workers of Train.
fn session_dirs(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (_, who) in snapshot.facts.train.workers().filter(|(_, who)| !who.session_dir.is_empty()) {
        found.insert(who.node_id.to_string(), who.session_dir.to_string());
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
        found.entry(crate::base::id::RayId::<28>(node).hex()).or_insert_with(|| dir.to_owned());
        if found.len() >= snapshot.nodes.len() {
            break;
        }
    }
    found
}

/// The first Python dictionary of a text, such as `{'CPU': 0.5}`; null when there is none.
fn resources(text: &str) -> Value {
    let dictionary = text.find('{').and_then(|start| Some(&text[start..=start + text[start..].find('}')?]));
    dictionary.and_then(|python| serde_json::from_str(&python.replace('\'', "\"")).ok()).unwrap_or_default()
}

/// `- (ip=127.0.0.2, pid=9168) world_rank=0, local_rank=0, node_rank=0`
fn started(line: &str) -> Option<Started<'_>> {
    let after = |key: &str| line.split_once(key).map(|(_, rest)| rest);
    let ip = after("(ip=")?.split(',').next()?;
    let rank = |key: &str| after(key).and_then(number);
    Some(Started { ip, pid: rank("pid=")?, ranks: [rank("world_rank=")?, rank("local_rank=")?, rank("node_rank=")?] })
}

/// `[State Transition] SCHEDULING -> RUNNING.`
fn transition(message: &str) -> Option<(&str, &str)> {
    let (from, to) = message.strip_prefix("[State Transition] ")?.split_once(" -> ")?;
    Some((from.trim(), to.trim().trim_end_matches('.')))
}

/// The number a text begins with.
fn number(text: &str) -> Option<i64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
