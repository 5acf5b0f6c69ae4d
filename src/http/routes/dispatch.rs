//! Answers requests by the handler of their row. Ray's rows lie below a session's path, and at the root for the session
//! in a client's cookies.

use super::route::{BELOW_ROOT, BELOW_SESSION, Found, Handler, Mount, find};
use crate::http::error::{Error, READING, Shape};
use crate::http::kuberay::entered::{self, Kind};
use crate::http::ray::serve::{self, RayUrl};
use crate::http::ray::{document, files};
use crate::http::request::{Call, RouteName, path};
use crate::http::state::State;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use ray_history_core::base::name::SessionKey;

/// Answers a request.
pub(in crate::http) async fn answer(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    request.extensions_mut().insert(RouteName::UNKNOWN);
    let segments = match path::segments(request.uri().path()) {
        Ok(segments) => segments,
        Err(error) => return error.respond(&request, Shape::Page),
    };
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let Some(found) = find(&segments) else { return Error::UnknownUrl.respond(&request, Shape::Page) };
    let name = match found.mount {
        Mount::Server => found.route.name,
        Mount::Session => BELOW_SESSION,
        Mount::Root => BELOW_ROOT,
    };
    request.extensions_mut().insert(RouteName(name));
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => {
            let allowed = (ALLOW, HeaderValue::from_static(READING));
            return HttpResponse::NoContent().insert_header(allowed).finish();
        }
        _ => return Error::MethodNotAllowed.respond(&request, found.route.errors),
    }
    let call = Call { request: &request, state: &state, segments: &segments, names: &found.names };
    let answered = match found.route.handler {
        Handler::Own(answer) => answer(&call).await,
        Handler::Api(_) | Handler::File => ray_row(&call, &found).await,
    };
    answered.unwrap_or_else(|error| error.respond(&request, found.route.errors))
}

/// Answers for one of Ray's rows.
async fn ray_row(call: &Call<'_>, found: &Found<'_>) -> Result<HttpResponse, Error> {
    let below = &call.segments[found.mount.parts().len()..];
    if found.mount == Mount::Session {
        return ray(call, key(call)?, found, below).await;
    }
    let kind = if matches!(found.route.handler, Handler::File) { Kind::File } else { Kind::Api };
    entered::answer(call, kind, async |entry| ray(call, entry.key.clone(), found, below).await).await
}

async fn ray(call: &Call<'_>, key: SessionKey, found: &Found<'_>, below: &[&str]) -> Result<HttpResponse, Error> {
    let route = found.route;
    let Handler::Api(source) = route.handler else { return files::serve(call, &key, route.name, below).await };
    // The names of a session stand before the row's own.
    let own = if found.mount == Mount::Session { 3 } else { 0 };
    let id = found.names.get(own).copied().unwrap_or_default();
    Ok(serve::serve(call, key, &RayUrl { path: route.path, source, id, below }).await)
}

/// Answers `/` with the dashboard of the entered session, else with a redirect to the list.
pub(super) async fn home(call: &Call<'_>) -> Result<HttpResponse, Error> {
    entered::answer(call, Kind::Document, async |entry| document::of_session(call.state, &entry.key, "./").await).await
}

/// Answers for a URL below a session that Ray does not have.
pub(super) fn unknown_below_session(call: &Call<'_>) -> Result<HttpResponse, Error> {
    Ok(serve::unknown(call, &key(call)?))
}

/// Answers for a URL at the root that nobody has.
pub(super) async fn unknown_at_root(call: &Call<'_>) -> Result<HttpResponse, Error> {
    entered::answer(call, Kind::Unknown, async |entry| Ok(serve::unknown(call, &entry.key))).await
}

fn key(call: &Call<'_>) -> Result<SessionKey, Error> {
    path::session_key([call.names[0], call.names[1], call.names[2]])
}
