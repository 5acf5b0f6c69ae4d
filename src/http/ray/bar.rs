//! The bar that this server adds to Ray's dashboard: one script, inserted into the served document.
//!
//! Ray's files are not changed and may be of any version. The script's tag comes first in the document's head, because
//! the script must run before Ray's.

use crate::http::request::Call;
use crate::http::request::path::session_path;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use maud::html;
use ray_history_core::base::name::SessionKey;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// The script: one function around all parts, which hides our names from Ray's code. `watch.js` starts it and is last.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("bar/clock.js"),
    include_str!("bar/rest.js"),
    include_str!("bar/requests.js"),
    include_str!("bar/words.js"),
    include_str!("bar/style.js"),
    include_str!("bar/bar.js"),
    include_str!("bar/rows.js"),
    include_str!("bar/title.js"),
    include_str!("bar/watch.js"),
    "})();\n",
);

/// Hash of the script, so that browsers may cache it forever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    SCRIPT.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// Answers with the script. Browsers may cache it forever if the URL has its version; another version is that of another
/// replica, under whose name this script must not be kept.
pub(in crate::http) fn serve(call: &Call<'_>) -> HttpResponse {
    let is_own = call.request.query_string().strip_prefix("v=") == Some(VERSION.as_str());
    let cache = if is_own { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").insert_header((CACHE_CONTROL, cache)).body(SCRIPT)
}

/// Returns Ray's document with the script's tag inserted. `root` is the relative path from the document to the server's
/// root: repeated `../`, or `./`. `version` is the Ray version of the document, if the folder names it.
pub(in crate::http) fn insert(document: &str, key: &SessionKey, root: &str, version: Option<&str>) -> String {
    let path = session_path(key);
    let tag = html! {
        script src={ (root) "sessions/bar.js?v=" (*VERSION) } data-root=(root) data-path=(path.trim_end_matches('/'))
            data-namespace=(key.cluster.namespace) data-cluster=(key.cluster.name) data-session=(key.session)
            data-dashboard=(version.unwrap_or_default()) {}
    };
    let (before, after) = document.split_at(tag_position(document));
    [before, &tag.into_string(), after].concat()
}

/// Returns the position after the opening tag of the head, else of the document, else after the doctype.
fn tag_position(document: &str) -> usize {
    let lower = document.to_ascii_lowercase();
    ["<head", "<html", "<!doctype"].iter().find_map(|tag| end_of(&lower, tag)).unwrap_or(0)
}

/// Returns the end of the first tag of this name; `<head` must not match `<header>`.
fn end_of(lower: &str, tag: &str) -> Option<usize> {
    lower.match_indices(tag).find_map(|(at, _)| {
        let rest = &lower[at + tag.len()..];
        let whole = rest.starts_with('>') || rest.starts_with(|c: char| c.is_ascii_whitespace());
        whole.then(|| rest.find('>').map(|end| at + tag.len() + end + 1)).flatten()
    })
}

#[cfg(test)]
mod tests;
