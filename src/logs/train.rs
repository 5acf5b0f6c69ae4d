//! `logs/train/ray-train-sys-controller-<worker id>.log`: what the controller of a Train run did.
//!
//! JSON lines of Ray Train v2, each with `run_name`, `job_id`, `actor_id`, `node_id` and `timestamp_ns`. Used where
//! neither an export file nor a stored answer tells of the run. Messages read (`ray/train/v2/_internal/execution`):
//! `PlacementGroupCleaner launched for run_id=R`, `[State Transition] A -> B.`, `Attempting to start training worker
//! group of size N with the following resources: [{…}] * N`, and `Started training worker group of size N:` with one
//! line a worker.

use super::damage::{Damage, LineCheck};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A worker of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrainWorker {
    /// World, local and node rank.
    pub ranks: [i64; 3],
    /// Its node's address.
    pub ip: String,
    /// Its process.
    pub pid: i64,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainRun {
    /// The run's id, if it was said.
    pub id: String,
    /// The run's name.
    pub name: String,
    /// Its job, hex.
    pub job: String,
    /// The controller's actor, hex.
    pub actor: String,
    /// The controller's node, hex.
    pub node: String,
    /// Controller states and when they were entered, in Unix nanoseconds.
    pub states: BTreeSet<(i64, String)>,
    /// Starts of worker groups: when, how many workers, what each asks for (Python's dict as it was printed).
    pub groups: BTreeSet<(i64, i64, String)>,
    /// Workers of groups that came up: when, and who.
    pub workers: BTreeSet<(i64, Vec<TrainWorker>)>,
    /// The first line's time.
    pub first_ns: i64,
}

/// The runs, by their controller's worker id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainRuns {
    runs: BTreeMap<String, TrainRun>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    run_name: Cow<'a, str>,
    #[serde(borrow, default)]
    job_id: Cow<'a, str>,
    #[serde(borrow, default)]
    actor_id: Cow<'a, str>,
    #[serde(borrow, default)]
    node_id: Cow<'a, str>,
    #[serde(default)]
    timestamp_ns: i64,
}

/// The controller's worker id in a path below `logs/`; none for any other file.
pub(super) fn controller(path: &str) -> Option<&str> {
    let worker = path.strip_prefix("train/ray-train-sys-controller-")?.strip_suffix(".log")?;
    (!worker.is_empty() && !worker.contains('/')).then_some(worker)
}

impl TrainRuns {
    /// Reads one file.
    pub(super) fn read(&mut self, node: &str, path: &str, controller: &str, bytes: &[u8], damage: &mut Damage) {
        let mut check = LineCheck::default();
        let mut run = TrainRun::default();
        for (at, line) in LineCheck::lines(bytes) {
            match serde_json::from_str::<Line>(&line) {
                Ok(line) => run.take(&line),
                Err(_) => check.bad(at),
            }
        }
        damage.add(node, path, check.damaged());
        self.add(controller.to_owned(), run);
    }

    fn add(&mut self, controller: String, other: TrainRun) {
        let run = self.runs.entry(controller).or_default();
        let texts = [
            (&mut run.id, other.id),
            (&mut run.name, other.name),
            (&mut run.job, other.job),
            (&mut run.actor, other.actor),
            (&mut run.node, other.node),
        ];
        for (ours, theirs) in texts {
            if *ours < theirs {
                *ours = theirs;
            }
        }
        if run.first_ns == 0 || (other.first_ns > 0 && other.first_ns < run.first_ns) {
            run.first_ns = other.first_ns;
        }
        run.states.extend(other.states);
        run.groups.extend(other.groups);
        run.workers.extend(other.workers);
    }

    /// Every run with its controller's worker id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TrainRun)> {
        self.runs.iter().map(|(controller, run)| (controller.as_str(), run))
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        for (controller, run) in other.runs {
            self.add(controller, run);
        }
    }

    /// Memory held, in bytes, roughly.
    pub(super) fn weight(&self) -> usize {
        self.runs.values().map(|run| 512 + 64 * run.states.len() + 128 * (run.groups.len() + run.workers.len())).sum()
    }
}

