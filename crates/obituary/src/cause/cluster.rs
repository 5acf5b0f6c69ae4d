//! Candidates that the cluster tells of: a refused spec, pods that could not be made, and the head's reasons that
//! KubeRay copies into a condition, which are all that is known where pods may not be read.

use super::candidate::{Candidate, Place};
use super::scope::Scope;
use super::{Certainty, Code};
use crate::facts::{Condition, Event, Pod, Role, Subject};
use crate::text::is_name;

/// Returns the candidates of the cluster and of its owners.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for object in [scope.cluster, scope.job, scope.service].into_iter().flatten() {
        let about = object.shown();
        found.extend(scope.events_about(&about).filter_map(|event| of_event(scope, object, event)));
    }
    if let Some(cluster) = scope.cluster {
        let about = cluster.shown();
        let conditions = scope.facts.conditions.iter().filter(|condition| condition.about == about);
        found.extend(conditions.filter_map(|condition| of_condition(scope, cluster, condition)));
    }
    found.extend(head_gone(scope));
    found
}

fn of_event(scope: &Scope<'_>, object: &Subject, event: &Event) -> Option<Candidate> {
    if !scope.admits(event.first) {
        return None;
    }
    let role = match event.reason.as_str() {
        "FailedToCreateHeadPod" => Some(Role::Head),
        "FailedToCreateWorkerPod" => Some(Role::Worker),
        reason if reason.starts_with("Invalid") && reason.contains("Ray") => None,
        _ => return None,
    };
    let Some(role) = role else { return Some(invalid(scope, object, event)) };
    let mut candidate = Candidate::new(Code::PodRefused, Certainty::Certain, event.first, role.into(), object.shown())
        .value("role", &role.to_string())
        .value("message", message(&event.note))
        .because_of(event);
    candidate.healed = made_after(scope, role, event) || (role == Role::Worker && scope.began());
    if !scope.saw_the_end(object.last_seen) {
        candidate.cause.certainty = Certainty::Likely;
    }
    Some(candidate)
}

/// Returns `true` if a pod of the role was made after the Event, or the cluster was whole.
fn made_after(scope: &Scope<'_>, role: Role, event: &Event) -> bool {
    let made = |pod: &&Pod| pod.role == role && pod.created_at.is_some_and(|at| at >= event.at);
    scope.pods.iter().any(made) || scope.cluster.and_then(|cluster| cluster.ready_at).is_some_and(|at| at >= event.at)
}

/// Returns the candidate of a spec that KubeRay refused; it healed if anything was started.
fn invalid(scope: &Scope<'_>, object: &Subject, event: &Event) -> Candidate {
    let mut candidate =
        Candidate::new(Code::SpecInvalid, Certainty::Certain, event.first, Place::Words, object.shown())
            .value("kind", object.kind.name())
            .value("message", message(&event.note))
            .because_of(event);
    candidate.healed = started(scope);
    if !scope.saw_the_end(object.last_seen) || scope.was_unseen() {
        candidate.cause.certainty = Certainty::Likely;
    }
    candidate
}

/// Returns `true` if anything of the run was started.
fn started(scope: &Scope<'_>) -> bool {
    let head_seen = scope.cluster.is_some_and(|cluster| {
        let about = cluster.shown();
        scope.facts.conditions.iter().any(|condition| condition.about == about && condition.kind == "HeadPodReady")
    });
    !scope.pods.is_empty() || scope.began() || head_seen
}

/// Returns the words behind KubeRay's first ones: `The RayCluster spec is invalid team/name: …`.
fn message(note: &str) -> &str {
    match note.split_once(": ") {
        Some((before, after)) if before.contains(" is invalid ") => after,
        _ => note,
    }
}

