//! Links to sessions by the name of a `RayJob`, `RayService` or `RayCluster`, or by submission id. A single session is
//! redirected to, several are listed.

use super::redirect::{redirect_to_session, redirect_uncached};
use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::html::{self, accepts_html, session_count};
use crate::http::request::Call;
use crate::http::request::path::{cluster_id, escape_name, session_path};
use crate::http::sessions::find::{self, look_up};
use crate::http::sessions::item::{SessionItem, all_listed};
use crate::http::sessions::run::ShownRun;
use crate::http::sessions::table::{Rows, table};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use maud::html;
use ray_history_core::base::name::OwnerKind;
use ray_history_session::catalog::Entry;
use ray_history_session::links::{Attempts as Found, Subject, Submission};
use serde::Serialize;
use utoipa::ToSchema;

/// Number of segments of `/{family}/{namespace}/{name}/latest` and of `/sessions/{namespace}/{cluster}/latest`.
const SEGMENTS: usize = 4;

/// The sessions of one name, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Attempts {
    /// The sessions, newest first.
    sessions: Vec<SessionItem>,
    /// `true` if the storage names this owner. Otherwise it stores no owner, and the names of the clusters only match
    /// those that `KubeRay` generates from this one.
    exact: bool,
}

/// Redirects to the session of a RayJob, RayService, RayCluster or submission, or lists several sessions.
#[utoipa::path(
    get,
    path = "/{family}/{namespace}/{name}",
    operation_id = "listAttempts",
    tag = "links",
    params(
        ("family" = String, Path, description = "rayjobs, rayservices, rayclusters or submissions"),
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the object, or id of the submission"),
    ),
    responses(
        (status = 200, description = "Several sessions, newest first; a page for browsers (`Accept`)", body = Attempts),
        (status = 307, description = "Redirect to the only session"),
        (status = 404, description = "Nothing of that name is stored", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn attempts(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let Found { sessions: found, exact } = find(call).await?;
    if let ([only], true) = (&found[..], exact) {
        return Ok(redirect_uncached(&format!("../../sessions/{}", session_path(&only.key))));
    }
    if !accepts_html(call.request) {
        let items = all_listed(call, &found).await;
        let headers = ((CACHE_CONTROL, "no-store"), (VARY, "accept"));
        return Ok(HttpResponse::Ok()
            .insert_header(headers.0)
            .insert_header(headers.1)
            .json(Attempts { sessions: items, exact }));
    }
    let runs = ShownRun::of_all(call, &found).await;
    let rows = Rows { entries: &found, runs: &runs, loose: &[], sorts: None };
    let title = format!("{} {}", family(call).map_or("Submission", |(word, _)| word), call.names[1]);
    let body = html! {
        h1 { (title) }
        p {
            (session_count(found.len())) ", newest first. "
            a href={ (escape_name(call.names[1])) "/latest" } { "The newest" }
            " " a href="../../sessions/" { "All sessions" }
        }
        @if !exact {
            p.note {
                "The storage does not say who created these clusters: their names match "
                "those that KubeRay generates from this one."
            }
        }
        (table(call.state, &rows, "../../", |entry: &Entry| format!("../../sessions/{}", session_path(&entry.key))))
    };
    let mut response = html::page(&title, &html::style("../../"), &body);
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Redirects to the newest session of a RayJob, RayService, RayCluster or submission.
///
/// The path after `latest` and the query are kept: `…/latest/api/v0/tasks?limit=10` redirects to the tasks of that
/// session, so Ray's clients accept `…/latest` as an address.
#[utoipa::path(
    get,
    path = "/{family}/{namespace}/{name}/latest",
    operation_id = "latestAttempt",
    tag = "links",
    params(
        ("family" = String, Path, description = "rayjobs, rayservices, rayclusters or submissions"),
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the object, or id of the submission"),
    ),
    responses(
        (status = 307, description = "Redirect to the session"),
        (status = 404, description = "Nothing of that name is stored", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn latest(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let found = find(call).await?;
    // The newest cluster of a RayService may be pending.
    let wanted = match family(call) {
        Some((_, Subject::RAY_SERVICE)) => call.state.sessions.serving(call.names[0], call.names[1], &found.sessions),
        _ => found.sessions.first(),
    };
    let wanted = wanted.ok_or(Error::UnknownUrl)?;
    Ok(redirect_to_session(call, &wanted.key, SEGMENTS))
}

/// Redirects from `/sessions/{namespace}/{cluster}/latest` to the newest session of the cluster.
pub(in crate::http) async fn latest_of_cluster(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let entry = find::latest(call, &cluster_id(call.names[0], call.names[1])).await?;
    Ok(redirect_to_session(call, &entry.key, SEGMENTS))
}

/// Returns at least one session, newest first, and whether the storage names the owner.
async fn find(call: &Call<'_>) -> Result<Found, Error> {
    let (namespace, name) = (call.names[0], call.names[1]);
    let Some((word, subject)) = family(call) else { return submission(call, namespace, name).await };
    let found = look_up(call, |listing| {
        let Found { mut sessions, exact } = listing.attempts(namespace, subject, name, false);
        sessions.retain(|entry| call.permit.shows(entry));
        (!sessions.is_empty()).then_some(Found { sessions, exact })
    });
    found.await?.ok_or_else(|| Error::NothingNamed(word, name.to_owned()))
}

async fn submission(call: &Call<'_>, namespace: &str, id: &str) -> Result<Found, Error> {
    let visible = call.permit.visible();
    let mut found = call.state.sessions.submission(namespace, id, visible).await?;
    if found.sessions.is_empty() && found.of == 0 {
        // The namespace may be newer than the listing; an outage must be an error and not a 404.
        call.state.sessions.fresh_listing().await?;
        found = call.state.sessions.submission(namespace, id, visible).await?;
    }
    let Submission { sessions, searched_all, searched, of } = found;
    if !sessions.is_empty() {
        return Ok(Found { sessions, exact: true });
    }
    Err(if searched_all {
        Error::NothingNamed("submission", id.to_owned())
    } else {
        Error::NotFoundSoFar { id: id.to_owned(), searched, of }
    })
}

/// Returns the kind of object in the path, as text and for the search, or `None` for a submission.
fn family(call: &Call<'_>) -> Option<(&'static str, Subject)> {
    let family = call.segments.first().copied().unwrap_or_default();
    match OwnerKind::from_plural(family) {
        Some(kind) => Some((kind.kind(), Subject::Owner(kind))),
        None if family == "submissions" => None,
        None => Some(("RayCluster", Subject::Cluster)),
    }
}
