//! The row of a run of which no session is stored: what Kubernetes knew of it is all there is.

use super::super::run::{duration as length, without_cause};
use super::{duration, exact, outcome};
use crate::http::request::path::why_path;
use maud::{Markup, html};
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;

/// Returns the row. `root` is the relative path from the page to the server's root.
pub(super) fn row(row: &Row, root: &str) -> Markup {
    let object = &row.object;
    let at = |time: Option<Time>| jiff::Timestamp::from_nanosecond(time?.0.into()).ok();
    html! {
        tr {
            td {
                a.open href={ (root) (why_path(object)) } { (object.name) }
                div.quiet {
                    (object.kind)
                    @if !row.cluster.is_empty() && row.cluster != object.name { " on " (row.cluster) }
                }
            }
            td data-label="Why" {
                @if let Some(known) = row.known_outcome() { (outcome::mark(outcome::of(known))) }
                div.sentence { (row.sentence().unwrap_or_else(|| without_cause(row))) }
            }
            td data-label="Namespace" { (object.namespace) }
            td {
                span.quiet title="No session of this run is stored: nothing of Ray's own can be shown of it." { "no session" }
            }
            td data-label="Started" { @if let Some(at) = at(row.from) { (exact(at, Some(0), "as Kubernetes knew it")) } }
            td data-label="Duration" {
                @if let Some(long) = length(row) { span title="from its start to its end in Kubernetes" { (duration(long)) } }
            }
            td {}
            td {}
        }
    }
}