fn of_condition(scope: &Scope<'_>, cluster: &Subject, condition: &Condition) -> Option<Candidate> {
    if !scope.admits(condition.at) || cluster.end().is_some_and(|end| condition.at > end) {
        return None;
    }
    let words = condition.message.rsplit("; ").next().unwrap_or_default();
    // KubeRay puts the name of the container before its message.
    let words = words.split_once(": ").filter(|(name, _)| is_name(name)).map_or(words, |(_, words)| words);
    let says = format!("{} is {}: {} {}", condition.kind, condition.status, condition.reason, condition.message);
    let candidate = |code, certainty, place| {
        let candidate = Candidate::new(code, certainty, condition.at, place, cluster.shown());
        candidate.because(Some(condition.at), &cluster.shown(), &says)
    };
    if (condition.kind.as_str(), condition.status.as_str()) == ("ReplicaFailure", "True") {
        let role = if condition.reason.contains("Head") { Role::Head } else { Role::Worker };
        let role = if scope.head.is_none() { Role::Head } else { role };
        let mut refused = candidate(Code::PodRefused, Certainty::Certain, role.into());
        refused.healed = scope.began()
            || scope.pods.iter().any(|pod| pod.role == role && pod.created_at.is_some_and(|at| at >= condition.at));
        if !scope.saw_the_end(cluster.last_seen) {
            refused.cause.certainty = Certainty::Likely;
        }
        return Some(refused.value("role", &role.to_string()).value("message", words));
    }
    if condition.kind != "HeadPodReady" || condition.status == "True" || !belongs(scope, condition) {
        return None;
    }
    let head = scope.head.map(Pod::shown).unwrap_or_default();
    let (code, certainty) = match condition.reason.as_str() {
        "OOMKilled" => (Code::HeadOOM, Certainty::Certain),
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
            (Code::ImagePull, Certainty::Certain)
        }
        "CreateContainerConfigError" | "CreateContainerError" => (Code::ContainerConfig, Certainty::Certain),
        "RunContainerError" | "StartError" | "ContainerCannotRun" => (Code::StartError, Certainty::Certain),
        // Its end may have been one for memory that nobody saw.
        "CrashLoopBackOff" => (Code::Crash, Certainty::Likely),
        _ => return None,
    };
    let mut told = candidate(code, certainty, Place::Head).value("message", words);
    if code == Code::HeadOOM {
        told = told.value("limit", scope.head.map_or("", |head| &head.memory_limit));
        told.cause.values.remove("message");
    } else {
        told = told
            .value("name", scope.head.map_or("ray-head", |head| &head.main_container))
            .value("image", &image(scope));
    }
    if !head.is_empty() {
        told.cause.subject = head;
        told.pod = scope.head.map(|head| head.name.clone()).unwrap_or_default();
    }
    // KubeRay notes the change of the status alone; a head that was ready later healed.
    told.healed = ready_after(scope, condition);
    if code != Code::HeadOOM && !scope.saw_the_end(cluster.last_seen) {
        told.cause.certainty = Certainty::Likely;
    }
    Some(told)
}

/// Returns `true` if the condition is of this head: a cluster may have had several.
fn belongs(scope: &Scope<'_>, condition: &Condition) -> bool {
    scope.head.and_then(|head| head.created_at).is_none_or(|created| condition.at >= created.plus(-1))
}

/// Returns `true` if the head was ready after a condition.
fn ready_after(scope: &Scope<'_>, condition: &Condition) -> bool {
    let ready = |other: &Condition| {
        other.about == condition.about
            && other.kind == "HeadPodReady"
            && other.status == "True"
            && other.at >= condition.at
    };
    scope.facts.conditions.iter().any(ready)
}

/// Returns the head's image: the pod's, else the spec's.
fn image(scope: &Scope<'_>) -> String {
    let spec = scope.cluster.and_then(|cluster| cluster.spec.as_ref());
    let group = spec.and_then(|spec| spec.groups.iter().find(|group| group.name == "head"));
    let told = scope.head.map(|head| head.image.clone()).filter(|image| !image.is_empty());
    told.or_else(|| group.map(|group| group.image.clone())).unwrap_or_default()
}

/// Returns the candidate of a head pod that went while its cluster stayed.
fn head_gone(scope: &Scope<'_>) -> Option<Candidate> {
    let head = scope.head?;
    let gone = head.gone_at.or(head.deleted_at)?;
    let cluster = scope.cluster?;
    let with_cluster =
        [cluster.end(), scope.job.and_then(Subject::end)].into_iter().flatten().any(|end| gone >= end.plus(-1));
    let suspended = [scope.cluster, scope.job]
        .into_iter()
        .flatten()
        .any(|object| object.suspends.iter().any(|suspend| suspend.value && suspend.at.is_some_and(|at| at <= gone)));
    if with_cluster || suspended || (scope.is_last && !scope.admits_sight(gone)) {
        return None;
    }
    // Made again, or not: either way it is not known why it went.
    let then = if scope.is_last { "and was not made again" } else { "and was made again, with a new session" };
    let at = scope.to.map_or(gone, |to| gone.min(to));
    let candidate = Candidate::of_pod(Code::HeadGone, Certainty::Likely, at, head).value("then", then);
    Some(candidate.because(Some(gone), &head.shown(), "the pod was gone while its cluster was there"))
}
