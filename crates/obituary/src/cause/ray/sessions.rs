//! Ray's facts of one run, from the ends of its sessions that are among the facts of its cluster.

use super::{JobEnd, JobState, RayFacts};
use crate::facts::SessionEnd;
use crate::join::Table;
use ray_history_core::snapshot::run_facts::Outcome;

impl RayFacts {
    /// Returns the ends of the wanted sessions; `None` if no outcome is known.
    pub(in crate::cause) fn of_sessions(ends: &Table<SessionEnd>, wants: impl Fn(&str) -> bool) -> Option<Self> {
        let ends: Vec<&SessionEnd> = ends.iter().filter(|end| wants(&end.session)).collect();
        let is_known = ends.iter().any(|end| end.outcome != Outcome::Unknown);
        is_known.then(|| Self { jobs: ends.into_iter().flat_map(job_ends).collect(), ..Self::default() })
    }
}

/// Returns the end of a session's jobs as those of one or two: the one that failed, and the last one.
fn job_ends(end: &SessionEnd) -> Vec<JobEnd> {
    let job = |state, at| JobEnd { id: String::new(), state, at, message: String::new() };
    let state = match end.outcome {
        Outcome::Unknown => JobState::Open,
        Outcome::Succeeded => JobState::Succeeded,
        Outcome::Stopped => JobState::Stopped,
        Outcome::Failed => {
            let (id, message) = (end.job.clone(), end.message.clone());
            let failed = JobEnd { id, message, ..job(JobState::Failed, end.failed_at.or(end.at)) };
            let last = if end.at.is_some() { JobState::Succeeded } else { JobState::Open };
            return vec![failed, job(last, end.at)];
        }
    };
    vec![job(state, end.at)]
}
