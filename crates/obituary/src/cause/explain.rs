//! The rules by which one candidate explains another, and the order of those that are left.

use super::candidate::{Candidate, Place};
use super::message::{Meaning, meaning};
use super::scope::Scope;
use super::{Cause, Certainty, Code};

/// Seconds from the loss of a node to the ends of its pods.
const NODE: i64 = 600;
/// Seconds between an end of a container and what other objects tell of it.
const SAME: i64 = 120;
/// Seconds by which a consequence may be told before its cause: times are of whole seconds, and clocks differ.
const SKEW: i64 = 15;

/// Returns the causes, the first one first, and the trouble that is no cause.
pub(super) fn rank(scope: &Scope<'_>, candidates: Vec<Candidate>) -> (Vec<Cause>, Vec<Cause>) {
    let mut candidates = merged(candidates);
    let mut noticed = Vec::new();
    for at in (0..candidates.len()).rev() {
        if is_harmless(scope, &candidates[at]) {
            noticed.push(candidates.remove(at));
        }
    }
    doubt(scope, &mut candidates);
    // A candidate that was explained still explains others: node → pod → job.
    let explained: Vec<bool> =
        candidates.iter().map(|one| candidates.iter().any(|other| explains(scope, other, one))).collect();
    let mut left: Vec<Candidate> = candidates
        .iter()
        .zip(explained)
        .filter(|(_, explained)| !explained)
        .map(|(candidate, _)| candidate.clone())
        .collect();
    if left.is_empty() {
        // Two that explain each other: the ranks decide.
        left = candidates;
    }
    weaken(scope, &mut left);
    if scope.may_have_gone_on() {
        for candidate in &mut left {
            candidate.cause.certainty = Certainty::Likely;
        }
    }
    left.sort_by(|a, b| order(scope, a).cmp(&order(scope, b)));
    noticed.sort_by_key(|candidate| (candidate.at, candidate.cause.code));
    let causes = |list: Vec<Candidate>| list.into_iter().map(|candidate| candidate.cause).collect();
    (causes(left), causes(noticed))
}

/// Joins candidates of one code in one place and group.
fn merged(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut merged: Vec<(Candidate, Vec<String>)> = Vec::new();
    for candidate in candidates {
        let pod = candidate.pod.clone();
        let same = |(other, _): &&mut (Candidate, Vec<String>)| {
            other.cause.code == candidate.cause.code
                && other.place == candidate.place
                && (other.healed == candidate.healed || !is_wait(candidate.cause.code))
                && (other.group == candidate.group || other.group.is_empty() || candidate.group.is_empty())
        };
        match merged.iter_mut().find(same) {
            Some((other, pods)) => {
                other.merge(candidate);
                pods.push(pod);
            }
            None => merged.push((candidate, vec![pod])),
        }
    }
    let counted = merged.into_iter().map(|(mut candidate, mut pods)| {
        pods.sort();
        pods.dedup();
        if candidate.cause.code == Code::WorkerOOM && pods.len() > 1 {
            candidate = candidate.value("n", &pods.len().to_string());
        }
        candidate
    });
    counted.collect()
}

/// Returns `true` for trouble that ended nothing.
fn is_harmless(scope: &Scope<'_>, candidate: &Candidate) -> bool {
    match candidate.cause.code {
        // What waited and ran later.
        code if is_wait(code) && candidate.healed => true,
        // Workers that wait while the job runs are missing capacity, no end.
        code if is_wait(code) && candidate.place == Place::Worker => scope.began(),
        Code::SpecInvalid | Code::PodRefused | Code::RayDrained => candidate.healed,
        _ => false,
    }
}

/// Codes of pods that never ran.
fn is_wait(code: Code) -> bool {
    use Code::{
        ContainerConfig, ImagePull, PodRefused, SandboxFailed, StartError, Unschedulable, VolumeMount, WaitedForHead,
    };
    let waits =
        [ContainerConfig, ImagePull, PodRefused, SandboxFailed, StartError, Unschedulable, VolumeMount, WaitedForHead];
    waits.contains(&code)
}

/// Codes of nodes that go, and take their pods along.
fn is_node(code: Code) -> bool {
    matches!(code, Code::NodeLost | Code::NodeShutdown | Code::SpotReclaimed | Code::Drained | Code::RayDrained)
}

