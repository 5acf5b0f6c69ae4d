//! The outcome of a row: a mark, a word and a sentence, so that none of them depends on a colour.

use crate::http::request::path::why_path;
use crate::http::sessions::run::ShownRun;
use maud::{Markup, html};
use ray_history_core::snapshot::run_facts::Outcome;

/// A CSS class, a mark and a word.
type Mark = (&'static str, &'static str, &'static str);

/// Returns the mark of an outcome.
pub(super) fn of(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Failed => ("failed", "\u{2715}", "Failed"),
        Outcome::Succeeded => ("succeeded", "\u{2713}", "Succeeded"),
        Outcome::Stopped => ("stopped", "\u{25a0}", "Stopped"),
        Outcome::Unknown => ("unknown", "?", "Unknown"),
    }
}

/// Returns a mark with its word.
pub(super) fn mark((class, mark, word): Mark) -> Markup {
    html! { span class={ "outcome " (class) } { span.mark aria-hidden="true" { (mark) } " " (word) } }
}

/// Returns the outcome; empty if nothing is known and nothing is being read.
pub(super) fn outcome(run: &ShownRun, root: &str) -> Markup {
    let shown = match run.outcome() {
        Some(outcome) => of(outcome),
        None if run.is_unfinished() && run.is_live() => ("running", "\u{25b6}", "Running"),
        None if run.is_unfinished() => ("unknown", "?", "No end recorded"),
        None if run.is_awaited() => return html! { span.quiet { "is being read" } },
        None => return html! {},
    };
    html! {
        (mark(shown))
        @if let Some(sentence) = run.sentence() { div.sentence { (sentence) } }
        @if let Some(told) = run.told() {
            div.quiet { a href={ (root) (why_path(&told.object)) } { "What Kubernetes knew" } }
        }
    }
}
