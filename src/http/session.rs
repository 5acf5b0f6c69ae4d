//! Everything below one session: its document, Ray's files, and Ray's API, wherever the session's name came from.

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

/// Segments of `/sessions/{namespace}/{cluster}/{session}`.
const SEGMENTS: usize = 4;

/// From a session's document to the server's root.
const TO_ROOT: &str = "../../../../";

/// A session's path without its final `/`: the dashboard's URLs are relative, so they need it.
pub(super) async fn enter(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let names = [call.names[0], call.names[1], call.names[2]];
    if names[2] == "latest" {
        return latest(call).await;
    }
    session_key(names)?;
    // The last name as it stands in the URL, so that nothing is decoded or encoded twice.
    let last = call.request.uri().path().rsplit('/').next().unwrap_or_default();
    Ok(page::redirect(&format!("{last}/")))
}

/// A session's document.
pub(super) async fn document(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let names = [call.names[0], call.names[1], call.names[2]];
    if names[2] == "latest" {
        return latest(call).await;
    }
    index(call.state, &session_key(names)?, TO_ROOT).await
}

/// Any other URL below a session.
pub(super) async fn below(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let (names, below) = ([call.names[0], call.names[1], call.names[2]], &call.names[3..]);
    if names[2] == "latest" {
        return latest(call).await;
    }
    Ok(answer(call, &Rc::new(session_key(names)?), below).await)
}

/// Leads from `latest` to the newest session of the cluster.
async fn latest(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let cluster = cluster_id(call.names[0], call.names[1]);
    let found = look_up(call.state, |listing| listing.latest(&cluster)).await?;
    let entry = found.ok_or_else(|| Error::NothingNamed("cluster", cluster.name.clone()))?;
    Ok(lead_on(call, &entry.key, SEGMENTS))
}

/// Leads to the same URL of a session: what stands after the first `named` segments of the path is kept as it was
/// written, and so is the query. `RayCluster`s and jobs can thus be named where Ray's clients take an address.
pub(super) fn lead_on(call: &Call<'_>, key: &SessionKey, named: usize) -> HttpResponse {
    let uri = call.request.uri();
    // Relative to the last segment, so that it works below any prefix; an empty segment counts as one, too.
    let up = "../".repeat(call.segments.len().saturating_sub(1));
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let rest = path.splitn(named + 1, '/').nth(named).unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // What no header may hold is in no URL that was understood.
    lead(&format!("{up}sessions/{}{rest}{query}", session_path(key)))
}

/// Leads to a session that may be another one tomorrow.
pub(super) fn lead(to: &str) -> HttpResponse {
    let mut response = page::redirect(to);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Looks into the listing, and once more into a fresh one: what is wanted may be newer than the last. An outage is an
/// error, never "there is none".
pub(super) async fn look_up<T>(
    state: &State,
    look: impl Fn(&Listing) -> Option<T>,
) -> Result<Option<T>, session::Error> {
    if let Some(found) = look(&state.sessions.listing()) {
        return Ok(Some(found));
    }
    Ok(look(&*state.sessions.fresh_listing().await?))
}

/// The entry of a session; an error when it is not stored.
pub(super) async fn entry(state: &State, key: &SessionKey) -> Result<Entry, session::Error> {
    state.sessions.find(key).await?.ok_or_else(|| session::Error::Unknown(key.clone()))
}

/// Ray's document for a session that is stored: an unknown one must not look like an empty one.
pub(super) async fn index(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    entry(state, key).await?;
    let mut response = dashboard::index(state, key, root).await?;
    validators::describe(&mut response, state, key, state.sessions.peek(key).as_deref());
    Ok(response)
}

/// Whether a URL is one of Ray's built files.
pub(super) fn is_file(below: &[&str]) -> bool {
    matches!(below, ["static" | "speedscope-1.5.3", ..] | ["favicon.ico" | "asset-manifest.json" | "manifest.json"])
}

/// A file or an answer of Ray's; answers say what they show of the session, refusals too.
///
/// Files are the same for every session and every reader, and may be kept by caches that many share: they carry nothing
/// of either.
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
