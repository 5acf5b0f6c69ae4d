//! The routes of KubeRay's history server: selecting a session, entering it, and Ray's routes at the root for a browser
//! that has entered one.
//!
//! Ray's proxy (`ray start --head --proxy-server-url`) forwards every request, and falls back to the viewer's own
//! cluster on 404, so these routes answer 410 instead. It follows redirects itself and loses their cookies, so browsers
//! are redirected by HTML pages.

use super::call::Call;
use super::cookies::{self, KINDS, NEWEST};
use super::error::{Error, Shape};
use super::page::{accepts_html, html, redirect_page, style};
use super::path::{cluster_id, cluster_name, escape_name, session_key};
use super::session::{entry, look_up};
use super::{api, filter, listing, load, session, session_table};
use crate::session::catalog::{Entry, Page};
use crate::session::links::Subject;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use ray_history_core::base::name::{OwnerKind, SessionKey, SessionName};
use serde::Serialize;
use std::fmt::Write;
use std::rc::Rc;
use utoipa::ToSchema;

/// Most rows of the selection page; the search finds other sessions.
const ROWS: usize = 200;

/// Answers `/` with the dashboard of the entered session, else with a redirect to the list.
pub(super) async fn home(call: &Call<'_>) -> Result<HttpResponse, Error> {
    if cookies::are_set(call.request) {
        return Ok(entered(call, &[""]).await);
    }
    let mut response = if accepts_html(call.request) {
        redirect_page("Ray sessions", "sessions/")
    } else {
        super::page::redirect("sessions/")
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept, cookie"));
    Ok(response)
}

/// Answers Ray's URLs at the root for the entered session.
pub(super) async fn below(call: &Call<'_>) -> Result<HttpResponse, Error> {
    if !cookies::are_set(call.request) {
        // Only Ray's routes report missing cookies; browsers request an icon everywhere.
        if !api::is_known(call.segments) && call.segments.first() != Some(&"static") {
            // Browsers get a page with a link to the list; programs get Ray's answer.
            let shape = if accepts_html(call.request) { Shape::Page } else { Shape::Ray };
            return Ok(Error::UnknownUrl.respond(call.request, shape));
        }
        cookies::resolve(call.state, call.request).await?;
    }
    Ok(entered(call, call.segments).await)
}

/// Answers for the session in the cookies, and extends their lifetime.
async fn entered(call: &Call<'_>, below: &[&str]) -> HttpResponse {
    let document = below == [""];
    let shape = if document { Shape::Page } else { Shape::Ray };
    let mut response = match cookies::resolve(call.state, call.request).await {
        Ok(entry) => {
            let answered = if document {
                session::index(call.state, &entry.key, "./").await
            } else {
                Ok(session::answer(call, &Rc::new(entry.key.clone()), below).await)
            };
            let mut response = answered.unwrap_or_else(|error| error.respond(call.request, shape));
            // Files are the same for all users, and shared caches may keep them.
            if session::is_file(below) && response.status().is_success() {
                return response;
            }
            cookies::set(&mut response, &entry);
            response
        }
        Err(error) => error.respond(call.request, shape),
    };
    if response.status() == StatusCode::NOT_FOUND {
        *response.status_mut() = StatusCode::GONE;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("cookie"));
    response
}

/// Answers `/select_cluster` with a page of links that enter a session.
pub(super) fn select(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let wanted = filter::parse(call.request.query_string(), ROWS, ROWS)?;
    let listing = call.state.sessions.listing();
    let Page { entries, total, .. } = call.state.sessions.page(&wanted);
    let mut body = String::from(
        "<h1>Choose a session</h1><form><input id=\"search\" name=\"q\" type=\"search\" placeholder=\"Search\" \
         autofocus aria-label=\"Search sessions\"></form>",
    );
    listing::note(&listing, &mut body);
    if total > entries.len() {
        let shown = entries.len();
        let _ = write!(body, "<p class=\"note\">The newest {shown} of {total}: search for others.</p>");
    }
    let link = |entry: &Entry| {
        let SessionKey { cluster, session } = &entry.key;
        let names = [&cluster.namespace, KINDS[0], cluster_name(cluster), session.as_str()].map(escape_name);
        format!("enter_cluster/{}", names.join("/"))
    };
    session_table::write(call.state, &entries, "", link, &mut body);
    Ok(html("Choose a session", &style(""), &body))
}

/// The entered session, in the format of KubeRay's history server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entered {
    /// Always `success`.
    result: &'static str,
    /// Name of the `RayCluster`.
    name: String,
    /// Namespace of the `RayCluster`.
    namespace: String,
    /// Name of the session.
    session: String,
}

