//! Failures of the session by fingerprint, each with an example in Ray's own pages.

use super::known::{Known, Ray};
use super::when::span;
use crate::http::request::path::escape_name;
use maud::{Markup, html};
use ray_history_core::snapshot::failures::{FailureGroup, FailureKind, Sample};
use ray_history_obituary::time::Time;

/// Groups that are shown.
const SHOWN: usize = 50;
const COLUMNS: [&str; 4] = ["Failures", "What failed", "When", "Example"];

/// Returns the table; nothing if the session is not open.
pub(super) fn failures(known: &Known, root: &str) -> Markup {
    let Some(ray) = known.ray.as_ref() else { return html! {} };
    let groups = &ray.failures.groups;
    let hidden = groups.len().saturating_sub(SHOWN) as u64 + ray.failures.others.groups;
    html! {
        h2 { "Failures" }
        @if groups.is_empty() {
            p { "No task, actor, worker, node or job of the session failed." }
        } @else {
            p.quiet { "A row is what failed in the same way: the same error, function and last words, but for numbers and ids." }
            table {
                thead { tr { @for column in COLUMNS { th scope="col" { (column) } } } }
                tbody {
                    @for (at, group) in groups.iter().take(SHOWN).enumerate() {
                        tr id={ "failure-" (at) } {
                            td data-label="Failures" { (count(group)) }
                            td { (what(group, groups)) }
                            td data-label="When" {
                                (span(group.first_at.map(Time), group.last_at.map(Time), known.zone))
                            }
                            td { (example(known, ray, group, root)) }
                        }
                    }
                }
            }
            @if hidden > 0 { p.quiet { "And " (hidden) " more kinds of failures, with fewer each." } }
        }
    }
}

fn count(group: &FailureGroup) -> Markup {
    html! {
        b { (group.attempts) } " "
        @if group.kind == FailureKind::Task {
            (plural(group.attempts, "attempt")) " of " (group.tasks) " " (plural(group.tasks, "task"))
            @if group.recovered > 0 { div.quiet { (group.recovered) " of them finished later" } }
        } @else {
            (plural(group.attempts, group.kind.as_str()))
        }
        @if group.nodes > 1 { div.quiet { "on " (group.nodes) " nodes" } }
    }
}

fn plural(count: u64, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}

fn what(group: &FailureGroup, groups: &[FailureGroup]) -> Markup {
    html! {
        @if !group.func_or_class_name.is_empty() { b { (group.func_or_class_name) } " " }
        code title={ "Fingerprint " (group.fingerprint) } { (group.error_type) }
        @if !group.detail.is_empty() { div.words { (group.detail) } }
        @if let Some((at, death)) = group.caused_by.and_then(|at| Some((at, groups.get(at)?))) {
            div.quiet {
                "explained by "
                @if at < SHOWN { a href={ "#failure-" (at) } { "the death of a " (death.kind.as_str()) } }
                @else { "the death of a " (death.kind.as_str()) }
            }
        }
    }
}

fn example(known: &Known, ray: &Ray, group: &FailureGroup, root: &str) -> Markup {
    let sample = &group.sample;
    let path = format!("{root}{}", ray.path);
    html! {
        @if let Some((href, words)) = page(&path, group) { a href=(href) { (words) } }
        @if let (FailureKind::Task, Some(attempt), true) = (group.kind, sample.attempt, known.shows_logs) {
            " " a href={ (path) "api/v0/logs/file?task_id=" (sample.id) "&attempt_number=" (attempt) "&suffix=err" } {
                "its output"
            }
        }
        @if let (FailureKind::Submission, true) = (group.kind, known.shows_logs) {
            " " a href={ (path) "api/jobs/" (escape_name(&sample.id)) "/logs" } { "its log" }
        }
        @if !sample.message.is_empty() {
            details { summary { "Message" } pre tabindex="0" { (sample.message) } }
        }
    }
}

/// Returns the page of an example in Ray's dashboard.
fn page(path: &str, group: &FailureGroup) -> Option<(String, String)> {
    let Sample { id, attempt, node_id, .. } = &group.sample;
    let short: String = id.chars().take(8).collect();
    Some(match group.kind {
        FailureKind::Task => {
            let number = attempt.unwrap_or_default();
            (format!("{path}#/jobs/{}/tasks/{id}", group.job_id), format!("task {short}…, attempt {number}"))
        }
        FailureKind::Actor => (format!("{path}#/actors/{id}"), format!("actor {short}…")),
        FailureKind::Node => (format!("{path}#/cluster/nodes/{id}"), format!("node {short}…")),
        FailureKind::Worker if node_id.is_empty() => return None,
        FailureKind::Worker => (format!("{path}#/cluster/nodes/{node_id}"), format!("node of worker {short}…")),
        FailureKind::Job | FailureKind::Submission => {
            (format!("{path}#/jobs/{}", escape_name(id)), format!("job {id}"))
        }
    })
}
