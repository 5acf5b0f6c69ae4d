//! The digest of a session's functions: how often each ran in a job, how long, and for how long it waited.
//!
//! A row has one job, function and type of task. The function and not the name tells rows apart, because each task may
//! have a name of its own. Rows can be stored as they are: nothing in them refers to the snapshot, they are bounded, and
//! equal snapshots give equal rows. As in Ray's own lists, attempts without a definition and drivers do
//! not count.

mod draft;
mod histogram;
mod spread;

pub use histogram::Histogram;
pub use spread::{Run, Wait};

use super::Snapshot;
use super::task::Attempt;
use crate::base::task::{TaskState, TaskType};
use crate::base::time::Nanos;
use draft::Drafts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Functions that are told apart; all others are one row.
pub const MAX_FUNCTIONS: usize = 20_000;

/// Attempts, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionStats {
    /// Tasks; in the row of others, one for each function and job that it counts in.
    pub tasks: u64,
    /// Attempts.
    pub attempts: u64,
    /// Those in the state `FINISHED`.
    pub finished: u64,
    /// Those in the state `FAILED`.
    pub failed: u64,
    /// Those in any other state.
    pub unfinished: u64,
    /// Those that are not the first of their task.
    pub retried: u64,
    /// The times from running to the end, of attempts that have both; `None` if none has.
    pub run: Option<Run>,
    /// The times from the first state to running, of attempts that have both; `None` if none has.
    pub wait: Option<Wait>,
    /// CPUs asked for times run time, in seconds. Calls of actors ask for nothing: their actor holds what it asked for.
    pub cpu_seconds: f64,
    /// GPUs asked for times run time, in seconds.
    pub gpu_seconds: f64,
    /// The earliest time of a state.
    pub first_at: Option<Nanos>,
    /// The latest time of a state.
    pub last_at: Option<Nanos>,
    /// Nodes on which they were; in the row of others, all nodes.
    pub nodes: u64,
    /// Run times by powers of two.
    pub histogram: Histogram,
    /// Attempts by state, in Ray's words.
    pub states: BTreeMap<Box<str>, u64>,
}

/// The attempts of one function in one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionRow {
    /// The job, hex.
    pub job_id: Box<str>,
    /// `Class.func` or `func`, as the state API prints it.
    pub func_or_class_name: Box<str>,
    /// The type of the tasks.
    #[serde(rename = "type")]
    pub task_type: TaskType,
    /// Its numbers.
    #[serde(flatten)]
    pub stats: FunctionStats,
}

/// Functions that are not told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherFunctions {
    /// The number of rows that they would be.
    pub functions: u64,
    /// Their numbers.
    #[serde(flatten)]
    pub stats: FunctionStats,
}

/// The functions of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Functions {
    /// Those that ran longest in total, the longest first.
    pub rows: Vec<FunctionRow>,
    /// All others.
    pub others: Option<OtherFunctions>,
}

impl Functions {
    /// Returns the functions of a snapshot. This reads every attempt, and holds 16 bytes for each while it does.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self::limited(snapshot, MAX_FUNCTIONS)
    }

    fn limited(snapshot: &Snapshot, most: usize) -> Self {
        let mut drafts = Drafts::new(snapshot);
        let listed = |attempt: &Attempt<'_>| attempt.is_defined() && attempt.shape().task_type != TaskType::DriverTask;
        for attempt in snapshot.tasks.iter().filter(listed) {
            drafts.add(attempt);
        }
        drafts.finish(most)
    }

    /// Returns the numbers of all rows and of the others.
    pub fn all(&self) -> impl Iterator<Item = &FunctionStats> {
        self.rows.iter().map(|row| &row.stats).chain(self.others.as_ref().map(|others| &others.stats))
    }
}

/// Returns the length of a time in microseconds, as the tables of a session have it; `None` if a clock went backwards.
fn micros(from: Nanos, to: Nanos) -> Option<u64> {
    u64::try_from(to.checked_sub(from)?).ok().map(|nanos| nanos / 1_000)
}

/// The states by number, as counters have them.
fn names(counts: [u64; 16]) -> BTreeMap<Box<str>, u64> {
    let named = counts.into_iter().zip(0u8..).filter(|(count, _)| *count > 0);
    named.filter_map(|(count, number)| Some((TaskState::from_number(number)?.name().into(), count))).collect()
}

#[cfg(test)]
mod tests;
