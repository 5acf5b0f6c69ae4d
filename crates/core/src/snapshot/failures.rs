//! The digest of a session's failures: failed task attempts, actors, workers, nodes and jobs in groups.
//!
//! A group has one kind, job and `fingerprint`, so ten thousand attempts that failed alike are one row with
//! an example. Groups can be stored as they are: nothing in them refers to the snapshot, they are bounded, and equal
//! snapshots give equal groups. Ordinary ends are no failures: actors that were killed on purpose, workers that were told
//! to exit, nodes that were idle.

mod actors;
mod deaths;
mod draft;
mod fingerprint;
mod jobs;
mod tasks;

pub use deaths::{is_expected_of_node, is_expected_of_worker};
pub(super) use draft::bounded_name;
pub use fingerprint::Fingerprint;

use super::Snapshot;
use crate::base::time::Nanos;
use draft::Drafts;
use serde::{Deserialize, Serialize};

/// Groups that are told apart; all others are counted.
pub const MAX_GROUPS: usize = 1_000;

/// The kind of what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// Attempts of tasks.
    Task,
    /// Actors.
    Actor,
    /// Worker processes and drivers.
    Worker,
    /// Nodes.
    Node,
    /// Jobs without a submission.
    Job,
    /// Submissions.
    Submission,
}

impl FailureKind {
    /// Returns the machine-readable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Actor => "actor",
            Self::Worker => "worker",
            Self::Node => "node",
            Self::Job => "job",
            Self::Submission => "submission",
        }
    }

    /// Returns the kind with a name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Task, Self::Actor, Self::Worker, Self::Node, Self::Job, Self::Submission];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Failures of one kind and job with one fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureGroup {
    /// The kind.
    pub kind: FailureKind,
    /// The job, hex; empty if there is none.
    pub job_id: Box<str>,
    /// The function of tasks, or the class of actors; else empty.
    pub func_or_class_name: Box<str>,
    /// Ray's type of the error, or of the end.
    pub error_type: Box<str>,
    /// The part of the message that they have in common, if it is a part of the fingerprint: the program's last line, or
    /// the type of exit.
    pub detail: Box<str>,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The number of failures: of attempts, actors, workers, nodes or jobs.
    pub attempts: u64,
    /// The number of tasks with such attempts.
    pub tasks: u64,
    /// Those of them that a later attempt finished.
    pub recovered: u64,
    /// The time of the first one.
    pub first_at: Option<Nanos>,
    /// The time of the last one.
    pub last_at: Option<Nanos>,
    /// The number of nodes on which they were.
    pub nodes: u64,
    /// The number of workers in which they were.
    pub workers: u64,
    /// The first one that has a message, else the first one.
    pub sample: Sample,
    /// The group of a node's or a worker's death that explains more than half of them, by its index.
    pub caused_by: Option<usize>,
}

/// One of the failures of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The id of the task, actor, worker or node in hex; of a job, the submission's id, else the job's.
    pub id: Box<str>,
    /// The number of the attempt, of tasks.
    pub attempt: Option<u32>,
    /// The node, hex; empty if unknown.
    pub node_id: Box<str>,
    /// The worker, hex; empty if unknown.
    pub worker_id: Box<str>,
    /// The time.
    pub at: Option<Nanos>,
    /// The end of its message, without escape sequences of terminals.
    pub message: Box<str>,
}

/// Failures that are only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Others {
    /// Groups.
    pub groups: u64,
    /// Failures in them.
    pub attempts: u64,
    /// Tasks in them; one that is in several groups counts in each.
    pub tasks: u64,
    /// Those of the tasks that a later attempt finished.
    pub recovered: u64,
    /// The time of the first failure.
    pub first_at: Option<Nanos>,
    /// The time of the last failure.
    pub last_at: Option<Nanos>,
}

/// The failures of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// The groups with most failures, the largest first.
    pub groups: Vec<FailureGroup>,
    /// All others.
    pub others: Others,
}

impl Failures {
    /// Returns the failures of a snapshot. This reads every attempt, and the messages of those that failed.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut drafts = Drafts::new(snapshot);
        // Deaths come first, because they explain the others.
        let deaths = deaths::add(&mut drafts);
        tasks::add(&mut drafts, &deaths);
        actors::add(&mut drafts, &deaths);
        jobs::add(&mut drafts, &deaths);
        drafts.finish()
    }
}

#[cfg(test)]
mod tests;
