//! `totals.json` of a head: the session as a whole, in numbers, so that questions about many sessions need no tables.

use crate::error::Error;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::digest::Digest;
use ray_history_core::snapshot::functions::FunctionStats;
use ray_history_core::snapshot::run_facts::{FactSource, Outcome, RunFacts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;
/// Seconds of an hour.
const HOUR: f64 = 3_600.0;

/// The numbers of one session, as of its build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// Version of Ray.
    pub ray_version: Option<Box<str>>,
    /// Start of the head, in milliseconds since 1970, if the zone of its clock is known.
    pub started_ms: Option<i64>,
    /// End of the last submission if all have ended, else the time of the last event, in milliseconds since 1970.
    pub ended_ms: Option<i64>,
    /// The outcome, by its jobs.
    pub outcome: Outcome,
    /// Jobs by status, in Ray's words.
    pub jobs: BTreeMap<Box<str>, u64>,
    /// Tasks; of functions beyond the digest's limit, one for each job.
    pub tasks: u64,
    /// Attempts that Ray would list.
    pub attempts: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that neither finished nor failed.
    pub unfinished: u64,
    /// The most frequent types of error, with the number of attempts that failed with them.
    pub error_types: BTreeMap<Box<str>, u64>,
    /// Nodes.
    pub nodes: u64,
    /// Lives of all nodes in hours; `None` if the start of one is not known.
    pub node_hours: Option<f64>,
    /// CPUs that tasks and actors asked for, times hours.
    pub cpu_hours: f64,
    /// GPUs that tasks and actors asked for, times hours.
    pub gpu_hours: f64,
    /// The known gaps, in words.
    pub gaps: Vec<Box<str>>,
}

impl Totals {
    /// Returns the numbers of a snapshot with its digest.
    pub(super) fn of(snapshot: &Snapshot, digest: &Digest) -> Self {
        let facts = RunFacts::of(snapshot, FactSource::Snapshot, false);
        let mut jobs = BTreeMap::new();
        for job in &snapshot.jobs {
            *jobs.entry(job.status.name().into()).or_default() += 1;
        }
        let sum = |of: fn(&FunctionStats) -> u64| digest.functions.all().map(of).fold(0, u64::saturating_add);
        let sum_f64 = |of: fn(&FunctionStats) -> f64| digest.functions.all().map(of).sum::<f64>();
        let hours = |tasks: f64, actors: f64| finite((tasks + actors) / HOUR).unwrap_or_default();
        let errors = facts.failed_attempts.iter().flatten().filter(|(name, _)| !name.is_empty());
        let node_hours = digest.nodes.iter().map(|group| group.hours).sum::<Option<f64>>();
        Self {
            ray_version: facts.ray_version.clone(),
            started_ms: facts.started.map(|at| at / MILLI),
            ended_ms: facts.ended.map(|at| at / MILLI),
            outcome: facts.outcome(true).unwrap_or_default(),
            jobs,
            tasks: sum(|stats| stats.tasks),
            attempts: sum(|stats| stats.attempts),
            failed: sum(|stats| stats.failed),
            unfinished: sum(|stats| stats.unfinished),
            error_types: errors.cloned().collect(),
            nodes: facts.nodes.map_or(0, |nodes| nodes.total),
            node_hours: node_hours.and_then(finite).filter(|_| digest.other_nodes == 0),
            cpu_hours: hours(sum_f64(|stats| stats.cpu_seconds), digest.held.cpu_seconds),
            gpu_hours: hours(sum_f64(|stats| stats.gpu_seconds), digest.held.gpu_seconds),
            gaps: snapshot.gaps.iter().map(|gap| gap.message.as_str().into()).collect(),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| Error::malformed("totals.json", error))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| Error::malformed("totals.json", error))
    }
}

/// Returns a number that JSON can hold.
fn finite(number: f64) -> Option<f64> {
    Some(number).filter(|number| number.is_finite())
}
