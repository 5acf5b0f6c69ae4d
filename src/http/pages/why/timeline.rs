//! The timeline: what Kubernetes and Ray told, in the order of time.

mod kubernetes;
mod ray;

use super::known::Known;
use super::when::when;
use crate::http::sessions::obituary::WITHHELD;
use maud::{Markup, html};
use ray_history_obituary::cause::Evidence;
use ray_history_obituary::time::Time;

/// Rows that are shown: the newest.
const ROWS: usize = 1_000;
const COLUMNS: [&str; 4] = ["Time", "Object", "What", "From"];

/// One row.
pub(super) struct Row {
    at: Time,
    object: String,
    what: String,
    /// Words that may come from a log.
    quoted: String,
    from: &'static str,
}

/// Returns the timeline.
pub(super) fn timeline(known: &Known, rows: &[Row], root: &str) -> Markup {
    let hidden = rows.len().saturating_sub(ROWS);
    html! {
        h2 { "Timeline" }
        @if rows.is_empty() { p { "Nothing with a time is known." } }
        @else {
            @if hidden > 0 { p.quiet { (hidden) " earlier rows are left out." } }
            @if let Some(ray) = &known.ray {
                p.quiet { "Tasks and actors are in " a href={ (root) (ray.path) "#/jobs" } { "Ray's own pages" } "." }
            }
            table {
                thead { tr { @for column in COLUMNS { th scope="col" { (column) } } } }
                tbody {
                    @for (at, row) in rows.iter().enumerate().skip(hidden) {
                        tr id={ "t" (at) } {
                            td { (when(Some(row.at), known.zone)) }
                            td data-label="Object" { (row.object) }
                            td.words {
                                (row.what)
                                @if !row.quoted.is_empty() {
                                    ": "
                                    @if known.shows_logs { (row.quoted) } @else { i { (WITHHELD) } }
                                }
                            }
                            td.quiet data-label="From" { (row.from) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the id of the row that shows a fact.
pub(super) fn row_of(rows: &[Row], fact: &Evidence) -> Option<String> {
    let at = fact.at?;
    let hidden = rows.len().saturating_sub(ROWS);
    let is_it = |row: &Row| row.at == at && row.object.eq_ignore_ascii_case(&fact.about);
    rows.iter().enumerate().skip(hidden).find(|(_, row)| is_it(row)).map(|(at, _)| format!("t{at}"))
}

/// Returns the rows, the oldest first.
pub(super) fn rows(known: &Known) -> Vec<Row> {
    let mut rows = kubernetes::rows(&known.document.facts, known.shows_logs);
    if let Some(told) = &known.ray {
        rows.extend(ray::rows(told));
    }
    rows.sort_by(|a, b| (a.at, &a.object, &a.what).cmp(&(b.at, &b.object, &b.what)));
    rows
}
