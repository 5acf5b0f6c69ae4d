//! The facts that speak for the first cause, each with a link to where it is shown in full.

use super::known::Known;
use super::timeline::{self, Row};
use super::when::when;
use crate::http::request::path::escape_name;
use crate::http::sessions::obituary::{WITHHELD, may_quote_a_log};
use maud::{Markup, html};
use ray_history_obituary::cause::{Cause, Evidence, Run};

/// Returns the facts of the first cause; nothing without one.
pub(super) fn evidence(known: &Known, rows: &[Row], root: &str) -> Markup {
    let first = known.run.as_ref().and_then(Run::first_cause);
    let Some(cause) = first.filter(|cause| !cause.evidence.is_empty()) else { return html! {} };
    html! {
        h2 { "Evidence" }
        ul {
            @for fact in &cause.evidence {
                li {
                    (when(fact.at, known.zone)) " " b { (fact.about) } ": "
                    @if known.shows_logs || !may_quote_a_log(&known.document.facts, fact) { span.words { (fact.says) } } @else { i { (WITHHELD) } }
                    @for (href, words) in links(known, rows, cause, fact, root) { " " a href=(href) { (words) } }
                }
            }
        }
    }
}

/// Returns the places where a fact is shown in full.
fn links(known: &Known, rows: &[Row], cause: &Cause, fact: &Evidence, root: &str) -> Vec<(String, &'static str)> {
    let mut links = Vec::new();
    if let Some(row) = timeline::row_of(rows, fact) {
        links.push((format!("#{row}"), "in the timeline"));
    }
    let subject = if fact.about == "Ray" { &cause.subject } else { &fact.about };
    let is_kept = |name: &str| known.document.facts.pods.iter().any(|pod| pod.name == name);
    match subject.split_once(' ') {
        Some((kind, name)) if kind.eq_ignore_ascii_case("pod") && is_kept(name) => {
            links.push((format!("#pod-{}", escape_name(name)), "the pod"));
        }
        Some(("job", id)) => {
            if let Some(ray) = &known.ray {
                let path = format!("{root}{}", ray.path);
                links.push((format!("{path}#/jobs/{}", escape_name(id)), "the job"));
                if known.shows_logs {
                    links.push((format!("{path}api/jobs/{}/logs", escape_name(id)), "its log"));
                }
            }
        }
        _ => {}
    }
    links
}
