//! The objects as far as they are kept: attempts, runs, pods; and all that was not seen.

use super::known::Known;
use super::when::{span, when};
use crate::http::request::path::escape_name;
use crate::http::sessions::obituary::WITHHELD;
use maud::{Markup, html};
use ray_history_obituary::facts::{Attempt, Facts, Node, Pod};
use ray_history_obituary::text::last_line;

const ATTEMPTS: [&str; 5] = ["Attempt", "Cluster", "State", "When", "Message"];
const PODS: [&str; 6] = ["Pod", "Group", "Node", "State", "When", "Ended"];

/// Returns the attempts, and the runs of an object that has several.
pub(super) fn attempts(known: &Known) -> Markup {
    let mut attempts: Vec<&Attempt> = known.document.facts.attempts.iter().collect();
    attempts.sort_by_key(|attempt| (attempt.from, attempt.to));
    let runs = &known.document.runs;
    html! {
        @if !attempts.is_empty() {
            h2 { "Attempts" }
            table {
                thead { tr { @for column in ATTEMPTS { th scope="col" { (column) } } } }
                tbody {
                    @for (number, attempt) in attempts.iter().enumerate() {
                        tr {
                            td data-label="Attempt" { (number + 1) }
                            td data-label="Cluster" { (attempt.cluster) }
                            td data-label="State" {
                                (attempt.state.deployment_status) " " (attempt.state.job_status) " " (attempt.state.reason)
                            }
                            td data-label="When" { (span(attempt.from, attempt.to, known.zone)) }
                            td.words { (message(known, &attempt.state.message)) }
                        }
                    }
                }
            }
        }
        @if runs.len() > 1 {
            h2 { "Runs" }
            p.quiet { "A run is the life of the object with one head pod." }
            ol {
                @for run in runs {
                    li {
                        b { (run.outcome) } " " (run.sentence(&known.document.facts)) " "
                        span.quiet { (run.cluster) ", " (span(run.from, run.to, known.zone)) }
                    }
                }
            }
        }
    }
}

/// Returns a message that quotes a log: its last line, with all that is kept of it.
fn message(known: &Known, message: &str) -> Markup {
    html! {
        @if message.is_empty() {}
        @else if known.shows_logs { details { summary { (last_line(message)) } pre tabindex="0" { (message) } } }
        @else { i { (WITHHELD) } }
    }
}

/// Returns the pods.
pub(super) fn pods(known: &Known) -> Markup {
    let facts = &known.document.facts;
    let healthy = &facts.omitted.healthy_pods;
    html! {
        @if !facts.pods.is_empty() || !healthy.is_empty() {
            h2 { "Pods" }
            @if !facts.pods.is_empty() {
                table {
                    thead { tr { @for column in PODS { th scope="col" { (column) } } } }
                    tbody { @for pod in facts.pods.iter() { (row(known, facts, pod)) } }
                }
            }
            @for (group, dropped) in healthy {
                p.quiet { (dropped.count()) " pods of " (group) " without trouble are not listed." }
            }
        }
    }
}

/// Returns the end of the log of the submitter that failed last, if it was kept.
pub(super) fn submitter_log(known: &Known) -> Markup {
    let Some(log) = &known.document.submitter_log else { return html! {} };
    html! {
        h2 { "Log of the submitter" }
        p { "Pod " (log.pod) ", container " (log.container) ", which ended " (when(Some(log.at), known.zone))
            @if log.is_cut { ". Lines before these were not kept" } "." }
        @if known.shows_logs { details { summary { "Its last lines" } pre tabindex="0" { (log.text) } } }
        @else { p { i { (WITHHELD) } } }
    }
}

fn row(known: &Known, facts: &Facts, pod: &Pod) -> Markup {
    let node = facts.nodes.iter().find(|node| node.name == pod.node);
    html! {
        tr id={ "pod-" (escape_name(&pod.name)) } {
            td { (pod.name) }
            td data-label="Group" { (pod.role) @if !pod.group.is_empty() { ", " (pod.group) } }
            td data-label="Node" { (pod.node) @if let Some(node) = node { div.quiet { (machine(node)) } } }
            td data-label="State" {
                (pod.phase)
                @if pod.restarts > 0 { div.quiet { (pod.restarts) " restarts" } }
                @for condition in pod.conditions.iter() { div.quiet { (condition.kind) ": " (condition.reason) } }
            }
            td data-label="When" { (span(pod.created_at, pod.gone_at.or(pod.deleted_at), known.zone)) }
            td.words {
                @for container in pod.containers.iter() {
                    @for ended in container.ended.iter() {
                        div {
                            (container.name) ": " (ended.reason)
                            @if let Some(exit) = ended.exit { ", exit code " (exit) }
                            " " (when(Some(ended.at), known.zone))
                            (message(known, &ended.message))
                        }
                    }
                }
            }
        }
    }
}

/// Returns what is known of a machine in words.
fn machine(node: &Node) -> String {
    let spot = if node.spot { "spot" } else { "" };
    let words = [spot, &node.instance_type, &node.zone];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Returns what was not seen, and what was dropped.
pub(super) fn unseen(known: &Known) -> Markup {
    let facts = &known.document.facts;
    let omitted = &facts.omitted;
    let counts = [
        (omitted.pods.count(), "pods in trouble"),
        (omitted.events.count(), "Events"),
        (omitted.others.count(), "other facts"),
    ];
    let dropped: Vec<String> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let is_whole = facts.unseen.is_empty() && dropped.is_empty() && known.ray.is_some() && known.shows_logs;
    html! {
        h2 { "Not seen" }
        @if is_whole { p { "Nothing is known to be missing." } }
        @else {
            ul {
                @for unseen in &facts.unseen { li { (unseen) } }
                @if !dropped.is_empty() { li { "Left out, to stay within bounds: " (dropped.join(", ")) } }
                @if known.ray.is_none() { li { "Ray's own facts, because its session is not open" } }
                @if !known.shows_logs { li { "Texts from logs, because you may not read logs of this namespace" } }
            }
        }
    }
}
