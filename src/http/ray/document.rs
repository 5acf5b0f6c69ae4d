//! Ray's document of a session: the dashboard, with our bar.

use super::{bar, files};
use crate::http::error::Error;
use crate::http::html;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::find;
use crate::http::state::State;
use crate::http::validators;
use crate::session::Opening;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use maud::html;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::version::RayVersion;
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
    of_session(call.state, &key, TO_ROOT).await
}

/// Returns the document of a stored session, or an error for an unknown one, which must not look empty.
///
/// `root` is the relative path from the document to the server's root, as in [`bar::insert`].
pub(in crate::http) async fn of_session(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    find::entry(state, key).await?;
    let mut response = index(state, key, root).await?;
    validators::describe(&mut response, state, key, state.sessions.peek(key).as_deref());
    Ok(response)
}

/// Returns the document with our bar's tag, or an explanatory page if there are no dashboard files.
async fn index(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    let Some(dashboards) = &state.dashboards else {
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
    let recorded = if dashboards.are_several() { recorded_version(state, key).await } else { None };
    let dashboard = dashboards.of(recorded);
    let bytes = files::read(&dashboard.folder.join("index.html"), &dashboard.folder).await?;
    let document = bar::insert(&String::from_utf8_lossy(&bytes), key, root, dashboard.version.as_deref());
    // The file names in the document contain content hashes, but its own name does not.
    let cache = (CACHE_CONTROL, "no-store");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header(cache).body(document))
}

/// Returns the version of Ray that recorded a session; `None` if it is not known yet.
async fn recorded_version(state: &State, key: &SessionKey) -> Option<RayVersion> {
    match state.sessions.open_within(key, VERSION_WAIT).await {
        Ok(Opening::Ready(session)) => RayVersion::of(&session.snapshot),
        // The bar reports the error.
        Ok(Opening::Loading(_)) | Err(_) => None,
    }
}
