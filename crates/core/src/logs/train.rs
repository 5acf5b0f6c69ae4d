//! `logs/train/ray-train-{app,sys}-{controller,worker}-<worker id>.log`: the log of Ray Train (v2).
//!
//! JSON lines of Ray's own formatter, with the ids of the writing process and `timestamp_ns`. Train writes them in
//! every session, even without its state actor and the export API, so they are the last source for a run that no
//! collector recorded. Source of the messages: `ray/train/v2/_internal/{callbacks,execution}`.
//!
//! Of a controller (one per run) the messages about its run are kept (`Controller::messages`); of a worker only its
//! identity. `libraries::train` of the crate `ray-api` interprets them.

use super::damage::{Damage, LineCheck};
use super::line::local_time;
use super::zone::Zone;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes read of a worker's log: its first lines contain its identity, the rest is the user's output.
pub(super) const WORKER_HEAD: u64 = 64 << 10;
/// See `WORKER_HEAD`: nothing is needed from the end.
pub(super) const WORKER_TAIL: u64 = 1;
/// Messages kept per controller. A run writes about twenty per attempt.
const MAX_MESSAGES: usize = 10_000;
/// Characters kept of a message, to which Ray cuts the error of a run (`MAX_ERROR_STACK_TRACE_LENGTH`).
const MAX_MESSAGE_CHARS: usize = 50_000;

/// Prefixes of the messages that are kept. A message may have several lines.
const KEPT_PREFIXES: [&str; 6] = [
    "Requesting resources: ",
    "PlacementGroupCleaner launched for run_id=",
    "[State Transition] ",
    "Attempting to start training worker group of size ",
    "Started training worker group of size ",
    "[FailurePolicy] ",
];

/// The process that wrote a line: a controller or a worker of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrainProcess {
    /// The run's name.
    pub run_name: Box<str>,
    /// Its job, hex.
    pub job_id: Box<str>,
    /// Its worker, hex.
    pub worker_id: Box<str>,
    /// Its node, hex.
    pub node_id: Box<str>,
    /// Its process.
    pub pid: i64,
    /// World, local and node rank; zeros for a controller.
    pub ranks: [i64; 3],
    /// The session's folder on its node, if a worker logged it.
    pub session_dir: Box<str>,
}

/// The controller of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Controller {
    /// Its process.
    pub process: TrainProcess,
    /// Its messages about the run, with their times in Unix nanoseconds, in order.
    pub messages: BTreeSet<(i64, Box<str>)>,
}

/// The facts in the logs of Ray Train. Keys are actor ids, hex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainLogs {
    controllers: BTreeMap<Box<str>, Controller>,
    workers: BTreeMap<Box<str>, TrainProcess>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    asctime: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(default)]
    process: i64,
    #[serde(borrow, default)]
    job_id: Cow<'a, str>,
    #[serde(borrow, default)]
    worker_id: Cow<'a, str>,
    #[serde(borrow, default)]
    node_id: Cow<'a, str>,
    #[serde(borrow, default)]
    actor_id: Cow<'a, str>,
    #[serde(borrow, default)]
    run_name: Cow<'a, str>,
    #[serde(borrow, default)]
    component: Cow<'a, str>,
    #[serde(default)]
    world_rank: i64,
    #[serde(default)]
    local_rank: i64,
    #[serde(default)]
    node_rank: i64,
    #[serde(default)]
    timestamp_ns: i64,
}

/// Returns `true` for a controller's file in `logs/train/`, `false` for a worker's, of which the first lines are
/// wanted, and `None` for an unwanted file.
pub(super) fn is_controller(name: &str) -> Option<bool> {
    let rest = name.strip_prefix("ray-train-")?.strip_suffix(".log")?;
    match rest.split_once('-')? {
        ("app" | "sys", rest) if rest.starts_with("controller-") => Some(true),
        // A worker's other file contains the user's output.
        ("sys", rest) if rest.starts_with("worker-") => Some(false),
        _ => None,
    }
}

impl TrainLogs {
    /// Reads one file, or the beginning of a worker's.
    pub(super) fn read(&mut self, node: &str, path: &str, bytes: &[u8], zone: &mut Zone, damage: &mut Damage) {
        let mut check = LineCheck::default();
        let mut clocks = None;
        for (at, text) in LineCheck::lines(bytes) {
            match serde_json::from_str::<Line>(&text) {
                Ok(line) => {
                    let local_ms = local_time(&line.asctime).filter(|_| line.timestamp_ns > 0);
                    clocks = local_ms.map(|local_ms| (local_ms, line.timestamp_ns / 1_000_000)).or(clocks);
                    self.add_line(&line);
                }
                // Only a part of a worker's file was read, so its last line is cut.
                Err(_) if bytes.len() as u64 == WORKER_HEAD + WORKER_TAIL => {}
                Err(_) => check.count_damaged(at),
            }
        }
        // One moment per file is enough to learn its zone.
        if let Some((local_ms, utc_ms)) = clocks {
            zone.learn(local_ms, utc_ms);
        }
        damage.add(node, path, check.damaged());
    }

