//! The digest of a session: all that a comparison with another session needs, in a few kilobytes.
//!
//! It is made of a snapshot, can be stored, and does not refer to what it was made of. Everything in it is bounded, and
//! it has no value of an environment variable.

mod environment;
mod held;
mod jobs;
mod nodes;

pub use held::Held;
pub use jobs::JobDigest;
pub use nodes::NodeGroup;

use super::Snapshot;
use super::failures::Failures;
use super::functions::Functions;
use super::gap::{Gap, Weight};
use super::run_facts::{FactSource, RunFacts};
use crate::base::time::Nanos;
use serde::{Deserialize, Serialize};

/// One gap, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GapLine {
    /// Weight.
    pub weight: Weight,
    /// Sentence that describes it and its effect.
    pub message: Box<str>,
}

/// The digest of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// `true` if the session is over: nothing in it will change.
    pub is_over: bool,
    /// Known gaps, the heaviest first.
    pub gaps: Vec<GapLine>,
    /// Version of Ray, as Ray writes it.
    pub ray_version: Option<Box<str>>,
    /// Version of Python.
    pub python_version: Option<Box<str>>,
    /// Start of the head, if the zone of its clock is known.
    pub started_at: Option<Nanos>,
    /// End of the last submission if all have ended, else the time of the last event.
    pub ended_at: Option<Nanos>,
    /// Functions.
    pub functions: Functions,
    /// Failures by fingerprint.
    pub failures: Failures,
    /// Resources that actors held.
    pub held: Held,
    /// Jobs, the first one first.
    pub jobs: Vec<JobDigest>,
    /// Jobs that are left out.
    pub other_jobs: u64,
    /// Nodes that are alike, the most first.
    pub nodes: Vec<NodeGroup>,
    /// Nodes that are left out.
    pub other_nodes: u64,
}

impl Digest {
    /// Returns the digest of a snapshot. This reads every attempt twice, and the messages of those that failed.
    pub fn of(snapshot: &Snapshot, gaps: &[Gap], is_over: bool) -> Self {
        let facts = RunFacts::of(snapshot, FactSource::Snapshot, false);
        let (jobs, other_jobs) = jobs::of(snapshot);
        let (nodes, other_nodes) = nodes::of(snapshot);
        let gaps = gaps.iter().map(|gap| GapLine { weight: gap.weight, message: gap.message.as_str().into() });
        Self {
            is_over,
            gaps: gaps.collect(),
            ray_version: facts.ray_version,
            python_version: facts.python_version,
            started_at: facts.started,
            ended_at: facts.ended,
            functions: Functions::of(snapshot),
            failures: Failures::of(snapshot),
            held: Held::of(snapshot),
            jobs,
            other_jobs,
            nodes,
            other_nodes,
        }
    }
}

#[cfg(test)]
mod tests;
