//! The jobs of a session in the format of our own API.

use super::completeness::time;
use super::run::{ShownRun, without_cause};
use ray_history_core::snapshot::run_facts::{JobCounts, JobFacts, NodeCounts, NodeHours, RunFacts};
use ray_history_core::snapshot::submission::JobType;
use ray_history_obituary::cause::{Certainty, Code};
use ray_history_obituary::ledger::Row;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The outcome of a session in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Why {
    /// A sentence. Where only a log tells the reason, it is in it for those who may read logs.
    #[schema(example = "nightly-x7k2p failed: ValueError: no such column")]
    sentence: String,
    /// The code of the first cause, as Kubernetes knew it (docs/causes.md); absent if only its jobs tell of the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "HeadOOM")]
    code: Option<&'static str>,
    /// `certain` if the state of an object says it, else `likely`; only with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "certain")]
    certainty: Option<&'static str>,
}

/// The jobs of a session, and what they ran on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RunItem {
    /// `snapshot` if the session was opened since the server started, else `files`: a few small files, which do not tell
    /// of attempts and nodes.
    #[schema(example = "files")]
    source: &'static str,
    /// Numbers of jobs.
    job_counts: CountsItem,
    /// Jobs, those that failed first, then the newest; at most ten.
    jobs: Vec<JobItem>,
    /// Version of Ray.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.60.0")]
    ray_version: Option<String>,
    /// Version of Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3.11.7")]
    python_version: Option<String>,
    /// End of the last submission if all have ended, else time of the last event, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// Seconds from the start of the head to this end; absent if its time zone is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    /// Failed task attempts by Ray's error type; only with `source: snapshot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_attempts: Option<BTreeMap<String, u64>>,
    /// Numbers of nodes; only with `source: snapshot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesItem>,
    /// Resources of the nodes times their lifetimes, used or not; only with `source: snapshot`, and if start and resources
    /// of every node are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_hours: Option<HoursItem>,
}

/// Numbers of jobs by their last status.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct CountsItem {
    /// Submissions that succeeded.
    succeeded: u32,
    /// Submissions that failed.
    failed: u32,
    /// Submissions that a user stopped.
    stopped: u32,
    /// Submissions whose end is not recorded.
    unfinished: u32,
    /// Submissions of which only the end of the driver is known, which does not tell whether they failed.
    assumed: u32,
    /// Drivers without a submission.
    drivers: u32,
}

/// One job.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct JobItem {
    /// `SUBMISSION` or `DRIVER`.
    #[serde(rename = "type")]
    #[schema(example = "SUBMISSION")]
    job_type: &'static str,
    /// Its submission id.
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_id: Option<String>,
    /// The id of its last driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// Ray's `JobStatus`.
    #[schema(example = "FAILED")]
    status: &'static str,
    /// Its command.
    #[serde(skip_serializing_if = "String::is_empty")]
    entrypoint: String,
    /// Start, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    /// End, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// The user's metadata.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    /// Ray's `JobErrorType`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    /// Its driver's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Of a failed job the line that tells most: the last one of its own in Ray's message, or in its driver's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_words: Option<String>,
    /// `true` if these words were read from the log, so that they are shown to those only who may read logs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_log: bool,
}

/// Numbers of nodes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct NodesItem {
    /// All nodes of the session.
    total: u64,
    /// Those that were declared dead, for whatever reason.
    dead: u64,
    /// Those of the dead that ended unexpectedly.
    lost: u64,
}

/// Resources of nodes times their lifetimes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct HoursItem {
    /// CPUs times hours.
    cpu: f64,
    /// GPUs times hours.
    gpu: f64,
}

/// Returns the outcome in words.
pub(super) fn why(run: &ShownRun) -> Option<Why> {
    run.outcome()?;
    let cause = run.cause();
    Some(Why {
        sentence: run.sentence()?,
        code: cause.and_then(|row| row.code).map(Code::name),
        certainty: cause.and_then(certainty),
    })
}

/// Returns why a run without a session ended, in words.
pub(super) fn why_of(row: &Row) -> Why {
    let sentence = row.sentence().unwrap_or_else(|| without_cause(row));
    Why { sentence, code: row.code.map(Code::name), certainty: certainty(row) }
}

/// Returns the certainty of a cause.
pub(in crate::http) fn certainty(row: &Row) -> Option<&'static str> {
    let certainty = row.code.and(row.certainty.or(Some(Certainty::Likely)))?;
    Some(if certainty == Certainty::Certain { "certain" } else { "likely" })
}

/// Returns the jobs, if they are known.
pub(super) fn item(run: &ShownRun) -> Option<RunItem> {
    let facts: &RunFacts = run.facts()?;
    let JobCounts { succeeded, failed, stopped, unfinished, assumed, drivers } = facts.counts;
    let attempts = facts.failed_attempts.as_ref();
    let nodes = |NodeCounts { total, dead, lost }| NodesItem { total, dead, lost };
    let rounded = |hours: f64| (hours * 1e4).round() / 1e4;
    let hours = |NodeHours { cpu, gpu }| HoursItem { cpu: rounded(cpu), gpu: rounded(gpu) };
    Some(RunItem {
        source: facts.source.as_str(),
        job_counts: CountsItem { succeeded, failed, stopped, unfinished, assumed, drivers },
        jobs: facts.jobs.iter().map(|job| job_item(run, job)).collect(),
        ray_version: facts.ray_version.as_ref().map(ToString::to_string),
        python_version: facts.python_version.as_ref().map(ToString::to_string),
        ended: facts.ended.and_then(time),
        duration_seconds: run.duration().map(|nanos| (nanos / 1_000_000) as f64 / 1e3),
        failed_attempts: attempts.map(|counts| counts.iter().map(|(name, n)| (name.to_string(), *n)).collect()),
        nodes: facts.nodes.map(nodes),
        node_hours: facts.node_hours.map(hours),
    })
}

fn job_item(run: &ShownRun, job: &JobFacts) -> JobItem {
    let text = |text: &Option<Box<str>>| text.as_ref().map(ToString::to_string);
    let at = |ms: Option<i64>| ms.and_then(|ms| ms.checked_mul(1_000_000)).and_then(time);
    let words = run.last_words(job);
    JobItem {
        job_type: match job.job_type {
            JobType::Submission => "SUBMISSION",
            JobType::Driver => "DRIVER",
        },
        submission_id: text(&job.submission_id),
        job_id: text(&job.job_id),
        status: job.status.name(),
        entrypoint: job.entrypoint.to_string(),
        started: at(job.start_ms),
        ended: at(job.end_ms),
        metadata: job.metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        error_type: text(&job.error_type),
        exit_code: job.exit_code,
        last_words: words.map(str::to_owned),
        from_log: words.is_some() && job.last_words.as_ref().is_some_and(|words| words.from_log),
    }
}
