//! The routes of KubeRay's history server: choosing a session, entering it, and Ray's routes at the root for a browser
//! that has entered one.
//!
//! Ray's proxy (`ray start --head --proxy-server-url`) sends everything here and shows the viewer's own cluster whenever
//! the answer is 404: so what does not exist is 410 here. It follows redirects itself and loses their cookies: so
//! browsers are led on by pages.

use super::call::Call;
use super::cookies::{self, KINDS, NEWEST};
use super::error::{Error, Shape};
use super::page::{html, is_wanted, onward, style};
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

/// Rows of the page to choose from; the search finds the others.
const ROWS: usize = 200;

/// `/`: the dashboard of the session that was entered; else the way to the list.
pub(super) async fn home(call: &Call<'_>) -> Result<HttpResponse, Error> {
    if cookies::are_there(call.request) {
        return Ok(entered(call, &[""]).await);
    }
    let mut response =
        if is_wanted(call.request) { onward("Ray sessions", "sessions/") } else { super::page::redirect("sessions/") };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept, cookie"));
    Ok(response)
}

/// Any URL at the root that is not ours: Ray's, of the session that was entered.
pub(super) async fn below(call: &Call<'_>) -> Result<HttpResponse, Error> {
    if !cookies::are_there(call.request) {
        // What is missing is told for Ray's routes alone; a browser asks for an icon everywhere.
        if !api::is_known(call.segments) && call.segments.first() != Some(&"static") {
            // A person gets a page with a way out; programs get what Ray says.
            let shape = if is_wanted(call.request) { Shape::Page } else { Shape::Ray };
            return Ok(Error::UnknownUrl.respond(call.request, shape));
        }
        cookies::resolve(call.state, call.request).await?;
    }
    Ok(entered(call, call.segments).await)
}

/// Answers for the session in the cookies, and lets them live on.
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
            // Files are the same for everybody, and caches that many share keep them.
            if session::is_file(below) && response.status().is_success() {
                return response;
            }
            cookies::issue(&mut response, &entry);
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

/// `/select_cluster`: a page to enter a session from.
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

/// What was entered, in the words of KubeRay's history server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entered {
    /// `success`.
    result: &'static str,
    /// Name of the `RayCluster`.
    name: String,
    /// Its namespace.
    namespace: String,
    /// Name of the session.
    session: String,
}

/// Enters a session: opens it, waits for that, and sets the cookies that requests at the root are about.
///
/// `/enter_cluster/{namespace}/{kind}/{name}` enters the newest session, and the older
/// `/enter_cluster/{namespace}/{cluster}/{session}` is understood as well.
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
        (status = 503, description = "It is still being loaded; ask again", body = super::progress::Status),
    )
)]
pub(super) async fn enter(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let entry = wanted(call).await?;
    let mut response = if is_wanted(call.request) {
        // A person follows a link: the page itself shows how the load goes on.
        load::begin(call.state, &entry.key).await?;
        onward("The dashboard", &format!("{}#/overview", "../".repeat(call.segments.len() - 1)))
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
    cookies::issue(&mut response, &entry);
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// The session that the path means.
async fn wanted(call: &Call<'_>) -> Result<Entry, Error> {
    let (namespace, second, third) = (call.names[0], call.names[1], call.names[2]);
    let kind = KINDS.iter().position(|kind| kind.eq_ignore_ascii_case(second));
    let (kind, name, session) = match (kind, call.names.get(3)) {
        // No object's name is a session's: `_` is in no Kubernetes name. So a cluster may be named like a kind.
        (Some(kind), None) if SessionName::parse(third).is_none() => (kind, third, NEWEST[0]),
        (Some(kind), Some(session)) => (kind, third, *session),
        (_, None) if SessionName::parse(third).is_some() || NEWEST.contains(&third) => (0, second, third),
        _ => {
            return Err(Error::BadRequest(format!(
                "{second:?} is no kind: {} is wanted, as in /enter_cluster/NAMESPACE/KIND/NAME/SESSION.",
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
