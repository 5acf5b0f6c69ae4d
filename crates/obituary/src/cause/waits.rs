//! Candidates from pods that never ran: no node, no image, no volume, no network. Whatever ran later healed.

use super::candidate::Candidate;
use super::scope::Scope;
use super::{Certainty, Code};
use crate::facts::{Container, Pod, Role, Waited};
use crate::time::{Time, span};

/// The init container that waits for the head.
const WAIT_FOR_HEAD: &str = "wait-gcs-ready";
/// Seconds that a container may be created before a volume is suspected.
const CREATING: i64 = 120;

/// Returns the candidates of all pods of a run that waited.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = scope.pods.iter().flat_map(|pod| of_pod(scope, pod)).collect();
    for candidate in &mut found {
        count(scope, candidate);
    }
    found
}

fn of_pod(scope: &Scope<'_>, pod: &Pod) -> Vec<Candidate> {
    let mut found = Vec::new();
    found.extend(unscheduled(scope, pod));
    let waiting = pod.containers.iter().filter(|container| pod.is_main(container) || container.name == WAIT_FOR_HEAD);
    for container in waiting {
        found.extend(container.waited.iter().filter_map(|waited| of_wait(scope, pod, container, waited)));
    }
    found.extend(of_events(scope, pod));
    found.extend(waited_for_head(scope, pod));
    for candidate in &mut found {
        candidate.healed = ran(pod).is_some_and(|ran| ran >= candidate.at.plus(-1));
        // A pod that was not seen since may have run.
        if !candidate.healed && !scope.saw_the_end(pod.last_seen) {
            candidate.cause.certainty = Certainty::Likely;
        }
    }
    found
}

/// Returns the last time at which Ray's container is known to have been up.
fn ran(pod: &Pod) -> Option<Time> {
    let main = pod.main()?;
    main.ran_at.max(main.last_ready)
}

/// Returns `true` if a wait that began at a time belongs to the run.
fn admitted(scope: &Scope<'_>, pod: &Pod, from: Time) -> bool {
    scope.admits_sight(from) && scope.cutoff(pod).is_none_or(|cutoff| from <= cutoff)
}

fn unscheduled(scope: &Scope<'_>, pod: &Pod) -> Option<Candidate> {
    let condition = pod.conditions.iter().find(|condition| {
        condition.kind == "PodScheduled" && condition.reason == "Unschedulable" && !condition.deleting
    });
    let reasons = ["FailedScheduling", "NotTriggerScaleUp", "NoCompatibleInstanceTypes"];
    let mut events: Vec<_> = scope.events_of(pod).filter(|event| reasons.contains(&event.reason.as_str())).collect();
    events.sort_by_key(|event| event.first);
    let at = condition.map(|condition| condition.at).or(events.first().map(|event| event.first))?;
    if !admitted(scope, pod, at) {
        return None;
    }
    let words = condition.map(|condition| condition.message.as_str()).filter(|message| !message.is_empty());
    let words = words.or(events.first().map(|event| event.note.as_str())).unwrap_or_default();
    let mut candidate = Candidate::of_pod(Code::Unschedulable, Certainty::Certain, at, pod).value("message", words);
    candidate = candidate.because(Some(at), &pod.shown(), &format!("PodScheduled is False: {words}"));
    for event in events {
        candidate = candidate.because_of(event);
    }
    candidate.healed = !pod.node.is_empty();
    // A pod that got a node waited for something else.
    (pod.node.is_empty() || pod.ran_at.is_some()).then_some(candidate)
}

fn of_wait(scope: &Scope<'_>, pod: &Pod, container: &Container, waited: &Waited) -> Option<Candidate> {
    let code = match waited.reason.as_str() {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Code::ImagePull,
        "CreateContainerConfigError" | "CreateContainerError" => Code::ContainerConfig,
        "RunContainerError" | "PostStartHookError" | "PreCreateHookError" | "PreStartHookError" => Code::StartError,
        _ => return None,
    };
    if waited.deleting || !admitted(scope, pod, waited.from) {
        return None;
    }
    let says = format!("{} waits: {}: {}", container.name, waited.reason, waited.message);
    Some(
        Candidate::of_pod(code, Certainty::Certain, waited.from, pod)
            .value("name", &container.name)
            .value("image", &pod.image)
            .value("message", &waited.message)
            .because(Some(waited.from), &pod.shown(), &says),
    )
}

