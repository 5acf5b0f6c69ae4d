//! Lists of sessions as JSON, in pages, and helpers that the HTML pages share.

use super::call::Call;
use super::error::Error;
use super::filter;
use super::path::session_path;
use super::state::State;
use super::summary::{self, Summary};
use super::validators;
use crate::session::Ended;
use crate::session::catalog::{Entry, Listing, Page, Query};
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// Writes a note if the list may be out of date, or explains why it is empty.
pub(super) fn note(listing: &Listing, body: &mut String) {
    if listing.stale.is_some() {
        body.push_str(
            "<p class=\"note\">The storage cannot be listed at the moment: this list may be out of date. Listing is retried \
             automatically; the server's log has the reason.</p>",
        );
    } else if listing.is_empty() {
        body.push_str(
            "<p class=\"note\">No sessions are stored here yet. A collector writes one when its cluster starts: look whether the Ray \
             pods have a collector, and whether it writes to the storage and below the root that this server reads.</p>",
        );
    }
}

/// A page of the list of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionList {
    /// The matching sessions of this page, newest first.
    sessions: Vec<SessionItem>,
    /// Number of all matching sessions.
    total: usize,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Value of `before` for the previous page; absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// `true` if the last listing of the storage failed, so that the list may be out of date.
    stale: bool,
    /// Time of the last listing of the storage, RFC 3339; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed_at: Option<String>,
}

/// One stored session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionItem {
    /// Namespace of the cluster.
    namespace: String,
    /// Name of the `RayCluster`.
    cluster: String,
    /// Name of the session.
    #[schema(example = "session_2026-11-23_07-07-14_513426_5513")]
    session: String,
    /// The RayJob or RayService that created the cluster, if any.
    owner: Option<OwnerItem>,
    /// `live`, `dead` or `unknown`.
    #[schema(example = "dead")]
    state: &'static str,
    /// Start of the head by its own clock, written as if that were UTC.
    started_local: String,
    /// `true` if the session's end marker was written; without one its head was killed.
    marked: bool,
    /// Evidence that the session is dead, if `state` is `unknown`: `newer-session` (of its cluster), `marker` (written
    /// when its head was told to stop) or `head-log` (the head's log reports it). Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    /// Time at which the marker was written, or of the last event in a report; RFC 3339, absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_write: Option<String>,
    /// Start of the head, RFC 3339; only in a report, and if the time zone of its clock is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    /// Time zone of the head's clock as an offset from UTC; only in a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+01:00")]
    zone: Option<String>,
    /// Path of its dashboard.
    path: String,
}

/// The owner of a cluster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OwnerItem {
    /// `rayjob` or `rayservice`.
    kind: &'static str,
    /// Name of the owner.
    name: String,
}

/// Returns a session in the format of our own API.
pub(super) fn describe(state: &State, entry: &Entry, summary: &Summary) -> SessionItem {
    SessionItem {
        namespace: entry.key.cluster.namespace.clone(),
        cluster: entry.key.cluster.name.clone(),
        session: entry.key.session.as_str().to_owned(),
        owner: entry.owner.as_ref().map(|owner| OwnerItem { kind: owner.kind.folder(), name: owner.name.clone() }),
        state: state.sessions.state(&entry.key).as_str(),
        started_local: started(entry),
        marked: entry.marked,
        ended: summary.ended.map(Ended::as_str),
        last_write: summary.last_write.map(|at| at.to_string()),
        started: summary.started.map(|at| at.to_string()),
        zone: summary.zone.map(summary::offset),
        path: format!("/sessions/{}", session_path(&entry.key)),
    }
}

/// Lists stored sessions, newest first.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions",
    operation_id = "listSessions",
    tag = "sessions",
    params(
        ("namespace" = Option<String>, Query, description = "Namespace of the cluster"),
        ("cluster" = Option<String>, Query, description = "Name of the RayCluster"),
        ("ownerKind" = Option<String>, Query, description = "rayjob or rayservice"),
        ("owner" = Option<String>, Query, description = "Name of the RayJob or RayService"),
        ("state" = Option<String>, Query, description = "live, dead or unknown"),
        ("startedAfter" = Option<String>, Query, description = "RFC 3339, a day, or a span up to now such as 24h or 7d; compared with the head's own clock"),
        ("startedBefore" = Option<String>, Query, description = "RFC 3339; compared with the head's own clock"),
        ("q" = Option<String>, Query, description = "Words that must all occur in a name"),
        ("limit" = Option<usize>, Query, description = "Sessions a page: 1 to 1000, default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
        ("before" = Option<String>, Query, description = "`previous` of the next page"),
    ),
    responses(
        (status = 200, description = "A page of the list", body = SessionList),
        (status = 304, description = "The client has this page already (`If-None-Match`)"),
        (status = 400, description = "A parameter cannot be understood", body = super::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) fn sessions(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let wanted = filter::parse(call.request.query_string(), Query::LIMIT, 1000)?;
    let listing = call.state.sessions.listing();
    let Page { entries, total, next, previous } = call.state.sessions.page(&wanted);
    let list = SessionList {
        sessions: entries
            .iter()
            .map(|entry| describe(call.state, entry, &Summary::listed(call.state, entry)))
            .collect(),
        total,
        next: next.map(|next| next.to_string()),
        previous: previous.map(|previous| previous.to_string()),
        stale: listing.stale.is_some(),
        listed_at: listing.listed_at.and_then(|at| jiff::Timestamp::try_from(at).ok()).map(|at| at.to_string()),
    };
    Ok(tagged(call.request, &list))
}

/// Returns a JSON response with an entity tag of its bytes, or 304 if the client has it.
pub(super) fn tagged(request: &HttpRequest, value: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let tag = validators::tag_of(&body);
    if validators::is_known(request, &tag) {
        return validators::not_modified(&tag);
    }
    let headers = ((ETAG, tag), (CACHE_CONTROL, "private, no-cache"));
    HttpResponse::Ok().content_type("application/json").insert_header(headers.0).insert_header(headers.1).body(body)
}

/// Returns the session's start by its head's clock; the session's name does not contain the time zone.
pub(super) fn started(entry: &Entry) -> String {
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
