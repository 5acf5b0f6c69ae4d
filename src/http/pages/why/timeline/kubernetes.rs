//! Rows of all that Kubernetes told.

use super::Row;
use crate::http::sessions::obituary;
use ray_history_obituary::facts::{Attempt, Facts, Node, Pod, Subject};
use ray_history_obituary::text::last_line;
use ray_history_obituary::time::Time;

const API: &str = "Kubernetes";
const WATCH: &str = "our watch";

/// Rows, as they are added.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, at: Option<Time>, object: &str, what: impl Into<String>, from: &'static str) {
        self.quote(at, object, what, "", from);
    }

    /// Adds a row with words that may come from a log.
    fn quote(&mut self, at: Option<Time>, object: &str, what: impl Into<String>, quoted: &str, from: &'static str) {
        if let Some(at) = at {
            let (object, quoted) = (object.to_owned(), quoted.to_owned());
            self.0.push(Row { at, object, what: what.into(), quoted, from });
        }
    }
}

/// Returns the rows of all facts.
pub(super) fn rows(facts: &Facts, shows_logs: bool) -> Vec<Row> {
    let mut rows = Rows::default();
    facts.objects.iter().for_each(|object| of_object(&mut rows, object));
    for condition in facts.conditions.iter() {
        let what = format!("{} is {} {}", condition.kind, condition.status, condition.reason);
        rows.quote(Some(condition.at), &condition.about, what.trim_end(), &condition.message, "condition");
    }
    facts.attempts.iter().for_each(|attempt| of_attempt(&mut rows, attempt));
    facts.pods.iter().for_each(|pod| of_pod(&mut rows, pod));
    facts.nodes.iter().for_each(|node| of_node(&mut rows, node));
    for event in facts.events.iter() {
        let note = obituary::note(event, shows_logs);
        let times =
            if event.count > 1 { format!(" ({} times, last {})", event.count, event.at) } else { String::new() };
        rows.add(Some(event.first), &event.about, format!("{}: {note}{times}", event.reason), "Event");
    }
    for (session, at) in &facts.sessions {
        rows.add(Some(*at), session, "the session began", "our list");
    }
    rows.0
}

fn of_object(rows: &mut Rows, object: &Subject) {
    let shown = object.shown();
    rows.add(object.created_at, &shown, "created", API);
    rows.add(object.ready_at, &shown, "ready for the first time", API);
    for suspend in object.suspends.iter() {
        let by = suspend.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        rows.add(suspend.at, &shown, format!("{}{by}", if suspend.value { "suspended" } else { "resumed" }), API);
    }
    rows.add(object.deleted_at, &shown, "its deletion was asked for", API);
    rows.add(object.gone_at, &shown, "gone", WATCH);
}

fn of_attempt(rows: &mut Rows, attempt: &Attempt) {
    let object = format!("attempt on {}", if attempt.cluster.is_empty() { "no cluster" } else { &attempt.cluster });
    rows.add(attempt.from, &object, "began", "RayJob");
    rows.add(attempt.ran_at, &object, "Ray's job runs", "RayJob");
    let state = &attempt.state;
    let words = [&state.deployment_status, &state.job_status, &state.reason];
    let words: Vec<&str> = words.into_iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    rows.quote(attempt.to, &object, words.join(", "), last_line(&state.message), "RayJob");
}

fn of_pod(rows: &mut Rows, pod: &Pod) {
    let shown = pod.shown();
    rows.add(pod.created_at, &shown, format!("created ({})", pod.role), "pod");
    rows.add(pod.ran_at, &shown, "its main container runs", "pod");
    for condition in pod.conditions.iter() {
        let what = format!("{}: {}", condition.kind, condition.reason);
        rows.quote(Some(condition.at), &shown, what, &condition.message, "pod");
    }
    for container in pod.containers.iter() {
        for waited in container.waited.iter() {
            let what = format!("{} waited until {}: {}", container.name, waited.to, waited.reason);
            rows.quote(Some(waited.from), &shown, what, &waited.message, "pod");
        }
        for ended in container.ended.iter() {
            let exit = ended.exit.map_or_else(String::new, |exit| format!(", exit code {exit}"));
            let what = format!("{} ended: {}{exit}", container.name, ended.reason);
            rows.quote(Some(ended.at), &shown, what, &ended.message, "pod");
        }
    }
    rows.add(pod.deleted_at, &shown, "its deletion was asked for", "pod");
    rows.add(pod.gone_at, &shown, "gone", WATCH);
}

fn of_node(rows: &mut Rows, node: &Node) {
    let shown = format!("node {}", node.name);
    rows.add(node.not_ready_at, &shown, "stopped answering", API);
    if let Some((at, taint)) = &node.drained {
        rows.add(Some(*at), &shown, format!("marked to be drained: {taint}"), API);
    }
    rows.add(node.gone_at, &shown, "gone", WATCH);
}
