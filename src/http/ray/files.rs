//! Ray's own dashboard files, served unchanged from a folder below every session.

use crate::http::error::Error;
use crate::http::request::{Call, RouteName};
use crate::http::state::State;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpMessage, HttpResponse};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Answers a request for a file below a session, whether or not it is open.
///
/// Files are the same for every session and user and may be kept by shared caches, so they have no headers of
/// `validators`.
pub(in crate::http) async fn serve(call: &Call<'_>, name: &'static str, below: &[&str]) -> Result<HttpResponse, Error> {
    call.request.extensions_mut().insert(RouteName(name));
    file(call.state, below).await
}

/// Returns a file; `below` has the decoded path segments.
///
/// The URL does not contain the version. Names have a hash of the content where versions differ, so the newest dashboard
/// with a file of this name has the right one.
async fn file(state: &State, below: &[&str]) -> Result<HttpResponse, Error> {
    let dashboards = state.dashboards.as_ref().ok_or(Error::UnknownUrl)?;
    let mut path = PathBuf::new();
    for name in below {
        if name.is_empty() || *name == "." || *name == ".." || name.contains(['/', '\\', '\0']) {
            return Err(Error::UnknownUrl);
        }
        path.push(name);
    }
    let cache = if below.last().is_some_and(|name| has_hash(name)) { CACHE_FOREVER } else { CACHE_FOR_MINUTES };
    let (name, dashboards) = (path.clone(), Arc::clone(dashboards));
    let read = move || dashboards.iter().find_map(|each| read_inside(&each.folder.join(&name), &each.folder));
    let bytes = tokio::task::spawn_blocking(read).await.ok().flatten().ok_or(Error::UnknownUrl)?;
    Ok(HttpResponse::Ok().content_type(content_type(&path)).insert_header((CACHE_CONTROL, cache)).body(bytes))
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

/// Returns the bytes of a file in the folder.
pub(super) async fn read(path: &Path, dir: &Path) -> Result<Vec<u8>, Error> {
    let (path, dir) = (path.to_owned(), dir.to_owned());
    let read = tokio::task::spawn_blocking(move || read_inside(&path, &dir)).await;
    read.ok().flatten().ok_or(Error::UnknownUrl)
}

/// Returns the file's bytes if it is below the folder after resolving symbolic links.
fn read_inside(path: &Path, dir: &Path) -> Option<Vec<u8>> {
    let (path, dir): (PathBuf, PathBuf) = (path.canonicalize().ok()?, dir.canonicalize().ok()?);
    if !path.starts_with(dir) || !path.is_file() {
        return None;
    }
    std::fs::read(path).ok()
}

/// Returns the type by the file's extension. Texts are UTF-8.
fn content_type(path: &Path) -> String {
    // `mime_guess` has an old name of the font's type, and knows `.map` as text.
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("map") => return "application/json".to_owned(),
        Some("woff") => return "font/woff".to_owned(),
        _ => {}
    }
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    if guess.type_() == "text" { format!("{guess}; charset=utf-8") } else { guess.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::fs::write(inside.join("file.js"), "y").unwrap();
        for (link, to) in [("out.js", dir.path().join("secret")), ("in.js", inside.join("file.js"))] {
            std::os::unix::fs::symlink(to, inside.join(link)).unwrap();
        }
        assert_eq!(read_inside(&inside.join("out.js"), &inside), None);
        assert_eq!(read_inside(&inside.join("in.js"), &inside), Some(b"y".to_vec()));
    }

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

    #[test]
    fn types_are_those_that_browsers_require() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("main.js", "text/javascript; charset=utf-8"),
            ("main.css", "text/css; charset=utf-8"),
            ("manifest.json", "application/json"),
            ("main.js.map", "application/json"),
            ("logo.svg", "image/svg+xml"),
            ("logo.png", "image/png"),
            ("favicon.ico", "image/x-icon"),
            ("roboto.woff", "font/woff"),
            ("roboto.woff2", "font/woff2"),
            ("LICENSE.txt", "text/plain; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
            ("profile.unknown", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected, "{name}");
        }
    }
}
