//! Redirects from a name to the session that it stands for at the moment.

use crate::http::html;
use crate::http::request::Call;
use crate::http::request::path::session_path;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use ray_history_core::base::name::SessionKey;

/// Redirects to the same URL below a session. The raw path after the first `named` segments and the query are kept, so
/// that Ray's clients accept the path of a `RayCluster` or a job as an address.
pub(super) fn redirect_to_session(call: &Call<'_>, key: &SessionKey, named: usize) -> HttpResponse {
    let uri = call.request.uri();
    // Relative to the last segment, so that it works under any prefix; empty segments count, too.
    let up = "../".repeat(call.segments.len().saturating_sub(1));
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let rest = path.splitn(named + 1, '/').nth(named).unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // A parsed URL contains only characters that are valid in a header.
    redirect_uncached(&format!("{up}sessions/{}{rest}{query}", session_path(key)))
}

/// Returns a redirect that must not be cached, because its target may change.
pub(super) fn redirect_uncached(to: &str) -> HttpResponse {
    let mut response = html::redirect(to);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
