//! Our own script, style sheet and icon, which our pages load.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;

/// Answers with the script of the list of sessions.
pub(in crate::http) fn script() -> HttpResponse {
    serve("text/javascript; charset=utf-8", include_str!("assets/sessions.js"))
}

/// Answers with the style sheet.
pub(in crate::http) fn style() -> HttpResponse {
    serve("text/css; charset=utf-8", include_str!("assets/sessions.css"))
}

/// Answers with the icon.
pub(in crate::http) fn icon() -> HttpResponse {
    serve("image/svg+xml", include_str!("assets/icon.svg"))
}

fn serve(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).insert_header((CACHE_CONTROL, "no-cache")).body(text)
}
