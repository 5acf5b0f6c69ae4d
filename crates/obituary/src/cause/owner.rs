//! Candidates from decisions on an object: suspended, preempted by Kueue, replaced, deleted.

use super::candidate::{Candidate, Place};
use super::scope::Scope;
use super::{Certainty, Code};
use crate::facts::{Condition, Kind, Subject, Suspend};
use crate::time::{Time, span};

/// Reasons of Kueue for the preemption of a Workload.
const PREEMPTIONS: [&str; 5] =
    ["InClusterQueue", "InCohortReclamation", "InCohortFairSharing", "InCohortReclaimWhileBorrowing", "Preempted"];

/// Returns the candidates of all decisions on the object and its owners.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    let mut found = kueue(scope);
    found.extend(suspended(scope));
    found.extend(replaced(scope));
    found.extend(deleted(scope));
    found
}

/// Returns the candidates of Workloads.
fn kueue(scope: &Scope<'_>) -> Vec<Candidate> {
    let workloads = scope.facts.conditions.iter().filter(|condition| condition.about.starts_with("Workload "));
    let mut found: Vec<Candidate> = workloads.filter_map(|condition| of_workload(scope, condition)).collect();
    let names = [scope.job, scope.cluster].into_iter().flatten().map(Subject::shown);
    for event in names.flat_map(|about| scope.events_about(&about).collect::<Vec<_>>()) {
        if event.reason == "Stopped" && event.from.contains("kueue") && scope.admits_sight(event.first) {
            let preempted = event.note.to_ascii_lowercase().contains("preempt");
            let code = if preempted { Code::KueuePreempted } else { Code::KueueEvicted };
            let candidate = Candidate::new(code, Certainty::Likely, event.first, Place::Owner, event.about.clone());
            found.push(ran_for(scope, candidate.value("reason", &event.note).because_of(event), event.first));
        }
    }
    found
}

fn of_workload(scope: &Scope<'_>, condition: &Condition) -> Option<Candidate> {
    let (code, sure) = match (condition.kind.as_str(), condition.status.as_str(), condition.reason.as_str()) {
        ("Preempted", "True", _) => (Code::KueuePreempted, true),
        ("Evicted", "True", reason) if PREEMPTIONS.contains(&reason) => (Code::KueuePreempted, true),
        ("Evicted", "True", _) => (Code::KueueEvicted, true),
        ("QuotaReserved", "False", reason) if never_began(scope) && reason != "Finished" => {
            (Code::QuotaPending, admitted_never(scope))
        }
        _ => return None,
    };
    if !scope.admits_sight(condition.at) {
        return None;
    }
    let says = format!("{} {}: {}", condition.kind, condition.reason, condition.message);
    let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
    let queue = [scope.job, scope.cluster]
        .into_iter()
        .flatten()
        .find_map(|object| object.labels.get("kueue.x-k8s.io/queue-name"));
    let candidate = Candidate::new(code, certainty, condition.at, Place::Owner, condition.about.clone())
        .value("reason", if condition.reason == "Preempted" { &condition.message } else { &condition.reason })
        .value("message", &condition.message)
        .value("queue", queue.map_or("", String::as_str))
        .because(Some(condition.at), &condition.about, &says);
    Some(ran_for(scope, candidate, condition.at))
}

/// Adds how long the run had been there.
fn ran_for(scope: &Scope<'_>, candidate: Candidate, at: Time) -> Candidate {
    let from = scope.attempt.and_then(|attempt| attempt.ran_at).or(scope.from);
    candidate.value("time", &from.map(|from| span(at.since(from))).unwrap_or_default())
}

/// Returns `true` if nothing was started, and the object is suspended.
fn never_began(scope: &Scope<'_>) -> bool {
    let suspended = [scope.job, scope.cluster].into_iter().flatten().any(|object| object.suspension().is_some());
    suspended && scope.pods.is_empty() && !scope.began()
}

/// Returns `true` if no Workload was ever seen to be admitted.
fn admitted_never(scope: &Scope<'_>) -> bool {
    let admitted = |condition: &Condition| {
        condition.about.starts_with("Workload ") && condition.status == "True" && condition.kind == "QuotaReserved"
    };
    !scope.facts.conditions.iter().any(admitted)
}

fn suspended(scope: &Scope<'_>) -> Option<Candidate> {
    let own = |object: &Subject| scope.attempt.is_none() || object.kind != Kind::RayJob || scope.is_last;
    let mut objects = [scope.job, scope.cluster].into_iter().flatten().filter(|object| own(object));
    // Of a job that was resumed, an earlier attempt ended by the suspension that followed its start.
    let within = |suspend: &&Suspend| {
        suspend.value
            && suspend
                .at
                .is_some_and(|at| scope.admits_sight(at) && scope.from.is_none_or(|from| at >= from || !scope.began()))
    };
    let (object, suspend) = objects.find_map(|object| Some((object, object.suspends.iter().rfind(within)?)))?;
    let told = scope.attempt.is_some_and(|attempt| attempt.state.deployment_status.starts_with("Suspend"));
    // A job that is created suspended and resumed by its queue is an ordinary one.
    if object.suspension().is_none() && !told {
        return None;
    }
    let at = suspend.at?;
    let candidate = Candidate::new(Code::Suspended, Certainty::Certain, at, Place::Owner, object.shown());
    let candidate = candidate.value("manager", suspend.by.as_deref().unwrap_or_default()).value("at", &at.to_string());
    Some(candidate.because(Some(at), &object.shown(), "spec.suspend is true"))
}

