//! Candidates from pods that ran: ends of their containers, their own reasons, what removed them.

use super::candidate::Candidate;
use super::scope::Scope;
use super::{Certainty, Code};
use crate::cause::message::{Meaning, meaning};
use crate::facts::{Container, Ended, Event, Node, Pod, PodCondition, Role};
use crate::text::last_line;
use crate::time::Time;

/// Returns the candidates of all pods of a run.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    scope.pods.iter().flat_map(|pod| of_pod(scope, pod)).collect()
}

fn of_pod(scope: &Scope<'_>, pod: &Pod) -> Vec<Candidate> {
    let main = pod.main();
    let mut found: Vec<Candidate> =
        main.iter().flat_map(|main| main.ended.iter().filter_map(|ended| of_end(scope, pod, main, ended))).collect();
    found.extend(main.and_then(|main| crash_loop(scope, pod, main)));
    found.extend(pod.conditions.iter().filter_map(|condition| of_condition(scope, pod, condition)));
    found.extend(scope.events_of(pod).filter_map(|event| of_event(scope, pod, event)));
    found.extend(probe(scope, pod));
    let healed = |at: Time| main.and_then(|main| main.last_ready).is_some_and(|ready| ready > at.plus(1));
    for candidate in &mut found {
        candidate.healed = pod.role != Role::Submitter
            && healed(candidate.at)
            && pod.gone_at.is_none_or(|gone| gone > candidate.at.plus(5));
    }
    found
}

/// Returns the candidate of an end of Ray's container.
fn of_end(scope: &Scope<'_>, pod: &Pod, main: &Container, ended: &Ended) -> Option<Candidate> {
    let says = format!("{} ended: {}, exit code {}", main.name, ended.reason, ended.exit.unwrap_or_default());
    let candidate = |code, certainty, at| {
        Candidate::of_pod(code, certainty, at, pod)
            .value("name", &main.name)
            .value("exit", &ended.exit.map(|exit| exit.to_string()).unwrap_or_default())
            .value("message", last_line(&ended.message))
            .because(Some(ended.at), &pod.shown(), &says)
    };
    let before = scope.cutoff(pod).is_none_or(|cutoff| ended.at <= cutoff);
    let admitted = if ended.untimed { scope.admits_sight(ended.at) } else { scope.admits(ended.at) };
    if ended.out_of_memory() {
        let code = match pod.role {
            Role::Head => Code::HeadOOM,
            Role::Worker => Code::WorkerOOM,
            Role::Submitter => Code::SubmitterOOM,
        };
        if admitted && before {
            // First seen together with its deletion, the time alone tells that it came before.
            let certainty = if ended.deleting { Certainty::Likely } else { Certainty::Certain };
            return Some(candidate(code, certainty, ended.at));
        }
        // One process of the container was ended, at any time before.
        let late = pod.role == Role::Worker
            && lost_a_worker(scope)
            && !pod.main()?.ended.iter().any(|other| other.out_of_memory() && other.id != ended.id);
        let at = scope.attempt.and_then(|attempt| attempt.to).or(scope.to).map_or(ended.at, |to| to.min(ended.at));
        return late.then(|| candidate(code, Certainty::Likely, at));
    }
    if !admitted || !before || ended.deleting || pod.role == Role::Submitter && ended.reason == "Error" {
        return None;
    }
    match (ended.reason.as_str(), ended.exit) {
        ("StartError" | "ContainerCannotRun", _) => Some(candidate(Code::StartError, Certainty::Certain, ended.at)),
        ("ContainerStatusUnknown" | "Completed", _) | (_, None | Some(0 | 137 | 143)) => None,
        _ if pod.role == Role::Submitter => None,
        _ => {
            let times = main.ended.iter().filter(|other| other.exit == ended.exit).count();
            let times = if times > 1 { times.to_string() } else { String::new() };
            // A worker ends by itself when its head is gone, and another cause may have ended both.
            let fine = pod.role == Role::Head || scope.head_is_fine();
            let certainty = if fine && !scope.was_unseen() { Certainty::Certain } else { Certainty::Likely };
            Some(candidate(Code::Crash, certainty, ended.at).value("n", &times))
        }
    }
}

