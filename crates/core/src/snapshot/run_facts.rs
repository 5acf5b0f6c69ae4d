//! Facts of a session that lists show: its jobs and their outcome, versions, times, failed attempts and nodes.
//!
//! They are computed from any snapshot, also from one that was made of a few small files (`FactSource::Files`) and has no
//! tables: facts that only events tell are absent then. Texts and lists are bounded, because they are kept for many
//! sessions, and come from files that are not trusted.

mod job;
mod last_words;
pub(super) mod nodes;
mod outcome;

pub use job::{JobFacts, LastWords};
pub use last_words::last_words;
pub use nodes::{NodeCounts, NodeHours};
pub use outcome::{JobCounts, Outcome};

use super::Snapshot;
use super::submission::{JobType, UnifiedJob};
use crate::base::name::SessionName;
use crate::base::stored_json::parts;
use crate::base::task::TaskState;
use crate::base::time::Nanos;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Jobs that are kept; all are counted.
pub const MAX_JOBS: usize = 10;
/// Error types that are kept.
const MAX_ERROR_TYPES: usize = 16;
/// Longest version that is kept, in characters.
const MAX_VERSION: usize = 40;

/// The files that facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactSource {
    /// All files of the session.
    Snapshot,
    /// A few small files: events of jobs, ends of drivers' logs, two stored answers.
    Files,
}

impl FactSource {
    /// Returns the machine-readable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Files => "files",
        }
    }
}

/// The facts of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// The files that the facts come from.
    pub source: FactSource,
    /// `true` if files are missing that may tell of other jobs or other ends.
    pub is_partial: bool,
    /// Jobs, those that failed first, then the newest; at most `MAX_JOBS`.
    pub jobs: Vec<JobFacts>,
    /// Numbers of all jobs.
    pub counts: JobCounts,
    /// Version of Ray, as Ray writes it.
    pub ray_version: Option<Box<str>>,
    /// Version of Python.
    pub python_version: Option<Box<str>>,
    /// Minutes by which the head's clock is ahead of UTC.
    pub zone_minutes: Option<i64>,
    /// Start of the head, if the zone is known.
    pub started: Option<Nanos>,
    /// End of the last submission if all have ended, else the time of the last event.
    pub ended: Option<Nanos>,
    /// Failed task attempts by error type, most first; `None` without tables.
    pub failed_attempts: Option<Vec<(Box<str>, u64)>>,
    /// Numbers of nodes; `None` without tables.
    pub nodes: Option<NodeCounts>,
    /// Resources of all nodes times their lifetimes; `None` unless all of them are known.
    pub node_hours: Option<NodeHours>,
}

impl RunFacts {
    /// Returns the facts of a snapshot; `is_partial` if files are missing that may tell of other jobs or other ends.
    pub fn of(snapshot: &Snapshot, source: FactSource, is_partial: bool) -> Self {
        let has_tables = source == FactSource::Snapshot;
        let counts = JobCounts::of(&snapshot.jobs);
        let mut jobs: Vec<&UnifiedJob> = snapshot.jobs.iter().collect();
        // Stable: submissions are newest first already, and drivers follow them.
        jobs.sort_by_key(|job| Reverse(outcome::has_failed(job)));
        let zone_minutes = snapshot.zone_minutes();
        let python = snapshot.endpoint("api/v0/cluster_metadata");
        let python = python.and_then(|stored| parts::at(stored, &["data", "pythonVersion"])).and_then(parts::string);
        Self {
            source,
            is_partial,
            jobs: jobs.into_iter().take(MAX_JOBS).map(|job| JobFacts::of(job, &snapshot.facts, source)).collect(),
            counts,
            ray_version: snapshot.ray_version().map(|version| bounded(&version, MAX_VERSION)),
            python_version: python.map(|version| bounded(&version, MAX_VERSION)).filter(|version| !version.is_empty()),
            zone_minutes,
            started: started(snapshot, zone_minutes),
            ended: ended(snapshot),
            failed_attempts: has_tables.then(|| failed_attempts(snapshot)),
            nodes: has_tables.then(|| NodeCounts::of(snapshot)).filter(|nodes| nodes.total > 0),
            node_hours: NodeHours::of(snapshot).filter(|_| has_tables),
        }
    }

