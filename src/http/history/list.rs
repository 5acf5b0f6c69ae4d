//! `/api/history/v1/sessions`: the list of sessions as JSON, in pages.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::{Call, filter};
use crate::http::sessions::find;
use crate::http::sessions::item::{SessionItem, of_page, page_of_store};
use crate::http::sessions::{causes, empty};
use crate::http::state::State;
use crate::http::validators;
use actix_web::HttpResponse;
use ray_history_session::catalog::{Listing, Page, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Most sessions of a page.
const MAX_LIMIT: usize = 1000;

/// A page of the list of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SessionList {
    /// The matching sessions of this page, and runs of which no session is stored, in the wanted order.
    sessions: Vec<SessionItem>,
    /// Number of all matching sessions and runs.
    total: usize,
    /// Number of runs without a session among them.
    without_session: usize,
    /// Number of sessions that may match, because their manifests, or the files that tell how their jobs ended, are not read
    /// yet: 200 of them are read for each request, in the background. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<usize>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Value of `before` for the previous page; absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// `true` if the last listing of the storage failed, so that the list may be out of date.
    stale: bool,
    /// The part that is missing of why runs ended, in words; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_causes: Option<&'static str>,
    /// Reason for an empty list, if it is that the person may see none of the namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Time of the last listing of the storage, RFC 3339; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed_at: Option<String>,
}

/// Lists stored sessions, and runs that have none.
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
        ("state" = Option<String>, Query, description = "live, dead or unknown; by manifests where nothing watches the cluster"),
        ("completeness" = Option<String>, Query, description = "complete, complete-to, gaps or no-known-gaps, of sessions with manifests"),
        ("outcome" = Option<String>, Query, description = "succeeded, failed, stopped or unknown, as Kubernetes knew it, else by the jobs of sessions that were read"),
        ("cause" = Option<String>, Query, description = "Code of the first cause, such as HeadOOM, as Kubernetes knew it"),
        ("errorType" = Option<String>, Query, description = "Ray's type of an error of a job or of a failed task attempt, of sessions that were read"),
        ("metadata.KEY" = Option<String>, Query, description = "Value that the metadata of a job has for KEY, of sessions that were read; several keys must be those of one job"),
        ("expiring" = Option<bool>, Query, description = "true: only sessions that retention has marked for deletion"),
        ("sort" = Option<String>, Query, description = "started (the newest first, the default), duration (the longest first) or outcome (failed first); with - before it the other way round"),
        ("startedAfter" = Option<String>, Query, description = "RFC 3339, a day, or a span up to now such as 24h or 7d; compared with the head's own clock"),
        ("startedBefore" = Option<String>, Query, description = "RFC 3339, a day, or a span up to now; compared with the head's own clock"),
        ("q" = Option<String>, Query, description = "Words that must all occur in a name"),
        ("limit" = Option<usize>, Query, description = "Sessions a page: 1 to 1000, default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
        ("before" = Option<String>, Query, description = "`previous` of the next page"),
    ),
    responses(
        (status = 200, description = "A page of the list", body = SessionList),
        (status = 304, description = "The client has this page already (`If-None-Match`)"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn sessions(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let wanted = parsed(call.request.query_string())?;
    let listing = call.state.sessions.listing();
    let page = find::page(call, wanted);
    let sessions = of_page(call, &page).await;
    let why = empty::reason(call, &listing).filter(|_| page.total == 0);
    let list = SessionList { why, ..list(call.state, &listing, page, sessions) };
    Ok(validators::tagged_json(call.request, &list))
}

/// Returns the same for a command that reads the store with its own credentials, and so may see all of it.
///
/// # Errors
/// Returns an error that names the parameter which cannot be understood.
pub fn of_store(state: &State, query: &str) -> anyhow::Result<String> {
    let wanted = parsed(query).map_err(|error| anyhow::anyhow!("{error}"))?;
    let page = find::page_of_store(state, &wanted);
    let sessions = page_of_store(state, &page);
    Ok(serde_json::to_string(&list(state, &state.sessions.listing(), page, sessions))?)
}

fn parsed(query: &str) -> Result<Query, Error> {
    Ok(Query { runs: true, ..filter::parse(query, Query::LIMIT, MAX_LIMIT)? })
}

fn list(state: &State, listing: &Listing, page: Page, sessions: Vec<SessionItem>) -> SessionList {
    let Page { total, runs_total, unread, next, previous, .. } = page;
    SessionList {
        sessions,
        total,
        without_session: runs_total,
        missing_causes: causes::missing(state),
        unread: Some(unread).filter(|unread| *unread > 0),
        next: next.map(|next| next.to_string()),
        previous: previous.map(|previous| previous.to_string()),
        stale: listing.stale.is_some(),
        why: None,
        listed_at: listing.listed_at.and_then(|at| jiff::Timestamp::try_from(at).ok()).map(|at| at.to_string()),
    }
}