/// Makes the job's own words doubtful where any trouble of a pod might stand behind them.
fn doubt(scope: &Scope<'_>, candidates: &mut [Candidate]) {
    let trouble: Vec<(Place, i64)> = candidates
        .iter()
        .filter(|candidate| matches!(candidate.place, Place::Head | Place::Worker) && !is_wait(candidate.cause.code))
        .map(|candidate| (candidate.place, candidate.at.0))
        .collect();
    for words in candidates.iter_mut().filter(|candidate| candidate.place == Place::Words) {
        let earlier = trouble.iter().any(|(_, at)| *at <= words.at.0);
        if earlier && matches!(words.cause.code, Code::AppFailed | Code::Deadline | Code::SubmissionFailed) {
            words.cause.certainty = Certainty::Likely;
        }
    }
    // While a run goes on, what waits may still come.
    if scope.to.is_none() {
        for waiting in candidates.iter_mut().filter(|candidate| is_wait(candidate.cause.code)) {
            waiting.cause.certainty = Certainty::Likely;
        }
    }
}

/// Returns `true` if one candidate explains another.
fn explains(scope: &Scope<'_>, one: &Candidate, other: &Candidate) -> bool {
    let (a, b) = (one.cause.code, other.cause.code);
    if a == b && one.place == other.place {
        return false;
    }
    let gap = other.at.since(one.at);
    if other.place == Place::Words {
        return one.place != Place::Words && explains_words(scope, one, other, gap);
    }
    if is_node(a) && !is_node(b) && one.node == other.node && !one.node.is_empty() && other.place != Place::Owner {
        return (-60..=NODE).contains(&gap) && b != Code::WorkerOOM && b != Code::HeadOOM;
    }
    if one.pod == other.pod && !one.pod.is_empty() {
        return same_pod(a, b) && gap.abs() <= NODE;
    }
    if one.place == Place::Owner || other.place == Place::Owner {
        return owners(one, other, gap);
    }
    // The head's end takes everything along. A head that waits lets all wait.
    one.place == Place::Head && other.place > Place::Head && (gap >= -SKEW || is_wait(b)) && !(is_wait(a) && one.healed)
}

/// Returns `true` if of one pod the first code is the reason for the second.
fn same_pod(a: Code, b: Code) -> bool {
    let strength = |code: Code| match code {
        Code::SpotReclaimed => 9,
        Code::NodeShutdown | Code::NodeLost | Code::NodeRejected => 8,
        Code::PodPreempted => 7,
        Code::HeadOOM | Code::WorkerOOM | Code::SubmitterOOM => 6,
        Code::Evicted => 5,
        Code::Drained => 4,
        Code::ProbeKilled => 3,
        Code::RayDrained => 2,
        Code::StartError | Code::Crash => 1,
        _ => 0,
    };
    strength(a) > strength(b) && strength(b) > 0 || (b == Code::HeadGone && strength(a) > 0)
}

/// Returns `true` if a decision explains another, or what followed it.
fn owners(one: &Candidate, other: &Candidate, gap: i64) -> bool {
    use Code::{
        Deleted, DeletedByPolicy, DeletedWithOwner, KueueEvicted, KueuePreempted, NamespaceDeleted, QuotaPending,
    };
    use Code::{ServiceReplaced, Suspended};
    let (a, b) = (one.cause.code, other.cause.code);
    let deletion = |code| matches!(code, Deleted | DeletedWithOwner | DeletedByPolicy);
    match (one.place, other.place) {
        (Place::Owner, Place::Owner) => match a {
            KueuePreempted => matches!(b, Suspended | KueueEvicted | QuotaPending) || deletion(b),
            KueueEvicted | QuotaPending => b == Suspended || deletion(b),
            NamespaceDeleted => deletion(b),
            ServiceReplaced | Suspended => deletion(b) && gap >= -SKEW,
            _ => false,
        },
        // Pods that end after a decision were told to.
        (Place::Owner, _) => gap >= 0 && !is_wait(b),
        _ => false,
    }
}

