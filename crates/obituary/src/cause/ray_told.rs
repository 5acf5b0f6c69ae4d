//! Candidates from Ray's own facts.

use super::candidate::{Candidate, Place};
use super::job::program;
use super::ray::{JobState, RayFacts};
use super::scope::Scope;
use super::{Certainty, Code};
use crate::facts::{Pod, Role};
use crate::time::Time;

/// Returns the candidates of Ray's facts, if they are known.
pub(super) fn candidates(scope: &Scope<'_>) -> Vec<Candidate> {
    let Some(ray) = scope.ray() else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(out_of_memory(scope, ray));
    found.extend(drained(scope, ray));
    if scope.attempt.is_none() {
        found.extend(jobs(scope, ray));
    }
    found
}

fn out_of_memory(scope: &Scope<'_>, ray: &RayFacts) -> Option<Candidate> {
    let exits = ray.worker_exits.iter().filter(|exit| exit.exit_type == "NODE_OUT_OF_MEMORY");
    let exits: Vec<(&str, Option<Time>, u64)> = exits.map(|exit| (exit.pod.as_str(), exit.at, 1)).collect();
    let errors = ray.task_errors.iter().filter(|errors| errors.error == "OUT_OF_MEMORY");
    let told = if exits.is_empty() {
        errors.map(|errors| (errors.pod.as_str(), errors.at, errors.count)).collect()
    } else {
        exits
    };
    let (pod, at, _) = *told.iter().min_by_key(|(_, at, _)| at.unwrap_or(Time(i64::MAX)))?;
    let at = at.or(scope.to)?;
    let killed: u64 = told.iter().map(|(_, _, count)| count).sum();
    scope.admits(at).then(|| {
        let place = place(scope, pod);
        let candidate = Candidate::new(Code::RayOOM, Certainty::Certain, at, place, shown(pod));
        let killed = if killed > 1 { killed.to_string() } else { String::new() };
        let mut candidate = candidate.value("n", &killed).value("node", pod).because(Some(at), "Ray", "out of memory");
        candidate.pod = pod.to_owned();
        // Ray ends workers, not the node: a job does not end with the head's.
        candidate.place = if place == Place::Head { Place::Worker } else { place };
        candidate
    })
}

fn drained(scope: &Scope<'_>, ray: &RayFacts) -> Vec<Candidate> {
    let reasons = ["AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE"];
    let nodes = ray.dead_nodes.iter().filter(|node| reasons.contains(&node.reason.as_str()));
    let quiet = |name: &str| scope.pods.iter().find(|pod| pod.name == name).is_none_or(|pod| !pod.is_troubled());
    let quiet_nodes = nodes.filter(|node| quiet(&node.pod) && node.at.is_some_and(|at| scope.admits(at)));
    quiet_nodes
        .map(|node| {
            let at = node.at.unwrap_or_default();
            let why = if node.reason.ends_with("IDLE") { "it was idle" } else { "it was to be preempted" };
            let about = shown(&node.pod);
            // An idle node goes without harm.
            let mut candidate = Candidate::new(Code::RayDrained, Certainty::Likely, at, place(scope, &node.pod), about)
                .value("node", &node.pod)
                .value("why", why)
                .because(Some(at), "Ray", &format!("{}: {}", node.reason, node.message));
            candidate.pod = node.pod.clone();
            candidate.healed = node.reason.ends_with("IDLE");
            candidate
        })
        .collect()
}

/// Returns the candidates of Ray's jobs, where no `RayJob` tells of them.
fn jobs(scope: &Scope<'_>, ray: &RayFacts) -> Vec<Candidate> {
    let ends = ray.jobs.iter().filter_map(|job| {
        let code = match job.state {
            JobState::Failed => Code::AppFailed,
            JobState::Stopped => Code::Stopped,
            JobState::Succeeded | JobState::Open => return None,
        };
        let at = job.at.or(scope.to)?;
        let system = super::message::meaning(&job.message) != super::message::Meaning::Program;
        let sure = code == Code::Stopped || !system;
        let certainty = if sure { Certainty::Certain } else { Certainty::Likely };
        let candidate = Candidate::new(code, certainty, at, Place::Words, format!("job {}", job.id));
        let message = if code == Code::AppFailed { program(&job.message) } else { String::new() };
        Some(candidate.value("message", &message).because(Some(at), "Ray", &job.message))
    });
    ends.collect()
}

/// Returns a pod as causes name it; before Ray 2.54 no event has the name of a host.
fn shown(pod: &str) -> String {
    if pod.is_empty() { "a node of Ray".to_owned() } else { format!("pod {pod}") }
}

/// Returns the place of a pod by its name.
fn place(scope: &Scope<'_>, name: &str) -> Place {
    let role = scope.pods.iter().find(|pod: &&&Pod| pod.name == name).map_or(Role::Worker, |pod| pod.role);
    role.into()
}