    /// Returns the outcome; `None` while nothing tells that a job that has not ended never will: `is_over` if the session
    /// is.
    pub fn outcome(&self, is_over: bool) -> Option<Outcome> {
        let settled = self.counts.outcome(is_over)?;
        // A job that is not known may have failed.
        Some(if self.is_partial && settled != Outcome::Failed { Outcome::Unknown } else { settled })
    }

    /// Returns `true` if these facts are of a snapshot, and those of a few files tell no later end of a job.
    pub fn says_more_than(&self, files: &Self) -> bool {
        let ends = |facts: &Self| (facts.counts.submissions(), facts.outcome(true));
        self.source == FactSource::Snapshot && files.source == FactSource::Files && ends(self) == ends(files)
    }

    /// Returns the outcome in a sentence, or the jobs that have not ended; `None` if nothing is known. Words from logs are
    /// left out unless `shows_logs`.
    pub fn sentence(&self, is_over: bool, shows_logs: bool) -> Option<String> {
        outcome::sentence(self, is_over, shows_logs)
    }

    /// Returns `true` if the words of any job come from a log.
    pub fn has_words_of_logs(&self) -> bool {
        self.jobs.iter().filter_map(|job| job.last_words.as_ref()).any(|words| words.from_log)
    }

    /// Returns the time from the start to the end in nanoseconds, if both are known.
    pub fn duration(&self) -> Option<Nanos> {
        self.ended?.checked_sub(self.started?).filter(|long| *long >= 0)
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        let jobs: usize = self.jobs.iter().map(JobFacts::weight).sum();
        let errors = self.failed_attempts.iter().flatten().map(|(name, _)| name.len() + size_of::<(Box<str>, u64)>());
        let versions = [&self.ray_version, &self.python_version].into_iter().flatten().map(|version| version.len());
        size_of::<Self>() + jobs + errors.sum::<usize>() + versions.sum::<usize>()
    }
}

/// Returns a text of at most `most` characters without control characters; one that is longer ends in `…`.
pub(super) fn bounded(text: &str, most: usize) -> Box<str> {
    let mut clean = text.chars().filter(|c| !c.is_control());
    let mut short: String = clean.by_ref().take(most).collect();
    if clean.next().is_some() {
        short.push('…');
    }
    short.into()
}

fn started(snapshot: &Snapshot, zone_minutes: Option<i64>) -> Option<Nanos> {
    let local = SessionName::parse(&snapshot.session_name)?.local_micros()?;
    local.checked_sub(zone_minutes?.checked_mul(60_000_000)?)?.checked_mul(1_000)
}

fn ended(snapshot: &Snapshot) -> Option<Nanos> {
    let mut last = None;
    for job in snapshot.jobs.iter().filter(|job| job.job_type == JobType::Submission) {
        let end_ms = job.end_ms.filter(|_| job.status.is_terminal());
        // One that has not ended ends with the session.
        let Some(end_ms) = end_ms else { return as_of(snapshot) };
        last = last.max(Some(end_ms));
    }
    last.and_then(|end_ms| end_ms.checked_mul(1_000_000)).or_else(|| as_of(snapshot))
}

fn as_of(snapshot: &Snapshot) -> Option<Nanos> {
    Some(snapshot.as_of).filter(|as_of| *as_of > 0)
}

/// Counts the attempts that failed and that Ray would show, by error type.
fn failed_attempts(snapshot: &Snapshot) -> Vec<(Box<str>, u64)> {
    let failed = snapshot.tasks.iter().filter(|attempt| attempt.is_defined() && attempt.state() == TaskState::Failed);
    let mut counts: HashMap<_, u64> = HashMap::new();
    for attempt in failed {
        *counts.entry(attempt.error_type()).or_default() += 1;
    }
    let mut named: Vec<(Box<str>, u64)> =
        counts.into_iter().map(|(name, count)| (bounded(snapshot.str(name), 64), count)).collect();
    named.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    named.truncate(MAX_ERROR_TYPES);
    named
}

#[cfg(test)]
mod tests;
