//! `logs/train/ray-train-{app,sys}-{controller,worker}-<worker id>.log`: what Ray Train (v2) says about its runs.
//!
//! JSON lines of Ray's own formatter, which carry the ids of who speaks and `timestamp_ns`. Train writes them in every
//! session, also where neither its state actor nor the export API was on; so they are the last source of a run that
//! no collector asked for. Source of the messages: `ray/train/v2/_internal/{callbacks,execution}`.
//!
//! Of a controller (one per run) the lines are kept that say what its run did (`Controller::said`); of a worker only
//! who it was. `answer::train` makes sense of them.

use super::damage::{Damage, LineCheck};
use super::line::local_time;
use super::zone::Zone;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a worker's log that are read: its first lines say who it is, the rest is the user's.
pub(super) const WORKER_HEAD: u64 = 64 << 10;
/// See `WORKER_HEAD`: nothing is needed from the end.
pub(super) const WORKER_TAIL: u64 = 1;
/// Lines kept per controller. A run says about twenty per attempt.
const MAX_SAID: usize = 10_000;
/// Ray cuts the error of a run to as many characters (`MAX_ERROR_STACK_TRACE_LENGTH`).
const MAX_MESSAGE: usize = 50_000;

/// How the messages begin that are kept. A message is its text up to the end of the line or beyond.
const KEPT: [&str; 6] = [
    "Requesting resources: ",
    "PlacementGroupCleaner launched for run_id=",
    "[State Transition] ",
    "Attempting to start training worker group of size ",
    "Started training worker group of size ",
    "[FailurePolicy] ",
];

/// Who wrote a line: a controller or a worker of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Speaker {
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
    /// The session's folder on its node, where a worker named it.
    pub session_dir: Box<str>,
}

/// One run's controller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Controller {
    /// Who it is.
    pub speaker: Speaker,
    /// What it said about its run: Unix nanoseconds and message, in order.
    pub said: BTreeSet<(i64, Box<str>)>,
}

/// What the logs of Ray Train say. Keys are actor ids, hex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainLogs {
    controllers: BTreeMap<Box<str>, Controller>,
    workers: BTreeMap<Box<str>, Speaker>,
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

/// Whether a file of `logs/train/` is wanted: a controller's (true) or a worker's first lines (false).
pub(super) fn is_controller(name: &str) -> Option<bool> {
    let rest = name.strip_prefix("ray-train-")?.strip_suffix(".log")?;
    match rest.split_once('-')? {
        ("app" | "sys", rest) if rest.starts_with("controller-") => Some(true),
        // The other file of a worker holds what its user reported.
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
                    self.take(&line);
                }
                // Only a part of a worker's file was read: its last line is cut on purpose.
                Err(_) if bytes.len() as u64 == WORKER_HEAD + WORKER_TAIL => {}
                Err(_) => check.bad(at),
            }
        }
        // One moment a file is enough to know its zone.
        if let Some((local_ms, utc_ms)) = clocks {
            zone.learn(local_ms, utc_ms);
        }
        damage.add(node, path, check.damaged());
    }

    fn take(&mut self, line: &Line<'_>) {
        if line.actor_id.is_empty() {
            return;
        }
        let speaker = Speaker {
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
                let said = KEPT.iter().any(|start| line.message.starts_with(start));
                let said = said.then(|| (line.timestamp_ns, cut(&line.message).into()));
                self.add(&line.actor_id, Controller { speaker, said: said.into_iter().collect() });
            }
            "worker" => self.add_worker(&line.actor_id, speaker),
            _ => {}
        }
    }

    fn add(&mut self, actor: &str, controller: Controller) {
        let known = self.controllers.entry(actor.into()).or_default();
        if known.speaker < controller.speaker {
            known.speaker = controller.speaker;
        }
        known.said.extend(controller.said);
        while known.said.len() > MAX_SAID {
            known.said.pop_first();
        }
    }

    fn add_worker(&mut self, actor: &str, speaker: Speaker) {
        let known = self.workers.entry(actor.into()).or_default();
        if *known < speaker {
            *known = speaker;
        }
    }

    /// Every controller, with its actor id.
    pub fn controllers(&self) -> impl Iterator<Item = (&str, &Controller)> {
        self.controllers.iter().map(|(actor, controller)| (&**actor, controller))
    }

    /// Every worker, with its actor id.
    pub fn workers(&self) -> impl Iterator<Item = (&str, &Speaker)> {
        self.workers.iter().map(|(actor, speaker)| (&**actor, speaker))
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        for (actor, controller) in other.controllers {
            self.add(&actor, controller);
        }
        for (actor, speaker) in other.workers {
            self.add_worker(&actor, speaker);
        }
    }

    /// Memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let said = |controller: &Controller| -> usize {
            controller.said.iter().map(|(_, message)| message.len() + 48).sum::<usize>() + 400
        };
        self.controllers.values().map(said).sum::<usize>() + 400 * self.workers.len()
    }
}

/// `Changing the working directory to: <session folder>/artifacts/<run name>`
fn session_dir(message: &str) -> &str {
    let path = message.strip_prefix("Changing the working directory to: ").unwrap_or_default();
    path.rsplit_once("/artifacts/").map_or("", |(dir, _)| dir)
}

fn cut(message: &str) -> &str {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => &message[..end],
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_keeps_what_it_said_about_its_run_once_and_a_worker_who_it_is() {
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
        let said: Vec<_> = logs.controllers().flat_map(|(_, c)| c.said.iter().map(|(ns, m)| (*ns, &**m))).collect();
        assert_eq!(said.iter().map(|(ns, _)| *ns).collect::<Vec<_>>(), [1_000_000, 2_000_000]);
        let workers: Vec<_> = logs.workers().map(|(actor, who)| (actor, who.pid, who.ranks)).collect();
        assert_eq!(workers, [("w1", 7, [1, 0, 0])]);
        assert_eq!(zone.utc_ms(3_600_000), Some(0));
        assert_eq!(damage.files().map(|(_, path, d)| (path, d.lines)).collect::<Vec<_>>(), [("app", 1)]);
    }

    #[test]
    fn controllers_are_read_whole_and_of_workers_the_system_log() {
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
