//! Candidates from nodes: lost, drained, taken back. Their pods were seen to go with them.

use super::candidate::Candidate;
use super::pods::{node, timed};
use super::scope::Scope;
use super::{Certainty, Code};
use crate::facts::{Event, Node, Pod, Subject};
use crate::time::Time;

/// Seconds within which a node that goes takes its pod with it.
const TOGETHER: i64 = 180;
/// Seconds from the announcement of a drain to the end of a pod.
const DRAIN: i64 = 600;

/// Returns the candidates of the nodes of all pods.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    scope.pods.iter().flat_map(|pod| of_pod(scope, pod)).collect()
}

fn of_pod(scope: &Scope<'_>, pod: &Pod) -> Vec<Candidate> {
    let events = scope.events_about_node(pod).filter_map(|event| of_event(scope, pod, event));
    let mut found: Vec<Candidate> = events.collect();
    if let (Some(node), Some(went)) = (node(scope, pod), went(scope, pod)) {
        found.extend(of_node(scope, pod, node, went));
    }
    found
}

/// Returns the time at which a pod went for no reason that Ray or its cluster had.
fn went(scope: &Scope<'_>, pod: &Pod) -> Option<Time> {
    let went = pod.deleted_at.into_iter().chain(pod.gone_at).min()?;
    let with_cluster = scope.cluster.and_then(Subject::end).is_some_and(|end| went >= end.plus(-1));
    // KubeRay says which pods it removed: to scale down, or because they had failed already.
    let scaled = scope.facts.events.iter().any(|event| {
        matches!(event.reason.as_str(), "DeletedWorkerPod" | "DeletedPod" | "DeletedHeadPod")
            && names_pod(&event.note, &pod.name)
            && !event.note.contains("Pod status: Failed")
    });
    (!with_cluster && !scaled && scope.admits_sight(went)).then_some(went)
}

fn names_pod(note: &str, pod: &str) -> bool {
    note.split([' ', '/', ',', ';']).any(|word| word == pod)
}

fn of_node(scope: &Scope<'_>, pod: &Pod, node: &Node, went: Time) -> Option<Candidate> {
    let about = format!("node {}", node.name);
    let near = |at: Time, seconds: i64| at.since(went).abs() <= seconds;
    let candidate = |code, at: Time, says: &str| {
        let at = scope.to.map_or(at, |to| at.min(to));
        let candidate = Candidate::of_pod(code, Certainty::Likely, at, pod).because(Some(at), &about, says);
        timed_if_needed(candidate, code, pod, at)
    };
    if let Some((at, taint)) = node.drained.as_ref().filter(|(at, _)| *at <= went && near(*at, DRAIN)) {
        return Some(candidate(Code::Drained, *at, taint).value("message", taint));
    }
    if let Some(at) = node.not_ready_at.filter(|at| *at <= went && near(*at, DRAIN)) {
        return Some(candidate(Code::NodeLost, at, "the node was not ready"));
    }
    let gone = node.gone_at.filter(|at| near(*at, TOGETHER) && node.spot)?;
    Some(candidate(Code::SpotReclaimed, went.min(gone), "the spot node was gone with its pod"))
}

fn timed_if_needed(candidate: Candidate, code: Code, pod: &Pod, at: Time) -> Candidate {
    match code {
        Code::NodeLost | Code::SpotReclaimed => timed(candidate, code, pod, at),
        _ => candidate,
    }
}

fn of_event(scope: &Scope<'_>, pod: &Pod, event: &Event) -> Option<Candidate> {
    let (code, certainty) = match event.reason.as_str() {
        "SpotInterrupted" | "SpotInterruption" => (Code::SpotReclaimed, Certainty::Certain),
        "DisruptionTerminating" | "ScaleDown" | "DrainNode" => (Code::Drained, Certainty::Likely),
        "NodeNotReady" => (Code::NodeLost, Certainty::Likely),
        "Shutdown" | "NodeShutdown" => (Code::NodeShutdown, Certainty::Likely),
        _ => return None,
    };
    let went = went(scope, pod)?;
    let with_it = (event.first.plus(-5)..=event.first.plus(DRAIN)).contains(&went);
    (with_it && scope.admits(event.first)).then(|| {
        let candidate = Candidate::of_pod(code, certainty, event.first, pod).because_of(event);
        let candidate = if code == Code::Drained { candidate.value("message", &event.note) } else { candidate };
        timed_if_needed(candidate, code, pod, event.first)
    })
}

impl Scope<'_> {
    /// Returns the Events about the node of a pod.
    fn events_about_node(&self, pod: &Pod) -> impl Iterator<Item = &Event> {
        let about = ["Node", "NodeClaim"].map(|kind| format!("{kind} {}", pod.node));
        let named = !pod.node.is_empty();
        self.facts.events.iter().filter(move |event| named && about.contains(&event.about))
    }
}
