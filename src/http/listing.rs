//! Lists of sessions: a page for people, JSON for programs, and the format of KubeRay's history server.

use super::State;
use super::page::{escape, html};
use super::path::session_path;
use crate::session::catalog::{Entry, Listing};
use actix_web::HttpResponse;
use serde_json::{Value, json};
use std::fmt::Write;

/// `/sessions/`.
pub(super) fn page(state: &State) -> HttpResponse {
    let listing = state.sessions.listing();
    let mut body = String::from(
        "<h1>Ray sessions</h1><input id=\"search\" type=\"search\" placeholder=\"Search\" autofocus \
         aria-label=\"Search sessions\"><span id=\"count\"></span>",
    );
    note(&listing, &mut body);
    body.push_str(
        "<table><thead><tr><th>Namespace</th><th>Cluster</th><th>Owner</th><th>Started</th><th>Session</th></tr></thead><tbody>",
    );
    for entry in listing.iter() {
        let owner = entry.owner.as_ref().map(|o| format!("{} {}", o.kind.folder(), o.name)).unwrap_or_default();
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><a href=\"{}\">{}</a></td></tr>",
            escape(&entry.key.cluster.namespace),
            escape(&entry.key.cluster.name),
            escape(&owner),
            escape(&started(&entry).replace('T', " ").replace('Z', "")),
            escape(&session_path(&entry.key)),
            escape(entry.key.session.as_str()),
        );
    }
    body.push_str("</tbody></table>");
    html(
        "Ray sessions",
        "<link rel=\"stylesheet\" href=\"sessions.css\"><script src=\"sessions.js\" defer></script>",
        &body,
    )
}

/// What a reader of the list must know about it.
fn note(listing: &Listing, body: &mut String) {
    if listing.stale.is_some() {
        body.push_str(
            "<p class=\"note\">The storage cannot be listed at the moment: this list may be out of date.</p>",
        );
    } else if listing.is_empty() {
        body.push_str(
            "<p class=\"note\">No sessions are stored here yet. Collectors write one when a cluster starts.</p>",
        );
    }
}

/// `/clusters`: as KubeRay's history server answers.
pub(super) fn clusters(state: &State) -> HttpResponse {
    let listing = state.sessions.listing();
    let rows = listing.iter().map(|entry| {
        let mut row = json!({
            "name": entry.key.cluster.name,
            "namespace": entry.key.cluster.namespace,
            "sessionName": entry.key.session.as_str(),
            "createTime": started(&entry),
            "createTimeStamp": entry.key.session.local_micros().unwrap_or(0).div_euclid(1_000_000),
        });
        if let (Some(owner), Some(row)) = (&entry.owner, row.as_object_mut()) {
            row.insert("ownerKind".into(), owner.kind.folder().into());
            row.insert("ownerName".into(), owner.name.clone().into());
        }
        row
    });
    HttpResponse::Ok().json(rows.collect::<Vec<Value>>())
}

/// `/api/history/v1/sessions`.
pub(super) fn sessions(state: &State) -> HttpResponse {
    let listing = state.sessions.listing();
    let sessions: Vec<Value> = listing.iter().map(|entry| describe(&entry)).collect();
    HttpResponse::Ok().json(json!({"sessions": sessions, "stale": listing.stale.is_some()}))
}

/// One session, as our own API shows it.
pub(super) fn describe(entry: &Entry) -> Value {
    let owner = entry.owner.as_ref().map(|owner| json!({"kind": owner.kind.folder(), "name": owner.name}));
    json!({
        "namespace": entry.key.cluster.namespace,
        "cluster": entry.key.cluster.name,
        "session": entry.key.session.as_str(),
        "owner": owner,
        "startedLocal": started(entry),
        "marked": entry.marked,
        "path": format!("/sessions/{}", session_path(&entry.key)),
    })
}

/// The session's start as its head's clock had it; the zone is not in the name.
fn started(entry: &Entry) -> String {
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
