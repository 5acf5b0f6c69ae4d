//! The end of the jobs of one session, as the session's own files tell it. No object of Kubernetes tells of jobs that
//! nobody made a `RayJob` for.

use crate::join::{Join, Keyed};
use crate::text::{NAME, cut, one_line};
use crate::time::Time;
use ray_history_core::snapshot::run_facts::{Outcome, RunFacts};
use ray_history_core::snapshot::submission::JobStatus;
use serde::{Deserialize, Serialize};

/// The length of the message that is kept.
const MESSAGE: usize = 256;

/// The end of the jobs of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SessionEnd {
    /// The cluster and the session.
    pub session: String,
    /// The outcome of all jobs.
    pub outcome: Outcome,
    /// The end of the last job; `None` if one had no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The job that failed first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job: String,
    /// Its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Time>,
    /// The line of its message that tells most; never a line of a log that Ray's own API does not show.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl SessionEnd {
    /// Returns the end of the jobs of a session that is over; `None` if it is not known.
    pub fn of(cluster: &str, session: &str, facts: &RunFacts) -> Option<Self> {
        let outcome = facts.outcome(true).filter(|outcome| *outcome != Outcome::Unknown)?;
        let time = |millis: i64| millis.checked_mul(1_000_000).map(Time);
        let failed = facts.jobs.iter().filter(|job| job.status == JobStatus::Failed);
        let failed = failed.min_by_key(|job| job.end_ms.unwrap_or(i64::MAX)).filter(|_| outcome == Outcome::Failed);
        let words = failed.and_then(|job| job.last_words.as_ref()).filter(|words| !words.from_log);
        Some(Self {
            session: format!("{cluster}/{session}"),
            outcome,
            at: facts.ended.filter(|_| facts.counts.unfinished == 0).map(Time),
            job: failed.map(|job| cut(job.name(), NAME)).unwrap_or_default(),
            failed_at: failed.and_then(|job| job.end_ms).and_then(time),
            message: words.map(|words| one_line(&words.text, MESSAGE)).unwrap_or_default(),
        })
    }

    fn rank(&self) -> u8 {
        match self.outcome {
            Outcome::Unknown => 0,
            Outcome::Succeeded => 1,
            Outcome::Stopped => 2,
            Outcome::Failed => 3,
        }
    }
}

impl Keyed for SessionEnd {
    type Key = String;

    fn key(&self) -> String {
        self.session.clone()
    }
}

impl Join for SessionEnd {
    fn join(&mut self, other: Self) {
        // What was read first may lack a job; a job that failed is never known to have succeeded later.
        let rank = |end: &Self| (end.rank(), end.at, end.failed_at, end.job.clone(), end.message.clone());
        if rank(&other) > rank(self) {
            *self = other;
        }
    }
}
