//! Ray's own dashboard files, served unchanged from a folder below every session.

use super::error::Error;
use super::state::State;
use super::{bar, page};
use crate::dashboards::Dashboard;
use crate::session::Opening;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::version::RayVersion;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time that a document waits for the load of its session, which tells the version. Most sessions open in less; if one
/// takes longer, its bar loads the document again when it is open.
const VERSION_WAIT: Duration = Duration::from_secs(1);

/// Returns the document of a session with our bar's tag, or an explanatory page if there are no dashboard files.
///
/// `root` is the relative path from the document to the server's root, as in [`bar::insert`].
pub(super) async fn index(state: &State, key: &SessionKey, root: &str) -> Result<HttpResponse, Error> {
    let Some(dashboards) = &state.dashboards else {
        let body = format!(
            "<h1>The Ray dashboard's files are not here</h1><p>This server was started without \
             <code>--dashboard-dir</code>, so it can only answer the dashboard's API. \
             <code>make dashboard</code> fetches the files from the ray wheel; \
             <code>--dashboard-dir</code> names their folder.</p><p><a href=\"{root}sessions/\">All sessions</a></p>"
        );
        return Ok(page::html("No dashboard files", &page::style(root), &body));
    };
    let recorded = if dashboards.are_several() { recorded_version(state, key).await } else { None };
    let dashboard = dashboards.of(recorded).ok_or(Error::UnknownUrl)?;
    let bytes = read(&dashboard.folder.join("index.html"), &dashboard.folder).await?;
    let document = bar::insert(&String::from_utf8_lossy(&bytes), key, root, dashboard.version.as_deref());
    // The file names in the document contain content hashes, but its own name does not.
    Ok(response("text/html; charset=utf-8", "no-store", document.into_bytes()))
}

/// Returns the version of Ray that recorded a session; `None` if it is not known yet.
async fn recorded_version(state: &State, key: &SessionKey) -> Option<RayVersion> {
    match state.sessions.open_within(key, VERSION_WAIT).await {
        Ok(Opening::Ready(session)) => RayVersion::of(&session.snapshot),
        // The bar reports the error.
        Ok(Opening::Loading(_)) | Err(_) => None,
    }
}

/// Returns a file of Ray's; `below` has the decoded path segments.
///
/// The URL does not contain the version. Names have a hash of the content where versions differ, so the newest dashboard
/// with a file of this name has the right one.
pub(super) async fn asset(state: &State, below: &[&str]) -> Result<HttpResponse, Error> {
    let dashboards = state.dashboards.as_ref().ok_or(Error::UnknownUrl)?;
    let mut file = PathBuf::new();
    for name in below {
        if name.is_empty() || *name == "." || *name == ".." || name.contains(['/', '\\', '\0']) {
            return Err(Error::UnknownUrl);
        }
        file.push(name);
    }
    let cache = if below.last().is_some_and(|name| has_hash(name)) { CACHE_FOREVER } else { CACHE_FOR_MINUTES };
    for Dashboard { folder, .. } in dashboards.iter() {
        if let Ok(bytes) = read(&folder.join(&file), folder).await {
            return Ok(response(content_type(&file), cache, bytes));
        }
    }
    Err(Error::UnknownUrl)
}

/// For names with a content hash, which another build does not reuse.
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
/// For other names, which another version of the dashboard reuses.
const CACHE_FOR_MINUTES: &str = "public, max-age=300";

/// Returns `true` if a file name contains a content hash: `main.0123abcd.js`, `logo.0123456789abcdef0123.svg`.
fn has_hash(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let is_hash = |part: &&str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    // The first part is the name and the last part the extension.
    parts.len() > 2 && parts[1..parts.len() - 1].iter().any(is_hash)
}

async fn read(path: &Path, dir: &Path) -> Result<Vec<u8>, Error> {
    let (path, dir) = (path.to_owned(), dir.to_owned());
    let read = tokio::task::spawn_blocking(move || read_inside(&path, &dir)).await;
    read.ok().flatten().ok_or(Error::UnknownUrl)
}

fn response(content_type: &'static str, cache: &'static str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).insert_header((CACHE_CONTROL, cache)).body(bytes)
}

/// Returns the file's bytes if it is below the folder after resolving symbolic links.
fn read_inside(path: &Path, dir: &Path) -> Option<Vec<u8>> {
    let (path, dir): (PathBuf, PathBuf) = (path.canonicalize().ok()?, dir.canonicalize().ok()?);
    if !path.starts_with(dir) || !path.is_file() {
        return None;
    }
    std::fs::read(path).ok()
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff") => "font/woff",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_only_hashed_names_forever() {
        for (name, hashed) in [
            ("main.a3f19c02.js", true),
            ("main.a3f19c02.js.map", true),
            ("logo.0123456789abcdef0123.svg", true),
            ("favicon.ico", false),
            ("deadbeef.js", false),
            ("speedscope.min.js", false),
            ("index.html", false),
        ] {
            assert_eq!(has_hash(name), hashed, "{name}");
        }
    }
}
