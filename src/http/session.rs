//! The routes below one session: its document, Ray's files, and Ray's API. Used for paths and for cookies.

use super::call::Call;
use super::error::{Error, Shape};
use super::path::{cluster_id, session_key, session_path};
use super::pattern::RoutePattern;
use super::state::State;
use super::{api, dashboard, page, validators};
use crate::session::catalog::{Entry, Listing};
use crate::session::{self};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpMessage, HttpResponse};
use ray_history_core::base::name::SessionKey;
use std::rc::Rc;

/// Number of segments of `/sessions/{namespace}/{cluster}/{session}`.
const SEGMENTS: usize = 4;

/// Relative path from a session's document to the server's root.
const TO_ROOT: &str = "../../../../";

/// Redirects a session's path without a final `/`, which the dashboard's relative URLs need.
pub(super) async fn enter(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let names = [call.names[0], call.names[1], call.names[2]];
    if names[2] == "latest" {
        return latest(call).await;
    }
    session_key(names)?;
    // The raw last segment, so that nothing is decoded or encoded twice.
    let last = call.request.uri().path().rsplit('/').next().unwrap_or_default();
    Ok(page::redirect(&format!("{last}/")))
}

/// Answers a session's document.
pub(super) async fn document(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let names = [call.names[0], call.names[1], call.names[2]];
    if names[2] == "latest" {
        return latest(call).await;
    }
    index(call.state, &session_key(names)?, TO_ROOT).await
}

/// Answers any other URL below a session.
pub(super) async fn below(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let (names, below) = ([call.names[0], call.names[1], call.names[2]], &call.names[3..]);
    if names[2] == "latest" {
        return latest(call).await;
    }
    Ok(answer(call, &Rc::new(session_key(names)?), below).await)
}

/// Redirects from `latest` to the newest session of the cluster.
async fn latest(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let cluster = cluster_id(call.names[0], call.names[1]);
    let found = look_up(call.state, |listing| listing.latest(&cluster)).await?;
    let entry = found.ok_or_else(|| Error::NothingNamed("cluster", cluster.name.clone()))?;
    Ok(redirect_to_session(call, &entry.key, SEGMENTS))
}

/// Redirects to the same URL below a session. The raw path after the first `named` segments and the query are kept, so
/// that Ray's clients accept the path of a `RayCluster` or a job as an address.
pub(super) fn redirect_to_session(call: &Call<'_>, key: &SessionKey, named: usize) -> HttpResponse {
    let uri = call.request.uri();
    // Relative to the last segment, so that it works under any prefix; empty segments count, too.
    let up = "../".repeat(call.segments.len().saturating_sub(1));
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let rest = path.splitn(named + 1, '/').nth(named).unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // A parsed URL contains only characters that are valid in a header.
    redirect_uncached(&format!("{up}sessions/{}{rest}{query}", session_path(key)))
}

/// Returns a redirect that must not be cached, because its target may change.
pub(super) fn redirect_uncached(to: &str) -> HttpResponse {
    let mut response = page::redirect(to);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Searches the listing, then a fresh one, because the session may be newer than the last listing. An outage is an
/// error and not `None`.
pub(super) async fn look_up<T>(
    state: &State,
    search: impl Fn(&Listing) -> Option<T>,
) -> Result<Option<T>, session::Error> {
    if let Some(found) = search(&state.sessions.listing()) {
        return Ok(Some(found));
    }
    Ok(search(&*state.sessions.fresh_listing().await?))
}

/// Returns the entry of a session, or an error if it is not stored.
pub(super) async fn entry(state: &State, key: &SessionKey) -> Result<Entry, session::Error> {
    state.sessions.find(key).await?.ok_or_else(|| session::Error::Unknown(key.clone()))
}

/// Returns Ray's document for a stored session, or an error for an unknown one, which must not look empty.
pub(super) async fn index(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    entry(state, key).await?;
    let mut response = dashboard::index(state, key, root).await?;
    validators::describe(&mut response, state, key, state.sessions.peek(key).as_deref());
    Ok(response)
}

/// Returns `true` if a URL is one of Ray's built files.
pub(super) fn is_file(below: &[&str]) -> bool {
    matches!(below, ["static" | "speedscope-1.5.3", ..] | ["favicon.ico" | "asset-manifest.json" | "manifest.json"])
}

/// Answers with a file of Ray's dashboard or with Ray's API. API answers have the headers of `validators`, errors too.
///
/// Files are the same for every session and user and may be kept by shared caches, so they have no such headers.
pub(super) async fn answer(call: &Call<'_>, key: &Rc<SessionKey>, below: &[&str]) -> HttpResponse {
    if !is_file(below) {
        return api::serve(call, key, below).await;
    }
    call.request.extensions_mut().insert(RoutePattern("/static/{below}"));
    let file = async {
        entry(call.state, key).await?;
        dashboard::asset(call.state, below).await
    };
    file.await.unwrap_or_else(|error| error.respond(call.request, Shape::Ray))
}