/// Returns `true` if Ray, or the message of the job, told of a worker that was lost unexpectedly.
fn lost_a_worker(scope: &Scope<'_>) -> bool {
    let told = |message: &str| message.contains("WorkerCrashedError") && meaning(message) == Meaning::System;
    scope.ray().is_some_and(super::ray::RayFacts::lost_a_worker)
        || scope.attempt.is_some_and(|attempt| told(&attempt.state.message))
}

/// Returns the candidate of a container that keeps ending, where no end was seen.
fn crash_loop(scope: &Scope<'_>, pod: &Pod, main: &Container) -> Option<Candidate> {
    let waited = main.waited.get(&"CrashLoopBackOff".to_owned()).filter(|waited| !waited.deleting)?;
    let known = main.ended.iter().any(|ended| !ended.deleting) || pod.role == Role::Submitter;
    if known || !scope.admits_sight(waited.from) {
        return None;
    }
    let candidate = Candidate::of_pod(Code::Crash, Certainty::Likely, waited.from, pod).value("name", &main.name);
    Some(candidate.because(Some(waited.from), &pod.shown(), &format!("CrashLoopBackOff: {}", waited.message)))
}

/// Returns the candidate of a condition, or of the pod's own reason.
fn of_condition(scope: &Scope<'_>, pod: &Pod, condition: &PodCondition) -> Option<Candidate> {
    use Code::{Drained, Evicted, NodeLost, NodeRejected, NodeShutdown, PodPreempted, SpotReclaimed};
    let node = node(scope, pod);
    let shutdown = if node.is_some_and(|node| node.spot) { SpotReclaimed } else { NodeShutdown };
    let code = match (condition.kind.as_str(), condition.reason.as_str()) {
        ("Pod", "Terminated" | "NodeShutdown" | "Shutdown") => shutdown,
        ("DisruptionTarget", "TerminationByKubelet") if says_shutdown(&condition.message) => shutdown,
        ("Pod", "Evicted") | ("DisruptionTarget", "TerminationByKubelet") => Evicted,
        ("Pod", "NodeLost") | ("DisruptionTarget", "DeletionByTaintManager" | "DeletionByPodGC") => NodeLost,
        ("Pod", "Preempting") | ("DisruptionTarget", "PreemptionByScheduler") => PodPreempted,
        ("DisruptionTarget", "EvictionByEvictionAPI") => Drained,
        ("Pod", "UnexpectedAdmissionError" | "NodeAffinity" | "NodePorts" | "Topology" | "TopologyAffinityError") => {
            NodeRejected
        }
        ("Pod", reason) if reason.to_ascii_lowercase().starts_with("outof") => NodeRejected,
        _ => return None,
    };
    // The removal sets these together with the deletion of the pod; only that of the cluster explains them.
    let before = scope.cluster.and_then(crate::facts::Subject::end).is_none_or(|end| condition.at <= end);
    if !before
        || !scope.admits_sight(condition.at)
        || (scope.to.is_some_and(|to| condition.at > to) && condition.kind != "Pod")
    {
        return None;
    }
    let says = format!("{} {}: {}", condition.kind, condition.reason, condition.message);
    let at = scope.to.map_or(condition.at, |to| condition.at.min(to));
    let mut candidate = Candidate::of_pod(code, Certainty::Certain, at, pod)
        .value("message", &condition.message)
        .value("reason", &condition.reason)
        .because(Some(condition.at), &pod.shown(), &says);
    if code == Evicted && is_own_limit(&condition.message) {
        candidate = candidate.value("own", " ").without("node");
    }
    if matches!(code, NodeLost | SpotReclaimed) {
        candidate = timed(candidate, code, pod, at);
    }
    Some(candidate)
}

fn says_shutdown(message: &str) -> bool {
    message.contains("shutdown") || message.contains("shutting down")
}

