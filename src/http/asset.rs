//! Our own scripts, style sheet and icon, which our pages and Ray's document load.

use super::bar;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;

const SCRIPT: &str = include_str!("asset/sessions.js");
const STYLE: &str = include_str!("asset/sessions.css");
const ICON: &str = include_str!("asset/icon.svg");

/// Returns one of our assets. The URL of `bar.js` contains its version, so browsers may cache it.
pub(super) fn serve(name: &str) -> HttpResponse {
    let (content_type, text) = match name {
        "bar.js" => ("text/javascript; charset=utf-8", bar::script()),
        "sessions.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => ("text/css; charset=utf-8", STYLE),
    };
    let cache = if name == "bar.js" { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok().content_type(content_type).insert_header((CACHE_CONTROL, cache)).body(text)
}
