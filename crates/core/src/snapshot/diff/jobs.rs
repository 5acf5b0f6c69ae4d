//! Jobs in pairs: by the name in their metadata, else by their command, else by their order.

use super::Changed;
use super::cost::{Ranked, is_noticed, rounded};
use crate::snapshot::digest::{Digest, JobDigest};
use crate::snapshot::submission::{JobStatus, JobType};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// A job of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobSide {
    /// The name in its metadata, else the submission's id, else the job's.
    pub name: Box<str>,
    /// Its submission id; `None` for a driver without a submission.
    pub submission_id: Option<Box<str>>,
    /// The id of its last driver, hex.
    pub job_id: Option<Box<str>>,
    /// Its last known status, in Ray's words.
    pub status: Box<str>,
    /// The time from its start to its end.
    pub seconds: Option<f64>,
    /// Its driver's exit code.
    pub exit_code: Option<i32>,
    /// The line that tells most about its failure.
    pub last_words: Option<Box<str>>,
}

/// A job of one session or of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobChange {
    /// The job of A, if there is one.
    pub a: Option<JobSide>,
    /// The job of B, if there is one.
    pub b: Option<JobSide>,
    /// The thing that the two have in common: `name`, `entrypoint` or `order`; empty for a job without another.
    pub aligned_by: Box<str>,
    /// Command, metadata and runtime environment, where they differ.
    pub changed: Vec<Changed>,
    /// The seconds that B's takes longer.
    pub cost_seconds: f64,
}

/// Jobs of both sessions, and what they have in common.
type Aligned<'a> = (Option<&'a JobDigest>, Option<&'a JobDigest>, &'static str);

/// Returns the jobs that differ.
pub(super) fn of(a: &Digest, b: &Digest) -> Ranked<JobChange> {
    let rows = aligned(&a.jobs, &b.jobs).into_iter().filter_map(change);
    Ranked::by(rows, |row| row.cost_seconds)
}

fn aligned<'a>(a: &'a [JobDigest], b: &'a [JobDigest]) -> Vec<Aligned<'a>> {
    type KeyOf = fn(&JobDigest) -> Option<(JobType, &str)>;
    let steps: [(&'static str, KeyOf); 3] = [
        ("name", |job| Some((job.facts.job_type, job.given_name()?))),
        ("entrypoint", |job| Some((job.facts.job_type, &*job.facts.entrypoint)).filter(|(_, text)| !text.is_empty())),
        ("order", |job| Some((job.facts.job_type, ""))),
    ];
    let (mut left, mut right): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    let mut pairs: Vec<Aligned<'a>> = Vec::new();
    for (word, key) in steps {
        let mut places: HashMap<_, VecDeque<usize>> = HashMap::new();
        for (at, job) in right.iter().enumerate() {
            if let Some(key) = key(job) {
                places.entry(key).or_default().push_back(at);
            }
        }
        let mut taken = BTreeSet::new();
        left.retain(|job| {
            let Some(at) = key(job).and_then(|key| places.get_mut(&key)?.pop_front()) else { return true };
            taken.insert(at);
            pairs.push((Some(*job), right.get(at).copied(), word));
            false
        });
        let mut at = 0..;
        right.retain(|_| at.next().is_none_or(|at| !taken.contains(&at)));
    }
    pairs.extend(left.into_iter().map(|job| (Some(job), None, "")));
    pairs.extend(right.into_iter().map(|job| (None, Some(job), "")));
    pairs
}

fn change((a, b, aligned_by): Aligned<'_>) -> Option<JobChange> {
    let [long_a, long_b] = [a, b].map(|job| job.and_then(JobDigest::seconds).unwrap_or_default());
    let changed = match (a, b) {
        (Some(a), Some(b)) => {
            let changed = changed(a, b);
            let end = |job: &JobDigest| (job.facts.status, job.facts.exit_code);
            let are_both_known = a.seconds().is_some() && b.seconds().is_some();
            let is_longer = are_both_known && is_noticed(long_a, long_b, f64::INFINITY);
            if changed.is_empty() && end(a) == end(b) && !is_longer {
                return None;
            }
            changed
        }
        _ => Vec::new(),
    };
    let [a, b] = [a, b].map(|job| job.map(side));
    Some(JobChange { a, b, aligned_by: aligned_by.into(), changed, cost_seconds: rounded(long_b - long_a) })
}

fn side(job: &JobDigest) -> JobSide {
    let facts = &job.facts;
    JobSide {
        name: job.given_name().unwrap_or_else(|| facts.name()).into(),
        submission_id: facts.submission_id.clone(),
        job_id: facts.job_id.clone(),
        status: facts.status.name().into(),
        seconds: job.seconds(),
        exit_code: facts.exit_code,
        // Only a failure has a reason; words of logs are for those who may read them.
        last_words: facts
            .last_words
            .as_ref()
            .filter(|words| facts.status == JobStatus::Failed && !words.from_log)
            .map(|words| words.text.clone()),
    }
}

/// Returns what two jobs were started with, where it differs.
fn changed(a: &JobDigest, b: &JobDigest) -> Vec<Changed> {
    let commands = [a, b].map(|job| Some(&*job.facts.entrypoint));
    let mut all: Vec<Changed> = Changed::between("entrypoint", commands[0], commands[1]).into_iter().collect();
    let metadata = |job: &JobDigest| -> BTreeMap<Box<str>, Box<str>> { job.facts.metadata.iter().cloned().collect() };
    for (prefix, a, b) in
        [("metadata", metadata(a), metadata(b)), ("runtimeEnv", a.runtime_env.clone(), b.runtime_env.clone())]
    {
        let keys: BTreeSet<&Box<str>> = a.keys().chain(b.keys()).collect();
        all.extend(keys.into_iter().filter_map(|key| {
            let [a, b] = [&a, &b].map(|side| side.get(key).map(|value| &**value));
            Changed::between(format!("{prefix}.{key}"), a, b)
        }));
    }
    all
}
