//! Rows while their attempts are counted.
//!
//! Attempts with one shape share function, type and resources, so a shape is looked at once, and an attempt costs no more
//! than finding the row of its job and shape.

use super::spread::{Run, Wait};
use super::{FunctionRow, FunctionStats, Functions, Histogram, OtherFunctions, micros, names};
use crate::base::id::{JobId, TaskId};
use crate::base::task::{TaskState, TaskType};
use crate::base::time::Nanos;
use crate::snapshot::Snapshot;
use crate::snapshot::asked::Asked;
use crate::snapshot::failures::bounded_name;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::task::{Attempt, Shape};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;

/// All that the attempts of a row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    job: JobId,
    function: Str,
    task_type: TaskType,
}

/// A row while it is counted.
#[derive(Debug, Default)]
struct Draft<'a> {
    tasks: u64,
    attempts: u64,
    retried: u64,
    states: [u64; 16],
    run: Vec<u64>,
    wait: Vec<u64>,
    cpu_seconds: f64,
    gpu_seconds: f64,
    first_at: Option<Nanos>,
    last_at: Option<Nanos>,
    nodes: HashSet<Id, RandomState>,
    last_node: Id,
    last_task: Option<&'a TaskId>,
}

/// The rows of a session while they are counted.
#[derive(Debug)]
pub(super) struct Drafts<'a> {
    snapshot: &'a Snapshot,
    /// The resources of each shape that was met.
    asked: Vec<Option<Asked>>,
    /// Places of rows by shape and job: more of them than rows.
    places: HashMap<(u32, JobId), usize, RandomState>,
    index: HashMap<Key, usize, RandomState>,
    rows: Vec<(Key, Draft<'a>)>,
    last: Option<((u32, JobId), usize)>,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let (places, index) = (HashMap::default(), HashMap::default());
        Self { snapshot, asked: Vec::new(), places, index, rows: Vec::new(), last: None }
    }

    /// Counts an attempt. Attempts of one task follow each other.
    pub(super) fn add(&mut self, attempt: Attempt<'a>) {
        let asked = self.asked(attempt.shape_index(), attempt.shape());
        let place = self.place(&attempt);
        let Some((_, draft)) = self.rows.get_mut(place) else { return };
        draft.add(&attempt, asked);
    }

    fn asked(&mut self, at: u32, shape: &Shape) -> Asked {
        let at = at as usize;
        if self.asked.len() <= at {
            self.asked.resize(at + 1, None);
        }
        *self.asked[at].get_or_insert_with(|| Asked::of(self.snapshot.str(shape.resources)))
    }

    fn place(&mut self, attempt: &Attempt<'a>) -> usize {
        let at = (attempt.shape_index(), attempt.job_id());
        if let Some((last, place)) = self.last
            && last == at
        {
            return place;
        }
        let place = *self.places.entry(at).or_insert_with(|| {
            let &Shape { task_type, func_or_class_name: function, .. } = attempt.shape();
            let key = Key { job: at.1, function, task_type };
            *self.index.entry(key).or_insert_with(|| {
                self.rows.push((key, Draft::default()));
                self.rows.len() - 1
            })
        });
        self.last = Some((at, place));
        place
    }

    /// Returns the rows, of which at most this many are told apart.
    pub(super) fn finish(mut self, most: usize) -> Functions {
        let snapshot = self.snapshot;
        let mut order: Vec<_> = (0..self.rows.len()).collect();
        let sum = |draft: &Draft<'_>| draft.run.iter().fold(0u64, |sum, time| sum.saturating_add(*time));
        order.sort_by_cached_key(|at| {
            let (Key { job, function, task_type }, draft) = &self.rows[*at];
            let cost = (Reverse(sum(draft)), Reverse(draft.attempts));
            (cost, snapshot.str(*function), *job, *task_type)
        });
        let mut rest: Option<(u64, Draft<'a>)> = None;
        for at in order.iter().skip(most) {
            let (functions, all) = rest.get_or_insert_default();
            *functions += 1;
            all.join(&self.rows[*at].1);
        }
        let rows = order.into_iter().take(most).map(|at| {
            let (key, draft) = &mut self.rows[at];
            FunctionRow {
                job_id: key.job.hex().into(),
                func_or_class_name: bounded_name(snapshot.str(key.function)),
                task_type: key.task_type,
                stats: draft.finish(),
            }
        });
        let rows = rows.collect();
        let others = rest.map(|(functions, mut draft)| OtherFunctions { functions, stats: draft.finish() });
        Functions { rows, others }
    }
}

impl<'a> Draft<'a> {
    fn add(&mut self, attempt: &Attempt<'a>, asked: Asked) {
        self.attempts += 1;
        self.retried += u64::from(attempt.attempt_number() > 0);
        if self.last_task != Some(attempt.task_id()) {
            self.last_task = Some(attempt.task_id());
            self.tasks += 1;
        }
        let node = attempt.node_id();
        if !node.is_none() && node != self.last_node {
            self.last_node = node;
            self.nodes.insert(node);
        }
        self.states[attempt.state() as usize] += 1;
        let (mut first, mut running, mut end) = (None, None, None);
        for (state, at) in attempt.states().filter(|(_, at)| *at > 0) {
            first.get_or_insert((state, at));
            self.first_at = Some(self.first_at.map_or(at, |known| known.min(at)));
            self.last_at = self.last_at.max(Some(at));
            match state {
                TaskState::Running => running = Some(at),
                TaskState::Finished | TaskState::Failed => end = Some(at),
                _ => {}
            }
        }
        let Some(running) = running else { return };
        if let Some((_, first)) = first.filter(|(state, _)| *state < TaskState::Running) {
            self.wait.extend(micros(first, running));
        }
        if let Some(micros) = end.and_then(|end| micros(running, end)) {
            self.run.push(micros);
            let seconds = micros as f64 / 1e6;
            self.cpu_seconds += seconds * asked.cpu;
            self.gpu_seconds += seconds * asked.gpu;
        }
    }

    fn join(&mut self, other: &Self) {
        self.tasks += other.tasks;
        self.attempts += other.attempts;
        self.retried += other.retried;
        self.states.iter_mut().zip(other.states).for_each(|(ours, other)| *ours += other);
        self.run.extend(&other.run);
        self.wait.extend(&other.wait);
        self.cpu_seconds += other.cpu_seconds;
        self.gpu_seconds += other.gpu_seconds;
        self.first_at = self.first_at.into_iter().chain(other.first_at).min();
        self.last_at = self.last_at.max(other.last_at);
        self.nodes.extend(&other.nodes);
    }

    fn finish(&mut self) -> FunctionStats {
        let (mut run, mut wait) = (std::mem::take(&mut self.run), std::mem::take(&mut self.wait));
        let [finished, failed] = [TaskState::Finished, TaskState::Failed].map(|state| self.states[state as usize]);
        FunctionStats {
            tasks: self.tasks,
            attempts: self.attempts,
            finished,
            failed,
            unfinished: self.attempts - finished - failed,
            retried: self.retried,
            histogram: Histogram::of(&run),
            run: Run::of(&mut run),
            wait: Wait::of(&mut wait),
            cpu_seconds: self.cpu_seconds,
            gpu_seconds: self.gpu_seconds,
            first_at: self.first_at,
            last_at: self.last_at,
            nodes: self.nodes.len() as u64,
            states: names(self.states),
        }
    }
}
