//! The outcome of a row: a mark, a word and a sentence, so that none of them depends on a colour.

use crate::http::sessions::run::ShownRun;
use maud::{Markup, html};
use ray_history_core::snapshot::run_facts::Outcome;

/// Returns the outcome; empty if nothing is known and nothing is being read.
pub(super) fn outcome(run: &ShownRun) -> Markup {
    let (class, mark, word) = match run.outcome() {
        Some(Outcome::Failed) => ("failed", "\u{2715}", "Failed"),
        Some(Outcome::Succeeded) => ("succeeded", "\u{2713}", "Succeeded"),
        Some(Outcome::Stopped) => ("stopped", "\u{25a0}", "Stopped"),
        Some(Outcome::Unknown) => ("unknown", "?", "Unknown"),
        None if run.is_unfinished() && run.is_live() => ("running", "\u{25b6}", "Running"),
        None if run.is_unfinished() => ("unknown", "?", "No end recorded"),
        None if run.is_awaited() => return html! { span.quiet { "is being read" } },
        None => return html! {},
    };
    html! {
        span class={ "outcome " (class) } { span.mark aria-hidden="true" { (mark) } " " (word) }
        @if let Some(sentence) = run.sentence() { div.sentence { (sentence) } }
    }
}
