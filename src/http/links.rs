//! Sessions by the names that people know: RayJobs, RayServices, RayClusters. One lead to it, several are listed.

use super::error::Error;
use super::listing::{self, SessionItem, describe};
use super::page::{escape, html, is_wanted};
use super::path::{cluster_id, session_path};
use super::routes::Call;
use super::session::{lead, look_up};
use crate::session::catalog::{Entry, Listing};
use crate::session::{Owner, OwnerKind};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, VARY};
use serde::Serialize;
use utoipa::ToSchema;

/// The sessions of one name, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Attempts {
    /// The sessions.
    sessions: Vec<SessionItem>,
}

/// Leads to the session of a RayJob, RayService or RayCluster, or lists them when there are several.
#[utoipa::path(
    get,
    path = "/{family}/{namespace}/{name}",
    operation_id = "listAttempts",
    tag = "links",
    params(
        ("family" = String, Path, description = "rayjobs, rayservices or rayclusters"),
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the object"),
    ),
    responses(
        (status = 200, description = "Several sessions, newest first; a page for browsers (`Accept`)", body = Attempts),
        (status = 307, description = "There is one: this is where it is"),
        (status = 404, description = "Nothing of that name is stored", body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = super::openapi::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn attempts(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let found = find(call).await?;
    if let [only] = &found[..] {
        return Ok(lead(&format!("../../sessions/{}", session_path(&only.key))));
    }
    if !is_wanted(call.request) {
        let sessions = found.iter().map(|entry| describe(call.state, entry)).collect();
        let headers = ((CACHE_CONTROL, "no-store"), (VARY, "accept"));
        return Ok(HttpResponse::Ok().insert_header(headers.0).insert_header(headers.1).json(Attempts { sessions }));
    }
    let title = format!("{} {}", kind(call).0, call.names[1]);
    let mut body = format!(
        "<h1>{}</h1><p>{} sessions, newest first. <a href=\"{}/latest\">The newest</a> \
         <a href=\"../../sessions/\">All sessions</a></p><table><thead><tr><th>Namespace</th><th>Cluster</th>\
         <th>Owner</th><th>Started</th><th>Session</th></tr></thead><tbody>",
        escape(&title),
        found.len(),
        escape(&super::path::escape_name(call.names[1])),
    );
    for entry in &found {
        listing::row(entry, &format!("../../sessions/{}", session_path(&entry.key)), &mut body);
    }
    body.push_str("</tbody></table>");
    let style = "<link rel=\"stylesheet\" href=\"../../sessions/sessions.css\">";
    let mut response = html(&title, style, &body);
    response.headers_mut().append(VARY, actix_web::http::header::HeaderValue::from_static("accept"));
    Ok(response)
}

/// Leads to the newest session of a RayJob, RayService or RayCluster.
#[utoipa::path(
    get,
    path = "/{family}/{namespace}/{name}/latest",
    operation_id = "latestAttempt",
    tag = "links",
    params(
        ("family" = String, Path, description = "rayjobs, rayservices or rayclusters"),
        ("namespace" = String, Path, description = "Namespace"),
        ("name" = String, Path, description = "Name of the object"),
    ),
    responses(
        (status = 307, description = "This is where it is"),
        (status = 404, description = "Nothing of that name is stored", body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = super::openapi::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn latest(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let found = find(call).await?;
    let newest = found.first().ok_or(Error::UnknownUrl)?;
    Ok(lead(&format!("../../../sessions/{}", session_path(&newest.key))))
}

/// At least one session, newest first.
async fn find(call: &Call<'_>) -> Result<Vec<Entry>, Error> {
    let (word, kind) = kind(call);
    let (namespace, name) = (call.names[0], call.names[1]);
    let found = look_up(call.state, |listing| {
        let found = match kind {
            Some(kind) => by_owner(listing, namespace, &Owner { kind, name: name.to_owned() }),
            None => {
                let cluster = cluster_id(namespace, name);
                listing.entries.iter().filter(|entry| entry.key.cluster == cluster).cloned().collect()
            }
        };
        (!found.is_empty()).then_some(found)
    });
    found.await?.ok_or_else(|| Error::NothingNamed(word, name.to_owned()))
}

/// The sessions whose cluster somebody owns, newest first.
pub(super) fn by_owner(listing: &Listing, namespace: &str, owner: &Owner) -> Vec<Entry> {
    let owned = |entry: &&Entry| entry.key.cluster.namespace == namespace && entry.owner.as_ref() == Some(owner);
    listing.entries.iter().filter(owned).cloned().collect()
}

/// What the first name of the path means.
fn kind(call: &Call<'_>) -> (&'static str, Option<OwnerKind>) {
    match call.segments.first().copied() {
        Some("rayjobs") => ("RayJob", Some(OwnerKind::RayJob)),
        Some("rayservices") => ("RayService", Some(OwnerKind::RayService)),
        _ => ("RayCluster", None),
    }
}
