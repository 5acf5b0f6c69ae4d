//! The outcome of a run.

use super::ray::JobState;
use super::scope::Scope;
use super::{Cause, Certainty, Code};
use ray_history_core::snapshot::run_facts::Outcome;

/// Codes of somebody's decision to end a run.
pub(super) const DECISIONS: [Code; 12] = [
    Code::QuotaPending,
    Code::KueuePreempted,
    Code::KueueEvicted,
    Code::Stopped,
    Code::DeletedByPolicy,
    Code::DeletedWithOwner,
    Code::NamespaceDeleted,
    Code::Deleted,
    Code::Suspended,
    Code::ServiceReplaced,
    Code::HeadGone,
    Code::RayDrained,
];

/// Returns the outcome of a run with these causes.
pub(super) fn outcome(scope: &Scope<'_>, causes: &[Cause]) -> Outcome {
    if scope.to.is_none() {
        return Outcome::Unknown;
    }
    if let Some(attempt) = scope.attempt.filter(|_| scope.is_last) {
        match (attempt.state.deployment_status.as_str(), attempt.state.job_status.as_str()) {
            ("Complete", "STOPPED") | ("Suspending" | "Suspended", _) => return Outcome::Stopped,
            ("Complete", _) => return Outcome::Succeeded,
            ("Failed" | "ValidationFailed" | "Retrying", _) => return Outcome::Failed,
            _ if scope.was_retried => return Outcome::Failed,
            _ => {}
        }
    }
    if let Some(ray) = scope.ray().filter(|ray| !ray.jobs.is_empty() && scope.attempt.is_none()) {
        let all = |state: JobState| ray.jobs.iter().all(|job| job.state == state);
        if all(JobState::Succeeded) {
            return Outcome::Succeeded;
        }
        if ray.jobs.iter().any(|job| job.state == JobState::Failed) {
            return Outcome::Failed;
        }
    }
    let decided = causes.iter().any(|cause| DECISIONS.contains(&cause.code));
    match causes.first() {
        Some(first) if !DECISIONS.contains(&first.code) && first.certainty == Certainty::Certain => Outcome::Failed,
        _ if decided => Outcome::Stopped,
        _ => Outcome::Unknown,
    }
}
