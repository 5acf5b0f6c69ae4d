//! First causes: a pure function over the facts of Kubernetes, and over those of Ray where they are known.
//!
//! Each head pod that an object had is a [`Run`]. Candidates for its causes are gathered from pods, nodes, Events, the
//! `RayJob`'s own words and deletions (`pods`, `nodes`, `cluster`, `job`, `owner`); what another one explains is
//! dropped, and the others are ranked (`explain`). A cause that is wrong and certain is worse than none: whatever is
//! concluded from the absence of facts is likely at most.

mod candidate;
mod cluster;
mod code;
mod explain;
mod job;
mod message;
mod nodes;
mod outcome;
mod owner;
mod pods;
mod ray;
mod ray_told;
mod scope;
mod sentence;
mod waits;

pub use code::Code;
pub use ray::{DeadNode, JobEnd, JobState, RayFacts, TaskErrors, WorkerExit};
pub use ray_history_core::snapshot::run_facts::Outcome;

use crate::facts::{Facts, Kind};
use crate::time::Time;
use scope::Scope;
use sentence::fill;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The length of a sentence, in characters.
pub const SENTENCE: usize = 1_000;
/// Causes that are kept of one run.
const CAUSES: usize = 8;
/// Runs of which all is kept; of older ones the outcome and the first code.
const FULL_RUNS: usize = 20;
/// Runs that are kept at all.
const RUNS: usize = 200;

/// The certainty of a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The state of an object says it.
    Certain,
    /// By time and place, or because nothing else was seen; also a certainty that this version does not know.
    #[default]
    #[serde(other)]
    Likely,
}

/// A fact that speaks for a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The object.
    pub about: String,
    /// The words of the object.
    pub says: String,
}

/// A cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// The code.
    pub code: Code,
    /// The certainty.
    pub certainty: Certainty,
    /// The time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The object.
    pub subject: String,
    /// Values of the sentence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Facts that speak for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Cause {
    /// Returns the sentence, of at most [`SENTENCE`] characters. One that is only likely says so.
    pub fn sentence(&self) -> String {
        let sentence = fill(self.code.sentence(), &self.values);
        match self.certainty {
            Certainty::Certain => sentence,
            Certainty::Likely => format!("Probably: {sentence}"),
        }
    }
}

/// One life of an object with one head pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Run {
    /// The cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The uid of the head pod; empty if there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub head_pod: String,
    /// The start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// The end; a run without it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// The sessions, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// The outcome.
    pub outcome: Outcome,
    /// The causes, the first one first; a run that succeeded has none.
    pub causes: Vec<Cause>,
    /// Trouble that is no cause: it healed, or the run succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noticed: Vec<Cause>,
}

impl Run {
    /// Returns the first cause.
    pub fn first_cause(&self) -> Option<&Cause> {
        self.causes.first()
    }

    /// Returns the sentence of the run: of its first cause, or of what is not known.
    pub fn sentence(&self, facts: &Facts) -> String {
        if let Some(cause) = self.first_cause() {
            return cause.sentence();
        }
        match self.outcome {
            Outcome::Succeeded => "It succeeded.".to_owned(),
            _ if self.to.is_none() => "It has not ended.".to_owned(),
            _ => {
                let unseen: Vec<&str> = facts.unseen.iter().map(String::as_str).collect();
                let mut sentence = "Nothing that was seen tells why it ended".to_owned();
                if !unseen.is_empty() {
                    sentence += "; not seen: ";
                    sentence += &unseen.join(", ");
                }
                crate::text::cut(&(sentence + "."), SENTENCE)
            }
        }
    }
}

/// Returns the runs of an object in the order of time, each with its outcome and its causes.
pub fn runs(facts: &Facts, kind: Kind, uid: &str, ray: Option<&RayFacts>) -> Vec<Run> {
    let mut runs: Vec<Run> = scope::scopes(facts, kind, uid, ray).iter().map(run).collect();
    let excess = runs.len().saturating_sub(RUNS);
    runs.drain(..excess);
    let old = runs.len().saturating_sub(FULL_RUNS);
    for run in &mut runs[..old] {
        run.noticed.clear();
        run.causes.truncate(1);
        for cause in &mut run.causes {
            cause.evidence.clear();
        }
    }
    runs
}

/// Returns the run of a session of which no object was watched, by Ray's facts alone.
pub fn run_of_ray(facts: &Facts, ray: &RayFacts, cluster: &str, from: Option<Time>, to: Option<Time>) -> Run {
    run(&Scope::of_ray(facts, ray, cluster, from, to))
}

/// Returns one run.
fn run(scope: &Scope<'_>) -> Run {
    let mut candidates = Vec::new();
    candidates.extend(pods::candidates(scope));
    candidates.extend(waits::candidates(scope));
    candidates.extend(nodes::candidates(scope));
    candidates.extend(cluster::candidates(scope));
    candidates.extend(job::candidates(scope));
    candidates.extend(owner::candidates(scope));
    candidates.extend(ray_told::candidates(scope));
    let (mut causes, mut noticed) = explain::rank(scope, candidates);
    let outcome = outcome::outcome(scope, &causes);
    if outcome == Outcome::Succeeded {
        noticed = causes.drain(..).chain(noticed).collect();
    }
    causes.truncate(CAUSES);
    noticed.truncate(CAUSES);
    Run {
        cluster: scope.cluster_name.to_owned(),
        head_pod: scope.head.map(|pod| pod.uid.clone()).unwrap_or_default(),
        from: scope.from,
        to: scope.to,
        sessions: scope.sessions(),
        outcome,
        causes,
        noticed,
    }
}