/// Returns the candidates that only Events tell of: volumes, networks, and images where no wait was seen.
fn of_events(scope: &Scope<'_>, pod: &Pod) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for event in scope.events_of(pod) {
        let code = match event.reason.as_str() {
            "FailedMount" | "FailedAttachVolume" => Code::VolumeMount,
            "FailedCreatePodSandBox" | "NetworkNotReady" => Code::SandboxFailed,
            "Failed" if event.note.starts_with("Failed to pull image") && names_ray(pod, &event.note) => {
                Code::ImagePull
            }
            _ => continue,
        };
        if !admitted(scope, pod, event.first) {
            continue;
        }
        let image = if code == Code::ImagePull { pod.image.as_str() } else { "" };
        let waited =
            pod.main().into_iter().flat_map(|main| main.waited.iter()).map(|waited| waited.to.since(waited.from));
        // A volume may take its time: a short wait is no trouble yet.
        let long =
            waited.max().unwrap_or(0) >= CREATING || scope.to.is_some_and(|to| to.since(event.first) >= CREATING);
        let certainty = if code != Code::VolumeMount || long { Certainty::Certain } else { Certainty::Likely };
        found.push(
            Candidate::of_pod(code, certainty, event.first, pod)
                .value("image", image)
                .value("message", &event.note)
                .because_of(event),
        );
    }
    found
}

/// Returns `true` if the Event names the image of Ray's container; a sidecar's may fail without harm.
fn names_ray(pod: &Pod, note: &str) -> bool {
    !pod.image.is_empty() && note.contains(&format!("\"{}\"", pod.image))
}

fn waited_for_head(scope: &Scope<'_>, pod: &Pod) -> Option<Candidate> {
    let init = pod.containers.iter().find(|container| container.name == WAIT_FOR_HEAD)?;
    let since = init.ran_at?;
    let ended = init.ended.iter().any(|ended| ended.exit == Some(0));
    let head_ready = scope.head.and_then(|head| head.main()).is_some_and(|main| main.last_ready.is_some());
    if pod.role != Role::Worker || ended || head_ready || pod.ran_at.is_some() || !admitted(scope, pod, since) {
        return None;
    }
    let time = scope.to.map(|to| span(to.since(since))).unwrap_or_default();
    // Only where the head itself was seen is it known that it was not ready.
    let head_seen = scope.head.is_some_and(|head| scope.saw_the_end(head.last_seen));
    let certainty = if scope.has_gaps() || !head_seen { Certainty::Likely } else { Certainty::Certain };
    let candidate = Candidate::of_pod(Code::WaitedForHead, certainty, since, pod).value("time", &time);
    Some(candidate.because(Some(since), &pod.shown(), "wait-gcs-ready ran and never ended"))
}

/// Counts the pods of the group: how many never got a node, of how many.
fn count(scope: &Scope<'_>, candidate: &mut Candidate) {
    if candidate.cause.code != Code::Unschedulable {
        return;
    }
    let group: Vec<&&Pod> = scope.pods.iter().filter(|pod| pod.group == candidate.group).collect();
    let waiting =
        |pod: &&&Pod| pod.node.is_empty() && pod.conditions.iter().any(|condition| condition.reason == "Unschedulable");
    let without = group.iter().filter(|pod| waiting(pod)).count().max(1);
    let omitted =
        scope.facts.omitted.healthy_pods.get(&candidate.group).map_or(0, crate::facts::omitted::Dropped::count);
    let all = group.len() as u64 + omitted;
    for (name, number) in [("n", without as u64), ("m", all)] {
        candidate.cause.values.insert(name.to_owned(), number.to_string());
    }
}
