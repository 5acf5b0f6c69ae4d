//! The HTML table of sessions, shared by all pages that list sessions.
//!
//! `sessions.js` adds the age of each time, and the viewer's local time if the time zone is known.

use super::empty;
use super::summary::{Summary, local};
use crate::http::request::Call;
use crate::http::request::path::{cluster_name, escape_name, owner_path};
use crate::http::state::State;
use maud::{Markup, html};
use ray_history_manifest::proof::Verdict;
use ray_history_session::catalog::{Entry, Listing};

const COLUMNS: [&str; 7] = ["Cluster", "Created by", "Namespace", "State", "Started", "Last write", "Session"];

/// Returns the table. `root` is the relative path from the page to the server's root; `link` returns that of a session.
pub(in crate::http) fn table(state: &State, entries: &[Entry], root: &str, link: impl Fn(&Entry) -> String) -> Markup {
    html! {
        p.quiet {
            "Starts are times of each head's own clock; its zone is shown while the session is open. "
            "Last writes are in UTC where that zone is not known."
        }
        table {
            thead { tr { @for column in COLUMNS { th scope="col" { (column) } } } }
            tbody { @for entry in entries { (row(state, entry, root, &link(entry))) } }
        }
    }
}

/// Returns a note if the list may be out of date, or an explanation if it is empty.
pub(in crate::http) fn note(call: &Call<'_>, listing: &Listing) -> Markup {
    html! {
        @if listing.stale.is_some() {
            p.note {
                "The storage cannot be listed at the moment: this list may be out of date. Listing is retried "
                "automatically; the server's log has the reason."
            }
        } @else if let Some(reason) = empty::reason(call, listing) {
            p.note { (reason) }
        } @else if listing.is_empty() {
            p.note {
                "No sessions are stored here yet. A collector writes one when its cluster starts: look whether the Ray "
                "pods have a collector, and whether it writes to the storage and below the root that this server reads."
            }
        }
    }
}

fn row(state: &State, entry: &Entry, root: &str, link: &str) -> Markup {
    let cluster = &entry.key.cluster;
    let summary = Summary::of(state, entry);
    let (class, word) = summary.word();
    let all = [&cluster.namespace, cluster_name(cluster)].map(escape_name).join("/");
    html! {
        tr {
            td {
                a.open href=(link) { @if cluster.name.is_empty() { "(no name)" } @else { (cluster.name) } }
                @if let Some((class, word, title)) = completeness(state, entry) {
                    " " span class=(class) title=[title] { (word) }
                }
            }
            td {
                @if let Some(owner) = &entry.owner {
                    (owner.kind.kind()) " "
                    a href={ (root) (owner_path(&cluster.namespace, owner)) } { (owner.name) }
                }
            }
            td { (cluster.namespace) }
            td { span class={ "state " (class) } title=(summary.sentence()) { (word) } }
            td { (started(entry, &summary)) }
            td {
                @if let Some(at) = summary.last_write {
                    (exact(at, summary.zone, summary.last_write_title()))
                } @else { "\u{2013}" }
            }
            td.quiet {
                (entry.key.session) " "
                a href={ (root) "rayclusters/" (all) } title="All sessions of this cluster" { "all" }
            }
        }
    }
}

/// Returns a CSS class, a word and a title for the completeness of a session, if something is known of it. Most gaps are
/// known only of open sessions, because finding them requires reading all files; manifests tell more.
fn completeness(state: &State, entry: &Entry) -> Option<(&'static str, String, Option<&'static str>)> {
    let key = &entry.key;
    let (verdict, title) = if let Some(open) = state.sessions.peek(key) {
        (open.verdict(state.sessions.standing(key)), "as Ray's own counters say")
    } else {
        let title = "by the manifests of its collectors; when it is opened, the stored files are compared with them";
        (state.sessions.proved_verdict(key)?, title)
    };
    match verdict {
        Verdict::Gaps => Some(("gaps", "known gaps".to_owned(), None)),
        Verdict::Complete(_) => Some(("whole", "complete".to_owned(), Some(title))),
        Verdict::CompleteTo(to) => {
            let to = jiff::Timestamp::from_nanosecond(to.into()).unwrap_or_default();
            Some(("whole", format!("complete to {}", local(to, None)), Some(title)))
        }
        Verdict::NoKnownGaps => None,
    }
}

/// Returns the start. Without a known zone, the `datetime` attribute has none either.
fn started(entry: &Entry, summary: &Summary) -> Markup {
    if let Some(at) = summary.started {
        return exact(at, summary.zone, "by the clock of its head");
    }
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let title = "by the clock of its head, whose zone is known once the session is open";
    html! { time datetime=(at.strftime("%Y-%m-%dT%H:%M:%S")) title=(title) { (at.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// Returns a time in the head's zone, or in UTC.
fn exact(at: jiff::Timestamp, zone: Option<i64>, title: &str) -> Markup {
    html! { time datetime=(at) title=(title) { (local(at, zone)) } }
}
