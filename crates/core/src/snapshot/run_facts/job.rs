//! The facts of one job.

use super::{FactSource, bounded, last_words};
use crate::base::id::push_hex;
use crate::logs::Facts;
use crate::snapshot::submission::{JobStatus, JobType, UnifiedJob};
use serde::{Deserialize, Serialize};

/// Longest command that is kept, in characters.
const MAX_ENTRYPOINT: usize = 256;
/// Longest id that is kept, in characters.
const MAX_ID: usize = 240;
/// Pairs of metadata that are kept.
const MAX_METADATA: usize = 16;
/// Longest key and value of metadata that are kept, in characters.
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 128;

/// The line that tells most about the end of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastWords {
    /// The line, without colours.
    pub text: Box<str>,
    /// `true` if it was read from the driver's log; else Ray's own API shows it as part of the job's message.
    pub from_log: bool,
}

/// The facts of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFacts {
    /// Kind of job.
    pub job_type: JobType,
    /// Its submission id; `None` for a driver without a submission.
    pub submission_id: Option<Box<str>>,
    /// The id of its last driver, hex.
    pub job_id: Option<Box<str>>,
    /// Its last known status.
    pub status: JobStatus,
    /// Its command.
    pub entrypoint: Box<str>,
    /// Start in Unix milliseconds.
    pub start_ms: Option<i64>,
    /// End in Unix milliseconds.
    pub end_ms: Option<i64>,
    /// The user's metadata, sorted by key.
    pub metadata: Box<[(Box<str>, Box<str>)]>,
    /// Ray's `JobErrorType`.
    pub error_type: Option<Box<str>>,
    /// Its driver's exit code.
    pub exit_code: Option<i32>,
    /// The line that tells most about its failure; `None` unless it failed.
    pub last_words: Option<LastWords>,
}

impl JobFacts {
    /// Returns the facts of a job; `facts` has the ends of drivers' logs.
    pub(in crate::snapshot) fn of(job: &UnifiedJob, facts: &Facts, source: FactSource) -> Self {
        let hex = job.driver().and_then(|driver| {
            let mut hex = Vec::new();
            push_hex(&mut hex, &driver.id.0);
            String::from_utf8(hex).ok()
        });
        let metadata = job.metadata.iter().take(MAX_METADATA);
        Self {
            job_type: job.job_type,
            submission_id: job.submission_id.as_deref().map(|id| bounded(id, MAX_ID)),
            job_id: hex.map(Into::into),
            status: job.status,
            entrypoint: bounded(&job.entrypoint, MAX_ENTRYPOINT),
            start_ms: job.start_ms,
            end_ms: job.end_ms.filter(|end| *end > 0),
            metadata: metadata.map(|(key, value)| (bounded(key, MAX_KEY), bounded(value, MAX_VALUE))).collect(),
            error_type: job.error_type.as_deref().map(|kind| bounded(kind, MAX_KEY)),
            exit_code: job.driver_exit_code,
            last_words: (job.status == JobStatus::Failed).then(|| words(job, facts, source)).flatten(),
        }
    }

    /// Returns the name by which people know it.
    pub fn name(&self) -> &str {
        self.submission_id.as_deref().or(self.job_id.as_deref()).unwrap_or("a job")
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let words = self.last_words.as_ref().map_or(0, |words| words.text.len());
        let texts = [&self.submission_id, &self.job_id, &self.error_type].into_iter().flatten().map(|text| text.len());
        let pair = size_of::<(Box<str>, Box<str>)>();
        let metadata = self.metadata.iter().map(|(key, value)| key.len() + value.len() + pair);
        size_of::<Self>() + self.entrypoint.len() + words + texts.sum::<usize>() + metadata.sum::<usize>()
    }
}

/// Returns the words of a failed job: of its message, or, where a few files say no more than that it failed, of the end of
/// its driver's log.
fn words(job: &UnifiedJob, facts: &Facts, source: FactSource) -> Option<LastWords> {
    /// Ray's message of a job of which no more is known (`JobInfo.__post_init__`).
    const NO_MESSAGE: &str = "Job failed.";
    let message = job.message.as_deref().filter(|message| *message != NO_MESSAGE);
    if let Some(text) = message.and_then(last_words) {
        return Some(LastWords { text: text.into(), from_log: false });
    }
    if source != FactSource::Files {
        return None;
    }
    let log = facts.driver_logs.of(job.submission_id.as_deref()?).last()?.1;
    Some(LastWords { text: last_words(&log.last_lines)?.into(), from_log: true })
}
