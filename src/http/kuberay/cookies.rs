//! The cookies of KubeRay's history server, which select the session of a browser's requests at the root.
//!
//! They are not signed, so their values are only looked up in the listing and never become a storage path.

use crate::http::error::Error;
use crate::http::request::Call;
use crate::http::request::path::{cluster_id, cluster_name, escape_name};
use crate::http::sessions::find;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{SessionKey, SessionName};
use ray_history_session::catalog::Entry;

const NAMESPACE: &str = "cluster_namespace";
const CLUSTER: &str = "cluster_name";
const SESSION: &str = "session_name";
const OWNER_KIND: &str = "owner_kind";
const OWNER_NAME: &str = "owner_name";

/// Lifetime of the cookies without requests, as in KubeRay's history server.
const MAX_AGE: Duration = Duration::minutes(10);

/// Names of the newest session.
pub(super) const NEWEST: [&str; 2] = ["latest", "live"];

/// Kinds of objects by which a session may be entered.
pub(super) const KINDS: [&str; 3] = ["raycluster", "rayjob", "rayservice"];

/// Returns `true` if the request has the cookies that select a session.
pub(super) fn are_set(request: &HttpRequest) -> bool {
    [NAMESPACE, CLUSTER, SESSION].iter().all(|name| value(request, name).is_some())
}

/// Returns `true` if the cookies name a namespace.
pub(in crate::http) fn have_namespace(request: &HttpRequest) -> bool {
    value(request, NAMESPACE).is_some()
}

/// Returns the namespace, cluster and session that the cookies name, each empty without its cookie.
pub(in crate::http) fn names(request: &HttpRequest) -> [String; 3] {
    [NAMESPACE, CLUSTER, SESSION].map(|name| value(request, name).unwrap_or_default())
}

/// Returns the stored session that the cookies select.
pub(super) async fn resolve(call: &Call<'_>) -> Result<Entry, Error> {
    let request = call.request;
    let wanted = |name: &'static str| {
        value(request, name).ok_or_else(|| {
            Error::BadRequest(format!(
                "No session is chosen: the cookie {name} is missing. Choose one at /select_cluster, or open one from \
                 /sessions/."
            ))
        })
    };
    let (cluster, session, namespace) = (wanted(CLUSTER)?, wanted(SESSION)?, wanted(NAMESPACE)?);
    if let Some(kind) = value(request, OWNER_KIND)
        && !KINDS.iter().any(|known| known.eq_ignore_ascii_case(&kind))
    {
        return Err(Error::BadRequest(format!("The cookie {OWNER_KIND} is {kind:?}; {} is wanted.", KINDS.join(", "))));
    }
    let cluster = cluster_id(&namespace, &cluster);
    if NEWEST.contains(&session.as_str()) {
        return find::latest(call, &cluster).await;
    }
    let Some(session) = SessionName::parse(&session) else {
        return Err(Error::BadRequest(format!(
            "The cookie {SESSION} is {session:?}, which is not a session name. Choose one at /select_cluster."
        )));
    };
    Ok(find::entry(call, &SessionKey { cluster, session }).await?)
}

/// Sets all five cookies for a session.
pub(super) fn set(response: &mut HttpResponse, entry: &Entry) {
    let (kind, owner) = entry.owner.as_ref().map_or(("", ""), |owner| (owner.kind.folder(), owner.name.as_str()));
    let SessionKey { cluster, session } = &entry.key;
    for (name, value) in [
        (CLUSTER, cluster_name(cluster)),
        (SESSION, session.as_str()),
        (NAMESPACE, &cluster.namespace),
        (OWNER_KIND, kind),
        (OWNER_NAME, owner),
    ] {
        let cookie = Cookie::build(name, escape_name(value)).path("/").max_age(MAX_AGE);
        let cookie = cookie.http_only(true).same_site(SameSite::Lax).finish();
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::warn!(error = %chain(&error), cookie.name = name, "a cookie cannot be set");
        }
    }
}

/// Returns the decoded value of a cookie, or `None` if it is missing or empty.
fn value(request: &HttpRequest, name: &str) -> Option<String> {
    let cookie = request.cookie(name)?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}