/// Enters a session: opens it, waits until it is open, and sets the cookies for requests at the root.
///
/// `/enter_cluster/{namespace}/{kind}/{name}` enters the newest session. The older
/// `/enter_cluster/{namespace}/{cluster}/{session}` is accepted as well.
#[utoipa::path(
    get,
    path = "/enter_cluster/{namespace}/{kind}/{name}/{session}",
    operation_id = "enterCluster",
    tag = "drop-in",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("kind" = String, Path, description = "raycluster, rayjob or rayservice"),
        ("name" = String, Path, description = "Name of that object"),
        ("session" = String, Path, description = "Name of the session, or latest"),
    ),
    responses(
        (status = 200, description = "Entered: five cookies are set", body = Entered),
        (status = 400, description = "The kind or the session's name cannot be understood"),
        (status = 404, description = "No such session"),
        (status = 503, description = "The session is still being loaded; try again", body = super::progress::Status),
    )
)]
pub(super) async fn enter(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let entry = wanted(call).await?;
    let mut response = if accepts_html(call.request) {
        // In a browser, the dashboard page shows the progress of the load.
        load::begin(call.state, &entry.key).await?;
        redirect_page("The dashboard", &format!("{}#/overview", "../".repeat(call.segments.len() - 1)))
    } else {
        load::open(call.state, &entry.key).await?;
        let SessionKey { cluster, session } = &entry.key;
        HttpResponse::Ok().json(Entered {
            result: "success",
            name: cluster.name.clone(),
            namespace: cluster.namespace.clone(),
            session: session.as_str().to_owned(),
        })
    };
    cookies::set(&mut response, &entry);
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Returns the session that the path selects.
async fn wanted(call: &Call<'_>) -> Result<Entry, Error> {
    let (namespace, second, third) = (call.names[0], call.names[1], call.names[2]);
    let kind = KINDS.iter().position(|kind| kind.eq_ignore_ascii_case(second));
    let (kind, name, session) = match (kind, call.names.get(3)) {
        // A session name contains `_`, which no Kubernetes name does. So a cluster may have the name of a kind.
        (Some(kind), None) if SessionName::parse(third).is_none() => (kind, third, NEWEST[0]),
        (Some(kind), Some(session)) => (kind, third, *session),
        (_, None) if SessionName::parse(third).is_some() || NEWEST.contains(&third) => (0, second, third),
        _ => {
            return Err(Error::BadRequest(format!(
                "{second:?} is not a kind: expected {}, as in /enter_cluster/NAMESPACE/KIND/NAME/SESSION.",
                KINDS.join(", ")
            )));
        }
    };
    let newest = NEWEST.contains(&session);
    if !newest && SessionName::parse(session).is_none() {
        return Err(Error::BadRequest(format!(
            "{session:?} is not a session name (session_YYYY-MM-DD_HH-MM-SS_micros_pid), nor latest."
        )));
    }
    let Some(owner) = OwnerKind::from_folder(KINDS[kind]) else {
        if !newest {
            return Ok(entry(call.state, &session_key([namespace, name, session])?).await?);
        }
        let cluster = cluster_id(namespace, name);
        let found = look_up(call.state, |listing| listing.latest(&cluster)).await?;
        return found.ok_or_else(|| Error::NothingNamed(KINDS[kind], name.to_owned()));
    };
    let found = look_up(call.state, |listing| {
        let attempts = listing.attempts(namespace, Subject::Owner(owner), name, true);
        match newest.then_some(owner) {
            Some(OwnerKind::RayService) => call.state.sessions.serving(namespace, name, &attempts.sessions).cloned(),
            Some(OwnerKind::RayJob) => attempts.sessions.into_iter().next(),
            None => attempts.sessions.into_iter().find(|entry| entry.key.session.as_str() == session),
        }
    });
    found.await?.ok_or_else(|| Error::NothingNamed(KINDS[kind], name.to_owned()))
}
