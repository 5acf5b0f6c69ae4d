//! `/enter_cluster/…`: opens a session and sets the cookies for requests at the root.

use super::cookies::{self, KINDS, NEWEST};
use crate::http::error::Error;
use crate::http::error::load_status::Status;
use crate::http::html::{accepts_html, redirect_page};
use crate::http::request::Call;
use crate::http::request::path::{cluster_id, session_key};
use crate::http::sessions::find::{self, look_up};
use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, VARY};
use ray_history_core::base::name::{OwnerKind, SessionKey, SessionName};
use ray_history_session::catalog::Entry;
use ray_history_session::links::Subject;
use serde::Serialize;
use utoipa::ToSchema;

/// The entered session, in the format of KubeRay's history server.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Entered {
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
        (status = 503, description = "The session is still being loaded; try again", body = Status),
    )
)]
pub(in crate::http) async fn enter(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let entry = wanted(call).await?;
    let mut response = if accepts_html(call.request) {
        // In a browser, the dashboard page shows the progress of the load.
        find::begin(call, &entry.key).await?;
        redirect_page("The dashboard", &format!("{}#/overview", "../".repeat(call.segments.len() - 1)))
    } else {
        find::open(call, &entry.key).await?;
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
            return Ok(find::entry(call, &session_key([namespace, name, session])?).await?);
        }
        let cluster = cluster_id(namespace, name);
        let found = look_up(call, |listing| find::latest_in(call, listing, &cluster)).await?;
        return found.ok_or_else(|| Error::NothingNamed(KINDS[kind], name.to_owned()));
    };
    let found = look_up(call, |listing| {
        let mut attempts = listing.attempts(namespace, Subject::Owner(owner), name, true);
        attempts.sessions.retain(|entry| call.permit.shows(entry));
        match newest.then_some(owner) {
            Some(OwnerKind::RayService) => call.state.sessions.serving(namespace, name, &attempts.sessions).cloned(),
            Some(OwnerKind::RayJob) => attempts.sessions.into_iter().next(),
            None => attempts.sessions.into_iter().find(|entry| entry.key.session.as_str() == session),
        }
    });
    found.await?.ok_or_else(|| Error::NothingNamed(KINDS[kind], name.to_owned()))
}
