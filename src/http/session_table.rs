//! The HTML table of sessions, shared by all pages that list sessions.
//!
//! `sessions.js` adds the age of each time, and the viewer's local time if the time zone is known.

use super::page::escape;
use super::path::{cluster_name, escape_name, owner_path};
use super::state::State;
use super::summary::{Summary, local};
use crate::session::catalog::Entry;
use std::fmt::Write;

const HEAD: &str = "<table><thead><tr><th scope=\"col\">Cluster</th><th scope=\"col\">Created by</th>\
     <th scope=\"col\">Namespace</th><th scope=\"col\">State</th><th scope=\"col\">Started</th>\
     <th scope=\"col\">Last write</th><th scope=\"col\">Session</th></tr></thead><tbody>";

/// Writes the table. `root` is the relative path from the page to the server's root; `link` returns that of a session.
pub(super) fn write(state: &State, entries: &[Entry], root: &str, link: impl Fn(&Entry) -> String, body: &mut String) {
    body.push_str(
        "<p class=\"quiet\">Starts are times of each head's own clock; its zone is shown while the session is open. \
         Last writes are in UTC where that zone is not known.</p>",
    );
    body.push_str(HEAD);
    for entry in entries {
        row(state, entry, root, &link(entry), body);
    }
    body.push_str("</tbody></table>");
}

fn row(state: &State, entry: &Entry, root: &str, link: &str, body: &mut String) {
    let cluster = &entry.key.cluster;
    let namespace = escape_name(&cluster.namespace);
    let owner = entry.owner.as_ref().map_or_else(String::new, |owner| {
        let path = owner_path(&cluster.namespace, owner);
        format!("{} <a href=\"{root}{path}\">{}</a>", owner.kind.kind(), escape(&owner.name))
    });
    // Gaps are known only of open sessions, because finding them requires reading all files.
    let open = state.sessions.peek(&entry.key);
    let gaps = open.is_some_and(|open| open.has_gaps(state.sessions.standing(&entry.key)));
    let summary = Summary::of(state, entry);
    let (class, word) = summary.word();
    let _ = write!(
        body,
        "<tr><td><a class=\"open\" href=\"{}\">{}</a>{}</td><td>{owner}</td><td>{}</td>\
         <td><span class=\"state {class}\" title=\"{}\">{}</span></td><td>{}</td><td>{}</td>\
         <td class=\"quiet\">{} <a href=\"{root}rayclusters/{namespace}/{}\" title=\"All sessions of this cluster\">all</a></td></tr>",
        escape(link),
        if cluster.name.is_empty() { "(no name)".to_owned() } else { escape(&cluster.name) },
        if gaps { " <span class=\"gaps\">known gaps</span>" } else { "" },
        escape(&cluster.namespace),
        escape(summary.sentence()),
        escape(&word),
        started(entry, &summary),
        summary
            .last_write
            .map_or_else(|| "\u{2013}".to_owned(), |at| exact(at, summary.zone, summary.last_write_title())),
        escape(entry.key.session.as_str()),
        escape_name(cluster_name(cluster)),
    );
}

/// Returns the start. Without a known zone, the `datetime` attribute has none either.
fn started(entry: &Entry, summary: &Summary) -> String {
    if let Some(at) = summary.started {
        return exact(at, summary.zone, "by the clock of its head");
    }
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    format!(
        "<time datetime=\"{}\" title=\"by the clock of its head, whose zone is known once the session is open\">{}</time>",
        at.strftime("%Y-%m-%dT%H:%M:%S"),
        at.strftime("%Y-%m-%d %H:%M:%S"),
    )
}

/// Returns a time in the head's zone, or in UTC.
fn exact(at: jiff::Timestamp, zone: Option<i64>, title: &str) -> String {
    format!("<time datetime=\"{at}\" title=\"{title}\">{}</time>", local(at, zone))
}
