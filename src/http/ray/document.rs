//! Ray's document of a session: the dashboard, with our bar.

use super::{bar, files};
use crate::http::error::Error;
use crate::http::html;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::find;
use crate::http::validators;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use maud::html;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::version::RayVersion;
use ray_history_session::Opening;
use std::time::Duration;

/// Time that a document waits for the load of its session, which tells the version. Most sessions open in less; if one
/// takes longer, its bar loads the document again when it is open.
const VERSION_WAIT: Duration = Duration::from_secs(1);

/// Relative path from a session's document to the server's root.
const TO_ROOT: &str = "../../../../";

/// Redirects a session's path without a final `/`, which the dashboard's relative URLs need.
pub(in crate::http) fn redirect(call: &Call<'_>) -> Result<HttpResponse, Error> {
    session_key([call.names[0], call.names[1], call.names[2]])?;
    // The raw last segment, so that nothing is decoded or encoded twice.
    let last = call.request.uri().path().rsplit('/').next().unwrap_or_default();
    Ok(html::redirect(&format!("{last}/")))
}

/// Answers a session's document.
pub(in crate::http) async fn document(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    of_session(call, &key, TO_ROOT).await
}

/// Returns the document of a stored session, or an error for an unknown one, which must not look empty. While access is
/// on, everybody gets the document of any session, because it must not tell which are stored.
///
/// `root` is the relative path from the document to the server's root, as in [`bar::insert`].
pub(in crate::http) async fn of_session(call: &Call<'_>, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    if !call.permit.is_guarded() {
        find::entry(call, key).await?;
    }
    let mut response = index(call, key, root).await?;
    validators::describe_if_shown(&mut response, call, key, call.state.sessions.peek(key).as_deref());
    Ok(response)
}

/// Returns the document with our bar's tag, or an explanatory page if there are no dashboard files.
async fn index(call: &Call<'_>, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    let Some(dashboards) = &call.state.dashboards else {
        let body = html! {
            h1 { "The Ray dashboard's files are not here" }
            p {
                "This server was started without " code { "--dashboard-dir" }
                ", so it can only answer the dashboard's API. "
                code { "make dashboard" } " fetches the files from the ray wheel; "
                code { "--dashboard-dir" } " names their folder."
            }
            p { a href={ (root) "sessions/" } { "All sessions" } }
        };
        return Ok(html::page("No dashboard files", &html::style(root), &body));
    };
    let recorded = if dashboards.are_several() { recorded_version(call, key).await } else { None };
    let dashboard = dashboards.of(recorded);
    let bytes = files::read(&dashboard.folder.join("index.html"), &dashboard.folder).await?;
    let document = bar::insert(&String::from_utf8_lossy(&bytes), key, root, dashboard.version.as_deref());
    // The file names in the document contain content hashes, but its own name does not.
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8").insert_header((CACHE_CONTROL, "no-store"));
    // No page of another origin may lay something over it, or get its path, which has names.
    response.insert_header((CONTENT_SECURITY_POLICY, "frame-ancestors 'self'"));
    response.insert_header((REFERRER_POLICY, "same-origin"));
    Ok(response.body(document))
}

/// Returns the version of Ray that recorded a session; `None` if it is not known yet, or not for this request.
async fn recorded_version(call: &Call<'_>, key: &SessionKey) -> Option<RayVersion> {
    match find::open_within(call, key, VERSION_WAIT).await {
        Ok(Opening::Ready(session)) => RayVersion::of(&session.snapshot),
        // The bar reports the error.
        Ok(Opening::Loading(_)) | Err(_) => None,
    }
}