/// Returns the candidate of a cluster that its service replaced.
fn replaced(scope: &Scope<'_>) -> Option<Candidate> {
    let (cluster, service) = (scope.cluster?, scope.service?);
    let since = service.active.get(&cluster.name).copied().or(cluster.created_at)?;
    let next =
        service.active.iter().filter(|(name, at)| **name != cluster.name && **at > since).min_by_key(|(_, at)| **at);
    let about = service.shown();
    if let Some((name, at)) = next.filter(|(_, at)| scope.admits_sight(**at)) {
        let candidate = Candidate::new(Code::ServiceReplaced, Certainty::Certain, *at, Place::Owner, about.clone());
        return Some(candidate.value("cluster", name).because(
            Some(*at),
            &about,
            &format!("{name} became the active cluster"),
        ));
    }
    let gave_up = scope.facts.conditions.iter().find(|condition| {
        condition.about == about && condition.reason == "InitializingTimeout" && scope.admits_sight(condition.at)
    })?;
    let words = format!("the service gave up before it was ready, {}", span(gave_up.at.since(since)));
    let candidate = Candidate::new(Code::ServiceReplaced, Certainty::Certain, gave_up.at, Place::Owner, about.clone());
    Some(candidate.value("message", &words).because(Some(gave_up.at), &about, &gave_up.message))
}

/// Returns the candidate of a deletion.
fn deleted(scope: &Scope<'_>) -> Option<Candidate> {
    let cluster = scope.cluster.filter(|cluster| cluster.end().is_some());
    // Of a job that was deleted, its cluster goes along.
    let own = scope.job.filter(|job| scope.kind == Kind::RayJob && job.end().is_some());
    let own = own.filter(|job| cluster.is_none_or(|cluster| job.end() <= cluster.end().map(|end| end.plus(5))));
    let object = own.or(cluster).or(scope.job)?;
    let at = object.end()?;
    let about = object.shown();
    let candidate = |code, certainty, at, says: &str| {
        Candidate::new(code, certainty, at, Place::Owner, about.clone()).because(Some(at), &about, says)
    };
    let by_job =
        scope.facts.events.iter().find(|event| {
            event.reason == "DeletedRayCluster" && event.note.ends_with(&format!("/{}", scope.cluster_name))
        });
    // After the end of its job: KubeRay cleaned up, or somebody did; either is no cause.
    if let Some(end) = scope.over().filter(|end| at.plus(1) >= *end) {
        let spec = scope.job.and_then(|job| job.spec.as_ref());
        let policy = spec.is_some_and(|spec| spec.shutdown_after_job_finishes) || by_job.is_some();
        let ttl = span(at.since(end));
        return policy.then(|| {
            candidate(Code::DeletedByPolicy, Certainty::Certain, at, "deleted after the job's end").value("ttl", &ttl)
        });
    }
    if scope.to.is_some_and(|to| at > to.plus(5)) {
        return None;
    }
    let terminating = scope.facts.events.iter().find(|event| event.note.contains("because it is being terminated"));
    if let Some(event) = terminating.filter(|event| event.first <= at.plus(60)) {
        return Some(candidate(Code::NamespaceDeleted, Certainty::Certain, at, &event.note));
    }
    // A namespace whose deletion was asked for before takes its objects along; one that is gone since may have.
    let going = scope.facts.conditions.iter().filter(|condition| condition.is_of_going_namespace());
    let going = going.filter(|condition| condition.kind == "Absent" || condition.at <= at.plus(1));
    if let Some(condition) = going.min_by_key(|condition| condition.at) {
        // Of an object that nobody saw go, only the time at which it was missed is known: it may have gone before.
        let sure = condition.kind == "Terminating" && object.seen_going && scope.facts.unseen.is_empty();
        let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
        let says = format!("the namespace is {}", condition.kind.to_lowercase());
        return Some(candidate(Code::NamespaceDeleted, certainty, at, &says));
    }
    let owner = [scope.job, scope.service].into_iter().flatten().find(|owner| owner.uid != object.uid);
    if let Some(owner) = owner.filter(|owner| owner.end().is_some_and(|end| end <= at.plus(5))) {
        // Two that were found gone together: either may have been deleted, and the job may have ended before.
        let sure = owner.seen_going && object.seen_going && scope.facts.unseen.is_empty();
        let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
        let candidate = candidate(Code::DeletedWithOwner, certainty, at, "deleted after its owner");
        return Some(candidate.value("kind", owner.kind.name()).value("name", &owner.name));
    }
    if let Some(event) = by_job {
        // KubeRay removed it, so the job had come to an end that nobody saw.
        return Some(candidate(Code::DeletedByPolicy, Certainty::Likely, at, "deleted by KubeRay").because_of(event));
    }
    // Who did not see it go does not know in which state it went, and the owner may have had a reason.
    let unknown_owner =
        owner.is_none() && object.owner.as_ref().is_some_and(|owner| Kind::from_name(&owner.kind).is_some());
    let sure = object.seen_going && owner.is_none() && !unknown_owner && scope.facts.unseen.is_empty();
    let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
    Some(candidate(Code::Deleted, certainty, at, "deleted while it ran"))
}
