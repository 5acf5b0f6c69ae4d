//! Ray's document of a session: the dashboard, with our bar.

use super::{bar, files};
use crate::http::error::Error;
use crate::http::html;
use crate::http::middleware::validators;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::lookup;
use crate::http::state::State;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use maud::html;
use ray_history_core::base::name::SessionKey;

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
    lookup::entry(state, key).await?;
    let mut response = index(state, key, root).await?;
    validators::describe(&mut response, state, key, state.sessions.peek(key).as_deref());
    Ok(response)
}

/// Returns the document with our bar's tag, or an explanatory page if there are no dashboard files.
async fn index(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    let Some(dir) = &state.dashboard_dir else {
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
    let bytes = files::read(&dir.join("index.html"), dir).await?;
    let document = bar::insert(&String::from_utf8_lossy(&bytes), key, root);
    // The file names in the document contain content hashes, but its own name does not.
    let cache = (CACHE_CONTROL, "no-store");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header(cache).body(document))
}
