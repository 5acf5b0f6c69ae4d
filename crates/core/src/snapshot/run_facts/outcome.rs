//! The outcome of a session by its jobs, in a word and in a sentence.
//!
//! Only submissions count: Ray calls every driver that ended SUCCEEDED, however it ended. "Unknown" is better than a word
//! that may be wrong.

use super::{JobFacts, RunFacts};
use crate::snapshot::submission::{JobStatus, JobType, UnifiedJob};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The outcome of a session, or of a run. Words of later versions read as `Unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Every job succeeded; the `RayJob` is complete.
    Succeeded,
    /// A job failed; the `RayJob` did, or a certain cause of trouble ended the run.
    Failed,
    /// A job was stopped, and none failed; the run was suspended, or deleted while it ran.
    Stopped,
    /// It goes on, or nothing tells it.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Failed, Self::Stopped, Self::Succeeded, Self::Unknown];

    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Unknown => "Unknown",
        }
    }

    /// Returns the outcome with this word; case is ignored.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Numbers of jobs by their last status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Submissions that succeeded.
    pub succeeded: u32,
    /// Submissions that failed.
    pub failed: u32,
    /// Submissions that a user stopped.
    pub stopped: u32,
    /// Submissions that have not ended.
    pub unfinished: u32,
    /// Submissions of which only the end of the driver is known.
    pub assumed: u32,
    /// Drivers without a submission.
    pub drivers: u32,
}

impl JobCounts {
    pub(super) fn of(jobs: &[UnifiedJob]) -> Self {
        let mut counts = Self::default();
        for job in jobs {
            let count = match (job.job_type, job.status) {
                (JobType::Driver, _) => &mut counts.drivers,
                (_, JobStatus::Pending | JobStatus::Running) => &mut counts.unfinished,
                (_, JobStatus::Stopped) => &mut counts.stopped,
                (_, JobStatus::Failed) => &mut counts.failed,
                // Ray sets an exit code with this status; without one it is only assumed.
                (_, JobStatus::Succeeded) if job.driver_exit_code.is_none() => &mut counts.assumed,
                (_, JobStatus::Succeeded) => &mut counts.succeeded,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Returns the number of submissions.
    pub fn submissions(&self) -> u32 {
        let Self { succeeded, failed, stopped, unfinished, assumed, drivers: _ } = *self;
        [failed, stopped, unfinished, assumed].into_iter().fold(succeeded, u32::saturating_add)
    }

    /// Returns the outcome; `None` while a job may go on.
    pub(super) fn outcome(&self, is_over: bool) -> Option<Outcome> {
        if !is_over && (self.unfinished > 0 || self.submissions() == 0) {
            return None;
        }
        Some(match self {
            Self { failed: 1.., .. } => Outcome::Failed,
            Self { unfinished: 1.., .. } | Self { assumed: 1.., .. } => Outcome::Unknown,
            Self { stopped: 1.., .. } => Outcome::Stopped,
            Self { succeeded: 1.., .. } => Outcome::Succeeded,
            _ => Outcome::Unknown,
        })
    }
}

/// Returns `true` for a submission that failed.
pub(super) fn has_failed(job: &UnifiedJob) -> bool {
    job.job_type == JobType::Submission && job.status == JobStatus::Failed
}

pub(super) fn sentence(facts: &RunFacts, is_over: bool, shows_logs: bool) -> Option<String> {
    let counts = &facts.counts;
    let first = |status: fn(JobStatus) -> bool| {
        let mut jobs = facts.jobs.iter();
        jobs.find(|job| job.job_type == JobType::Submission && status(job.status)).map_or("A job", JobFacts::name)
    };
    // The jobs of a kind: the only one by its name, several by their number and the first name.
    let all = |count: u32, name: &str, one: &str, many: &str| match count {
        1 => format!("{name} {one}."),
        count => format!("{count} of {} jobs {many}, among them {name}.", counts.submissions()),
    };
    let unfinished = || first(|status| !status.is_terminal());
    Some(match facts.outcome(is_over) {
        None if counts.unfinished > 0 => all(counts.unfinished, unfinished(), "has not ended", "have not ended"),
        None => return None,
        Some(Outcome::Failed) => {
            let name = first(|status| status == JobStatus::Failed);
            let reason = facts.jobs.first().and_then(|job| reason(job, shows_logs));
            match (counts.failed, reason) {
                (1, Some(reason)) => format!("{name} failed: {reason}"),
                (failed, Some(reason)) => format!("{failed} of {} jobs failed; {name}: {reason}", counts.submissions()),
                (failed, None) => all(failed, name, "failed", "failed"),
            }
        }
        Some(Outcome::Succeeded) => match counts.succeeded {
            1 => "Its job succeeded.".to_owned(),
            all => format!("All {all} jobs succeeded."),
        },
        Some(Outcome::Stopped) => {
            all(counts.stopped, first(|status| status == JobStatus::Stopped), "was stopped", "were stopped")
        }
        Some(Outcome::Unknown) if counts.unfinished > 0 => {
            let when = "had not ended when the session did";
            all(counts.unfinished, unfinished(), when, when)
        }
        Some(Outcome::Unknown) if facts.is_partial => "Files are missing that may tell how its jobs ended.".to_owned(),
        Some(Outcome::Unknown) if counts.assumed > 0 => {
            "A driver ended, and nothing tells whether its job failed.".to_owned()
        }
        Some(Outcome::Unknown) if counts.drivers > 0 => match counts.drivers {
            1 => "Nothing was submitted; a driver connected.".to_owned(),
            drivers => format!("Nothing was submitted; {drivers} drivers connected."),
        },
        Some(Outcome::Unknown) => "No job of it is known.".to_owned(),
    })
}

/// Returns the reason for which a job failed, in a line.
fn reason(job: &JobFacts, shows_logs: bool) -> Option<String> {
    let words = job.last_words.as_ref().filter(|words| shows_logs || !words.from_log);
    words
        .map(|words| words.text.to_string())
        .or_else(|| job.exit_code.map(|code| format!("exit code {code}")))
        .or_else(|| job.error_type.as_ref().map(ToString::to_string))
}
