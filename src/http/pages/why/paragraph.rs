//! The paragraph: the outcome, the sentence of the first cause, and how certain it is. Other causes and trouble follow.

use super::known::Known;
use super::when::{span, when};
use maud::{Markup, html};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::cause::{Cause, Certainty};

/// Returns the paragraph.
pub(super) fn paragraph(known: &Known, root: &str) -> Markup {
    let Some(run) = &known.run else {
        return html! { p.note { "The obituary tells of no run." } };
    };
    let (class, mark, word) = match run.outcome {
        Outcome::Failed => ("failed", "\u{2715}", "Failed"),
        Outcome::Succeeded => ("succeeded", "\u{2713}", "Succeeded"),
        Outcome::Stopped => ("stopped", "\u{25a0}", "Stopped"),
        Outcome::Unknown => ("unknown", "?", "Unknown"),
    };
    let first = run.first_cause();
    html! {
        p.cause {
            span class={ "outcome " (class) } { span.mark aria-hidden="true" { (mark) } " " (word) }
            " " strong { (run.sentence(&known.document.facts)) }
        }
        p.quiet {
            @match first.map(|cause| cause.certainty) {
                Some(Certainty::Certain) => {
                    "Certain: the state of an object says it, and nothing that was seen contradicts it. "
                }
                Some(Certainty::Likely) => {
                    "Likely, not certain: by time and place, or because nothing else was seen. "
                }
                None => {}
            }
            @if let Some(cause) = first {
                "Cause " code { (cause.code) } ", of " (cause.subject) ", " (when(cause.at, known.zone)) ". "
            }
            @if run.from.is_some() || run.to.is_some() { "The run: " (span(run.from, run.to, known.zone)) ". " }
            @if run.to.is_none() { "No end of it is known. " }
            @if let Some(ray) = &known.ray { a href={ (root) (ray.path) } { "Open its dashboard" } }
        }
        @if run.causes.len() > 1 {
            h2 { "Other causes" }
            (causes(&run.causes[1..], known))
        }
    }
}

/// Returns the trouble that was no cause.
pub(super) fn noticed(known: &Known) -> Markup {
    let noticed = known.run.as_ref().map_or(&[][..], |run| &run.noticed);
    html! {
        @if !noticed.is_empty() {
            h2 { "Noticed" }
            p.quiet { "Trouble that did not end the run: it healed, or the run succeeded." }
            (causes(noticed, known))
        }
    }
}

fn causes(causes: &[Cause], known: &Known) -> Markup {
    html! {
        ul {
            @for cause in causes {
                li { (cause.sentence()) " " span.quiet { (cause.subject) ", " (when(cause.at, known.zone)) } }
            }
        }
    }
}
