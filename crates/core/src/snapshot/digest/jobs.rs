//! The jobs of a session, with what they were started with.

use super::environment;
use crate::snapshot::Snapshot;
use crate::snapshot::run_facts::{FactSource, JobFacts};
use crate::snapshot::submission::UnifiedJob;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Jobs that are kept.
const MAX_JOBS: usize = 1_000;
/// Keys of metadata by which people name what they submit.
const NAMES: [&str; 2] = ["name", "job_name"];

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDigest {
    /// Its facts.
    #[serde(flatten)]
    pub facts: JobFacts,
    /// Its runtime environment by key; values of variables are hidden.
    pub runtime_env: BTreeMap<Box<str>, Box<str>>,
}

impl JobDigest {
    /// Returns the name in its metadata.
    pub fn given_name(&self) -> Option<&str> {
        let of_key = |key: &&str| self.facts.metadata.iter().find(|(known, _)| **known == **key);
        NAMES.iter().find_map(of_key).map(|(_, name)| &**name).filter(|name| !name.is_empty())
    }

    /// Returns the time from its start to its end, in seconds.
    pub fn seconds(&self) -> Option<f64> {
        let long = self.facts.end_ms?.checked_sub(self.facts.start_ms?)?;
        (long >= 0).then_some(long as f64 / 1e3)
    }
}

/// Returns the jobs by their start, and the number of those that are left out.
pub(super) fn of(snapshot: &Snapshot) -> (Vec<JobDigest>, u64) {
    let mut jobs: Vec<&UnifiedJob> = snapshot.jobs.iter().collect();
    // Stable, so that jobs without a start stay in Ray's order.
    jobs.sort_by_key(|job| (job.start_ms.is_none(), job.start_ms));
    let kept = jobs.iter().take(MAX_JOBS).map(|job| JobDigest {
        facts: JobFacts::of(job, &snapshot.facts, FactSource::Snapshot),
        runtime_env: environment::by_key(&job.runtime_env),
    });
    (kept.collect(), jobs.len().saturating_sub(MAX_JOBS) as u64)
}