    fn add_line(&mut self, line: &Line<'_>) {
        if line.actor_id.is_empty() {
            return;
        }
        let process = TrainProcess {
            run_name: (*line.run_name).into(),
            job_id: (*line.job_id).into(),
            worker_id: (*line.worker_id).into(),
            node_id: (*line.node_id).into(),
            pid: line.process,
            ranks: [line.world_rank, line.local_rank, line.node_rank],
            session_dir: session_dir(&line.message).into(),
        };
        match &*line.component {
            "controller" => {
                let messages = KEPT_PREFIXES.iter().any(|start| line.message.starts_with(start));
                let messages = messages.then(|| (line.timestamp_ns, cut(&line.message).into()));
                self.add(&line.actor_id, Controller { process, messages: messages.into_iter().collect() });
            }
            "worker" => self.add_worker(&line.actor_id, process),
            _ => {}
        }
    }

    fn add(&mut self, actor: &str, controller: Controller) {
        let known = self.controllers.entry(actor.into()).or_default();
        if known.process < controller.process {
            known.process = controller.process;
        }
        known.messages.extend(controller.messages);
        while known.messages.len() > MAX_MESSAGES {
            known.messages.pop_first();
        }
    }

    fn add_worker(&mut self, actor: &str, process: TrainProcess) {
        let known = self.workers.entry(actor.into()).or_default();
        if *known < process {
            *known = process;
        }
    }

    /// Returns every controller, with its actor id.
    pub fn controllers(&self) -> impl Iterator<Item = (&str, &Controller)> {
        self.controllers.iter().map(|(actor, controller)| (&**actor, controller))
    }

    /// Returns every worker, with its actor id.
    pub fn workers(&self) -> impl Iterator<Item = (&str, &TrainProcess)> {
        self.workers.iter().map(|(actor, process)| (&**actor, process))
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (actor, controller) in other.controllers {
            self.add(&actor, controller);
        }
        for (actor, process) in other.workers {
            self.add_worker(&actor, process);
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let messages = |controller: &Controller| -> usize {
            controller.messages.iter().map(|(_, message)| message.len() + 48).sum::<usize>() + 400
        };
        self.controllers.values().map(messages).sum::<usize>() + 400 * self.workers.len()
    }
}

/// Returns the session folder in `Changing the working directory to: <session folder>/artifacts/<run name>`.
fn session_dir(message: &str) -> &str {
    let path = message.strip_prefix("Changing the working directory to: ").unwrap_or_default();
    path.rsplit_once("/artifacts/").map_or("", |(dir, _)| dir)
}

fn cut(message: &str) -> &str {
    match message.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => &message[..end],
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_messages_of_controllers_and_identity_of_workers() {
        let line = |component: &str, actor: &str, ns: i64, message: &str| {
            format!(
                "{{\"asctime\": \"1970-01-01 01:00:00,000\", \"message\": \"{message}\", \"process\": 7, \"job_id\": \"01000000\", \
                 \"worker_id\": \"w\", \"node_id\": \"n\", \"actor_id\": \"{actor}\", \"run_name\": \"r\", \
                 \"component\": \"{component}\", \"world_rank\": 1, \"timestamp_ns\": {ns}}}\n"
            )
        };
        let controller = line("controller", "c", 2_000_000, "[State Transition] SCHEDULING -> RUNNING.")
            + &line("controller", "c", 1_000_000, "Requesting resources: {'CPU': 1} * 2")
            + &line("controller", "c", 3_000_000, "Something else")
            + "{\"half";
        let worker = line("worker", "w1", 4_000_000, "Rank 1: Launching training function.");
        let (mut logs, mut zone, mut damage) = (TrainLogs::default(), Zone::default(), Damage::default());
        for _ in 0..2 {
            logs.read("n", "app", controller.as_bytes(), &mut zone, &mut damage);
            logs.read("n", "sys", worker.as_bytes(), &mut zone, &mut damage);
        }
        let messages: Vec<_> =
            logs.controllers().flat_map(|(_, c)| c.messages.iter().map(|(ns, m)| (*ns, &**m))).collect();
        assert_eq!(messages.iter().map(|(ns, _)| *ns).collect::<Vec<_>>(), [1_000_000, 2_000_000]);
        let workers: Vec<_> = logs.workers().map(|(actor, who)| (actor, who.pid, who.ranks)).collect();
        assert_eq!(workers, [("w1", 7, [1, 0, 0])]);
        assert_eq!(zone.utc_ms(3_600_000), Some(0));
        assert_eq!(damage.files().map(|(_, path, d)| (path, d.lines)).collect::<Vec<_>>(), [("app", 1)]);
    }

    #[test]
    fn selects_controller_logs_and_worker_system_logs() {
        for (name, kind) in [
            ("ray-train-app-controller-ab.log", Some(true)),
            ("ray-train-sys-controller-ab.log", Some(true)),
            ("ray-train-sys-worker-ab.log", Some(false)),
            ("ray-train-app-worker-ab.log", None),
            ("other.log", None),
        ] {
            assert_eq!(is_controller(name), kind, "{name}");
        }
    }
}