/// Returns `true` for kubelet's words on a limit of the pod's own.
fn is_own_limit(message: &str) -> bool {
    message.contains("exceeds the limit") || message.contains("exceeded its local ephemeral storage limit")
}

/// Adds when a node stopped answering, or how long it was there.
pub(super) fn timed(candidate: Candidate, code: Code, pod: &Pod, at: Time) -> Candidate {
    if code == Code::NodeLost {
        let clock: String = at.to_string().chars().skip(11).take(8).collect();
        return candidate.value("at", &format!("{clock} UTC"));
    }
    let ran = pod.ran_at.or(pod.created_at).map(|from| crate::time::span(at.since(from)));
    candidate.value("time", &ran.unwrap_or_default())
}

/// Returns the node of a pod.
pub(super) fn node<'a>(scope: &Scope<'a>, pod: &Pod) -> Option<&'a Node> {
    let mut nodes: Vec<&Node> = scope.facts.nodes.iter().filter(|node| node.name == pod.node).collect();
    // Of several nodes with one name, the newest one that was there before the pod.
    nodes.sort_by_key(|node| node.created_at);
    nodes.into_iter().rfind(|node| node.created_at <= pod.created_at || pod.created_at.is_none())
}

/// Returns the candidate of an Event about a pod.
fn of_event(scope: &Scope<'_>, pod: &Pod, event: &Event) -> Option<Candidate> {
    let by_kubelet = event.from == "kubelet" || event.from.is_empty();
    let code = match event.reason.as_str() {
        "Evicted" if by_kubelet => Code::Evicted,
        "Preempted" | "PreemptedByScheduler" => Code::PodPreempted,
        "Preempting" if by_kubelet => Code::PodPreempted,
        "Evicted" | "DisruptionTerminating" => Code::Drained,
        "TaintManagerEviction" if event.note.starts_with("Marking") => Code::NodeLost,
        "NodeNotReady" => Code::NodeLost,
        _ => return None,
    };
    let end = scope.cluster.and_then(crate::facts::Subject::end);
    if !scope.admits(event.first) || end.is_some_and(|end| event.first > end) {
        return None;
    }
    // A node that came back in time took no pod with it, and a taint may have other reasons.
    let went = pod.gone_at.or(pod.deleted_at).is_some_and(|gone| gone >= event.first);
    let sure = code != Code::NodeLost;
    if !sure && !went {
        return None;
    }
    let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
    let mut candidate = Candidate::of_pod(code, certainty, event.first, pod).because_of(event);
    if code == Code::NodeLost {
        candidate = timed(candidate, code, pod, event.first);
    } else {
        candidate = candidate.value("message", &event.note);
    }
    if code == Code::Evicted && is_own_limit(&event.note) {
        candidate = candidate.value("own", " ").without("node");
    }
    Some(candidate)
}

/// Returns the candidate of a container that was restarted for its liveness probe.
fn probe(scope: &Scope<'_>, pod: &Pod) -> Option<Candidate> {
    let killing = scope.events_of(pod).find(|event| {
        event.reason == "Killing" && event.note.contains("failed liveness probe") && scope.admits(event.first)
    })?;
    let name = killing.note.split_whitespace().nth(1).unwrap_or_default();
    let main = pod.main().is_some_and(|main| main.name == name);
    let before = scope.cutoff(pod).is_none_or(|cutoff| killing.first < cutoff);
    (main && before).then(|| {
        let candidate = Candidate::of_pod(Code::ProbeKilled, Certainty::Certain, killing.first, pod);
        let candidate = candidate.value("name", name).because_of(killing);
        let failed =
            scope.events_of(pod).find(|event| event.reason == "Unhealthy" && event.note.starts_with("Liveness"));
        match failed {
            Some(failed) => candidate.because_of(failed),
            None => candidate,
        }
    })
}

impl Candidate {
    /// Removes a value.
    fn without(mut self, name: &str) -> Self {
        self.cause.values.remove(name);
        self
    }
}