/// Returns `true` if a candidate explains what the job says of itself.
fn explains_words(scope: &Scope<'_>, one: &Candidate, words: &Candidate, gap: i64) -> bool {
    if gap < -1 {
        return false;
    }
    let (a, b) = (one.cause.code, words.cause.code);
    let message = scope.message();
    match (one.place, b) {
        (Place::Words, _) | (_, Code::SpecInvalid | Code::Stopped) => false,
        (Place::Owner, _) => gap > 0 && a != Code::DeletedByPolicy,
        (Place::Head, Code::AppFailed) => match meaning(message) {
            Meaning::Program => gap <= SAME && !is_wait(a),
            Meaning::System | Meaning::Unclear => !is_wait(a),
        },
        (Place::Head, _) => !(is_wait(a) && scope.began()),
        (Place::Worker, Code::AppFailed) => {
            let near = if meaning(message) == Meaning::Program { SAME } else { NODE };
            !is_wait(a) && (gap <= near || meaning(message) == Meaning::System)
        }
        (Place::Worker, Code::Deadline) if is_wait(a) => !scope.began(),
        (Place::Worker, Code::Deadline) => gap <= NODE && !one.healed,
        (Place::Worker, Code::SubmissionFailed | Code::StatusLost | Code::NotInCluster) => is_wait(a) && !scope.began(),
        (Place::Submitter, Code::SubmissionFailed | Code::NotInCluster | Code::Deadline | Code::StatusLost) => true,
        (Place::Worker | Place::Submitter, _) => false,
    }
}

/// Makes causes doubtful that are tied to the job's failure by time alone.
fn weaken(scope: &Scope<'_>, left: &mut [Candidate]) {
    let (to, failed) = match (scope.attempt, scope.ray()) {
        (Some(attempt), _) if attempt.is_over() => {
            let failed = matches!(attempt.state.reason.as_str(), "AppFailed") || attempt.state.job_status == "FAILED";
            (attempt.to.unwrap_or_default(), failed)
        }
        // Without a `RayJob`, Ray's own jobs are what may have failed of it.
        (None, Some(_)) => {
            let failed = scope.failed_job();
            (failed.and_then(|job| job.at).or(scope.to).unwrap_or_default(), failed.is_some())
        }
        _ => return,
    };
    for cause in left.iter_mut().filter(|cause| matches!(cause.place, Place::Head | Place::Worker)) {
        let gap = to.since(cause.at);
        let tied = match meaning(scope.message()) {
            Meaning::System => gap <= NODE,
            Meaning::Unclear => cause.place == Place::Head && gap <= NODE,
            Meaning::Program => false,
        };
        if failed && !tied || cause.place == Place::Worker && !failed && !is_wait(cause.cause.code) {
            cause.cause.certainty = Certainty::Likely;
        }
    }
}

/// Returns the order of a candidate: the head, the submitter, workers that ran the failed work, others; then the time.
fn order<'a>(scope: &Scope<'_>, candidate: &'a Candidate) -> (u8, i64, Code, &'a str) {
    let failed_on = |pod: &str| scope.ray().is_some_and(|ray| ray.failed_on.contains(pod));
    let decided = candidate.place == Place::Owner && candidate.cause.code != Code::DeletedByPolicy;
    let by_hand = scope.attempt.is_none_or(|attempt| !attempt.is_over());
    // Of work that was over, nobody's later decision is the end.
    let over = scope.over().is_some_and(|over| scope.to.is_some_and(|to| to >= over));
    let rank = match candidate.place {
        // A head that came back long before somebody ended the run is not why it ended.
        Place::Head if by_hand && candidate.healed && scope.to.is_some_and(|to| to.since(candidate.at) > NODE) => 7,
        Place::Head if candidate.cause.code == Code::HeadGone => 6,
        Place::Head => 0,
        Place::Words if candidate.cause.code == Code::AppFailed => 1,
        Place::Submitter => 2,
        Place::Words => 3,
        Place::Worker if is_wait(candidate.cause.code) => 4,
        Place::Worker if by_hand && !over && scope.to.is_some() => 8,
        Place::Worker if failed_on(&candidate.pod) => 4,
        Place::Worker => 5,
        Place::Owner if decided => 6,
        Place::Owner => 9,
    };
    (rank, candidate.at.0, candidate.cause.code, &candidate.cause.subject)
}
