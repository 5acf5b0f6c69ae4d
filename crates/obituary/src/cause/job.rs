//! Candidates that the `RayJob` tells of itself.

use super::candidate::{Candidate, Place};
use super::message::{Meaning, meaning};
use super::scope::Scope;
use super::sentence::VALUE;
use super::{Certainty, Code};
use crate::facts::{Attempt, Kind, Subject};
use crate::text::{last_line, one_line};
use crate::time::{Time, span};
use ray_history_core::snapshot::run_facts::last_words;

/// Returns the candidates of the job's own words.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    let (Some(job), Some(attempt)) = (scope.job, scope.attempt) else { return Vec::new() };
    if !scope.is_last {
        return Vec::new();
    }
    let at = attempt.to.or(scope.to).or(attempt.ran_at).or(attempt.from).or(job.created_at).unwrap_or_default();
    let Some(code) = code(scope, attempt) else { return refused_submission(scope, job).into_iter().collect() };
    let state = &attempt.state;
    let says = format!("{} {} {}: {}", state.deployment_status, state.job_status, state.reason, state.message);
    let says = if code == Code::AppFailed { format!("{} {}", state.reason, state.job_status) } else { says };
    let certainty = certainty(scope, attempt, code);
    let candidate =
        Candidate::new(code, certainty, at, Place::Words, job.shown()).because(Some(at), &job.shown(), &says);
    vec![with_values(scope, job, attempt, candidate, at)]
}

fn code(scope: &Scope<'_>, attempt: &Attempt) -> Option<Code> {
    let state = &attempt.state;
    Some(match (state.reason.as_str(), state.deployment_status.as_str(), state.job_status.as_str()) {
        ("ValidationFailed", ..) | (_, "ValidationFailed", _) => Code::SpecInvalid,
        ("AppFailed", ..) if state.message.contains("not found in RayCluster") => Code::NotInCluster,
        ("AppFailed", ..) => Code::AppFailed,
        ("SubmissionFailed", ..) => Code::SubmissionFailed,
        ("DeadlineExceeded" | "PreRunningDeadlineExceeded", ..) => Code::Deadline,
        ("JobStatusCheckTimeoutExceeded" | "JobDeploymentStatusTransitionGracePeriodExceeded", ..) => Code::StatusLost,
        (_, "Complete" | "Failed", "STOPPED") => Code::Stopped,
        // A retry whose own words were wiped before anybody saw them, or a cluster that went before them.
        (_, _, "FAILED") if scope.was_retried || scope.to.is_some() => Code::AppFailed,
        _ => return None,
    })
}

/// Returns the certainty of the job's own words, before other candidates are known.
fn certainty(scope: &Scope<'_>, attempt: &Attempt, code: Code) -> Certainty {
    let sure = match code {
        Code::SpecInvalid | Code::Stopped => true,
        Code::AppFailed => match meaning(&attempt.state.message) {
            Meaning::Program => attempt.is_over(),
            Meaning::System => false,
            // Ended with a code, and nothing happened to any pod that was watched all the time.
            Meaning::Unclear => {
                !attempt.state.message.is_empty()
                    && scope.head_is_fine()
                    && scope.pods.iter().all(|pod| is_quiet(scope, pod))
            }
        },
        Code::Deadline => attempt.ran() && scope.head_is_fine(),
        Code::SubmissionFailed => !attempt.ran() && scope.head_is_fine(),
        _ => false,
    };
    if sure { Certainty::Certain } else { Certainty::Likely }
}

fn is_quiet(scope: &Scope<'_>, pod: &crate::facts::Pod) -> bool {
    let ended = |at: Time| scope.admits(at);
    !pod.is_troubled() && pod.gone_at.is_none_or(|gone| !ended(gone)) && pod.deleted_at.is_none_or(|at| !ended(at))
}

/// Returns the candidate of a Job that gave up, where the `RayJob` did not tell of it.
fn refused_submission(scope: &Scope<'_>, job: &Subject) -> Option<Candidate> {
    let about = format!("Job {}", job.name);
    let failed = scope.facts.conditions.iter().find(|condition| {
        condition.about == about
            && condition.kind == "Failed"
            && condition.status == "True"
            && scope.admits(condition.at)
    })?;
    let says = format!("{}: {}", failed.reason, failed.message);
    let candidate = Candidate::new(Code::SubmissionFailed, Certainty::Likely, failed.at, Place::Words, job.shown());
    Some(candidate.value("message", &failed.message).because(Some(failed.at), &about, &says))
}

fn with_values(scope: &Scope<'_>, job: &Subject, attempt: &Attempt, candidate: Candidate, at: Time) -> Candidate {
    let message = attempt.state.message.as_str();
    let spec = job.spec.as_ref();
    match candidate.cause.code {
        Code::AppFailed => candidate.value("message", &program(message)),
        // As much as its sentence shows: all of it may quote a log.
        Code::SubmissionFailed => candidate.value("message", &one_line(message, VALUE)),
        Code::SpecInvalid => candidate.value("kind", Kind::RayJob.name()).value("message", last_line(message)),
        Code::StatusLost => {
            let since = attempt.ran_at.or(attempt.from);
            candidate.value("time", &since.map(|since| span(at.since(since))).unwrap_or_default())
        }
        Code::Deadline => {
            let pre = attempt.state.reason.starts_with("Pre");
            let told = spec
                .and_then(|spec| if pre { spec.pre_running_deadline_seconds } else { spec.active_deadline_seconds });
            let before = if scope.began() { "" } else { "before it ran" };
            candidate
                .value("seconds", &told.map(|seconds| seconds.to_string()).unwrap_or_default())
                .value("before", before)
        }
        _ => candidate,
    }
}

/// Returns the line that tells what failed: the program's own last one, else the part of Ray's before the log that it
/// quotes.
pub(super) fn program(message: &str) -> String {
    last_words(message).unwrap_or_else(|| {
        let said = message.lines().find_map(|line| Some(line.split_once(", last available logs")?.0));
        said.unwrap_or_else(|| last_line(message)).to_owned()
    })
}
