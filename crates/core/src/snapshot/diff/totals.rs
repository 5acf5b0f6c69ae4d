//! Sums over a session.

use super::cost::{rounded, seconds};
use crate::base::task::TaskType;
use crate::snapshot::digest::{Digest, NodeGroup};
use crate::snapshot::functions::FunctionStats;
use crate::snapshot::submission::JobStatus;
use serde::{Deserialize, Serialize};

/// A sum, in both sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Total {
    /// Its name, which ends in its unit if it has one: `durationSeconds`, `attempts`, `cpuHoursAsked` …
    pub name: Box<str>,
    /// The sum of A, if it is known.
    pub a: Option<f64>,
    /// The sum of B, if it is known.
    pub b: Option<f64>,
}

/// Returns the sums of two sessions.
pub(super) fn of(a: &Digest, b: &Digest) -> Vec<Total> {
    let (a, b) = (sums(a), sums(b));
    let sums = a.into_iter().zip(b).map(|((name, a), (_, b))| (name, [a, b].map(|sum| sum.map(rounded))));
    sums.map(|(name, [a, b])| Total { name: name.into(), a, b }).collect()
}

fn sums(digest: &Digest) -> [(&'static str, Option<f64>); 17] {
    let duration = digest.started_at.zip(digest.ended_at).and_then(|(from, to)| to.checked_sub(from));
    let all = |sum: fn(&FunctionStats) -> u64| Some(digest.functions.all().map(sum).sum::<u64>() as f64);
    let failed = digest.jobs.iter().filter(|job| job.facts.status == JobStatus::Failed).count();
    let [cpu, gpu] = asked(digest);
    let groups = || digest.nodes.iter();
    let hours = |of: fn(&NodeGroup) -> f64| {
        groups().map(|group| Some(group.hours? * of(group))).sum::<Option<f64>>().filter(|_| digest.other_nodes == 0)
    };
    let nodes: u64 = groups().map(|group| group.nodes).sum();
    let lost: u64 = groups().map(|group| group.lost).sum();
    [
        ("durationSeconds", duration.filter(|long| *long >= 0).map(|long| long as f64 / 1e9)),
        ("jobs", Some((digest.jobs.len() as u64 + digest.other_jobs) as f64)),
        ("failedJobs", Some(failed as f64)),
        ("tasks", all(|stats| stats.tasks)),
        ("attempts", all(|stats| stats.attempts)),
        ("failedAttempts", all(|stats| stats.failed)),
        ("retriedAttempts", all(|stats| stats.retried)),
        ("unfinishedAttempts", all(|stats| stats.unfinished)),
        ("runSeconds", Some(run_seconds(digest))),
        ("waitSeconds", Some(wait_seconds(digest))),
        ("cpuHoursAsked", Some(cpu / 3600.0)),
        ("gpuHoursAsked", Some(gpu / 3600.0)),
        ("nodes", Some((nodes + digest.other_nodes) as f64)),
        ("lostNodes", Some(lost as f64)),
        ("nodeHours", hours(|_| 1.0)),
        ("cpuHoursOfNodes", hours(|group| amount(group, "CPU"))),
        ("gpuHoursOfNodes", hours(|group| amount(group, "GPU"))),
    ]
}

fn amount(group: &NodeGroup, resource: &str) -> f64 {
    group.resources.get(resource).copied().unwrap_or_default()
}

/// Returns the CPU and GPU seconds that tasks asked for while they ran, and actors while they lived. What a constructor
/// asked for is held by its actor.
fn asked(digest: &Digest) -> [f64; 2] {
    let rows = digest.functions.rows.iter().filter(|row| row.task_type != TaskType::ActorCreationTask);
    let stats = rows.map(|row| &row.stats).chain(digest.functions.others.as_ref().map(|others| &others.stats));
    let held = [digest.held.cpu_seconds, digest.held.gpu_seconds];
    stats.fold(held, |[cpu, gpu], stats| [cpu + stats.cpu_seconds, gpu + stats.gpu_seconds])
}

/// Returns the time that all attempts ran.
pub(super) fn run_seconds(digest: &Digest) -> f64 {
    digest.functions.all().filter_map(|stats| stats.run).map(|run| seconds(run.sum_us)).sum()
}

/// Returns the time that all attempts waited.
pub(super) fn wait_seconds(digest: &Digest) -> f64 {
    digest.functions.all().filter_map(|stats| stats.wait).map(|wait| seconds(wait.sum_us)).sum()
}