impl TrainRun {
    fn take(&mut self, line: &Line<'_>) {
        let at = line.timestamp_ns;
        if self.first_ns == 0 {
            self.first_ns = at;
        }
        let texts = [
            (&mut self.name, &line.run_name),
            (&mut self.job, &line.job_id),
            (&mut self.actor, &line.actor_id),
            (&mut self.node, &line.node_id),
        ];
        for (ours, said) in texts {
            if ours.is_empty() {
                *ours = said.to_string();
            }
        }
        let message = &*line.message;
        if let Some(id) = message.strip_prefix("PlacementGroupCleaner launched for run_id=") {
            self.id = id.trim().to_owned();
        } else if let Some((_, to)) =
            message.strip_prefix("[State Transition] ").and_then(|rest| rest.split_once(" -> "))
        {
            self.states.insert((at, to.trim_end_matches('.').to_owned()));
        } else if let Some(rest) = message.strip_prefix("Attempting to start training worker group of size ") {
            let (size, resources) = rest.split_once(" with the following resources: ").unwrap_or((rest, ""));
            let each = resources.split_once(']').map_or("", |(each, _)| each.trim_start_matches('['));
            self.groups.insert((at, size.trim().parse().unwrap_or(0), each.to_owned()));
        } else if message.starts_with("Started training worker group of size ") {
            self.workers.insert((at, message.lines().filter_map(worker).collect()));
        }
    }
}

/// `- (ip=I, pid=P) world_rank=W, local_rank=L, node_rank=N`
fn worker(line: &str) -> Option<TrainWorker> {
    let after =
        |key: &str| line.split_once(key).map(|(_, rest)| rest.split([',', ')', ' ']).next().unwrap_or_default());
    let number = |key: &str| after(key)?.parse().ok();
    let ranks = [number(" world_rank=")?, number(" local_rank=")?, number(" node_rank=")?];
    Some(TrainWorker { ranks, ip: after("(ip=")?.to_owned(), pid: number(" pid=")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_from_its_controller_s_messages() {
        let line = |at: i64, message: &str| {
            format!(
                r#"{{"message": {}, "run_name": "exp1", "job_id": "05000000", "actor_id": "ab", "timestamp_ns": {at}}}"#,
                serde_json::json!(message)
            )
        };
        let text = [
            line(5, "PlacementGroupCleaner launched for run_id=77"),
            line(6, "[State Transition] INITIALIZING -> SCHEDULING."),
            line(7, "Attempting to start training worker group of size 2 with the following resources: [{'CPU': 0.5}] * 2"),
            line(8, "Started training worker group of size 2: \n- (ip=127.0.0.2, pid=9168) world_rank=0, local_rank=0, node_rank=0\n- (ip=127.0.0.2, pid=9166) world_rank=1, local_rank=1, node_rank=0"),
            "{half".to_owned(),
        ]
        .join("\n");
        let (mut runs, mut damage) = (TrainRuns::default(), Damage::default());
        for _ in 0..2 {
            runs.read("n", "p", "w", text.as_bytes(), &mut damage);
        }
        let (controller, run) = runs.iter().next().unwrap();
        assert_eq!((controller, run.id.as_str(), run.name.as_str(), run.first_ns), ("w", "77", "exp1", 5));
        assert_eq!(run.states.iter().next(), Some(&(6, "SCHEDULING".to_owned())));
        assert_eq!(run.groups.iter().next(), Some(&(7, 2, "{'CPU': 0.5}".to_owned())));
        let (_, workers) = run.workers.iter().next().unwrap();
        assert_eq!(workers[1], TrainWorker { ranks: [1, 1, 0], ip: "127.0.0.2".into(), pid: 9166 });
        assert_eq!(damage.files().map(|(_, _, d)| d.lines).sum::<u64>(), 1);
    }
}
