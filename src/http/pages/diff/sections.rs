//! The sections of a comparison, in the order in which they matter.

mod tables;

use crate::http::request::path::escape_name;
use crate::http::sessions::compare::{Comparison, Side};
use maud::{Markup, html};
use ray_history_core::snapshot::diff::Diff;
use ray_history_core::snapshot::diff::words::signed;
use tables::{failure, function, job, node, table};

/// Returns all sections.
pub(super) fn all(comparison: &Comparison, root: &str) -> Markup {
    let Comparison { a, b, diff } = comparison;
    html! {
        p { "From A " (session(a, root)) " to B " (session(b, root)) ". Differences are what B has more." }
        (incomplete(diff))
        @if diff.is_empty() { p { "Nothing differs but sums." } }
        (versions(diff))
        (totals(diff))
        @for (title, list) in diff.functions.lists() {
            (table(&format!("Functions: {title}"), ["Function", "Cost", "A", "B", "Change"], list, function))
        }
        (table("New failures", ["What failed", "A", "B", "Example"], &diff.failures.new, failure))
        (table("Failures that are gone", ["What failed", "A", "B", "Example"], &diff.failures.gone, failure))
        (table("Failures of both", ["What failed", "A", "B", "Example"], &diff.failures.both, failure))
        (table("Jobs", ["A", "B", "Cost", "Changed"], &diff.jobs, job))
        (table("Nodes", ["Nodes", "A", "B", "Cost"], &diff.nodes, node))
        p {
            a href={ (root) "api/history/v1/diff?a=" (escape_name(&a.name)) "&b=" (escape_name(&b.name)) } {
                "The same as JSON"
            }
        }
    }
}

fn session(side: &Side, root: &str) -> Markup {
    html! { a href={ (root) "sessions/" (side.path) "why" } { (side.name) } }
}

fn incomplete(diff: &Diff) -> Markup {
    let sides = [("A", &diff.incomplete.a), ("B", &diff.incomplete.b)];
    html! {
        @if sides.iter().any(|(_, lines)| !lines.is_empty()) {
            div.note role="note" {
                "Not all is known, so what follows may be wrong:"
                ul { @for (name, lines) in sides { @for line in lines { li { b { (name) } ": " (line) } } } }
            }
        }
    }
}

fn versions(diff: &Diff) -> Markup {
    html! {
        @if !diff.changed.is_empty() {
            h2 { "Versions" }
            ul {
                @for change in &diff.changed {
                    li {
                        (change.what) ": " (change.a.as_deref().unwrap_or("unknown")) " → "
                        (change.b.as_deref().unwrap_or("unknown"))
                    }
                }
            }
        }
    }
}

fn totals(diff: &Diff) -> Markup {
    let told = diff.totals.iter().filter(|total| total.a != total.b || total.a.is_some_and(|sum| sum > 0.0));
    html! {
        h2 { "In total" }
        table {
            thead { tr { @for column in ["", "A", "B", "Difference"] { th scope="col" { (column) } } } }
            tbody {
                @for total in told {
                    tr {
                        td { b { (total.label()) } }
                        @for (name, sum) in [("A", total.a), ("B", total.b)] {
                            td data-label=(name) { (sum.map_or("unknown".to_owned(), total.words())) }
                        }
                        td data-label="Difference" {
                            @if let Some((a, b)) = total.a.zip(total.b).filter(|(a, b)| a != b) {
                                (signed(b - a, total.words()))
                            }
                        }
                    }
                }
            }
        }
    }
}
