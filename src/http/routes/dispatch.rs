//! Answers requests by the handler of their row. Ray's rows lie below a session's path, and at the root for the session
//! in a client's cookies.

use super::route::{BELOW_ROOT, BELOW_SESSION, Found, Handler, Mount, Need, find};
use crate::http::access::body;
use crate::http::error::{Error, Shape};
use crate::http::guard::{self, About, Wanted};
use crate::http::kuberay::cookies;
use crate::http::kuberay::entered::{self, Kind};
use crate::http::ray::serve::{self, RayUrl};
use crate::http::ray::{document, files};
use crate::http::request::{Call, RouteName, path};
use crate::http::sessions::find;
use crate::http::state::State;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue, VARY};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use ray_history_access::Mode;
use ray_history_core::base::name::SessionKey;

/// Answers a request.
pub(in crate::http) async fn answer(
    request: HttpRequest,
    state: web::Data<State>,
    payload: web::Payload,
) -> HttpResponse {
    request.extensions_mut().insert(RouteName::UNKNOWN);
    let segments = match path::segments(request.uri().path()) {
        Ok(segments) => segments,
        Err(error) => return error.respond(&request, Shape::Page),
    };
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let mode = state.access.get();
    let is_guarded = !matches!(mode, Mode::Open);
    let Some(found) = find(&segments, is_guarded) else {
        return Error::UnknownUrl.respond(&request, Shape::Page);
    };
    let name = match found.mount {
        Mount::Server => found.route.name,
        Mount::Session => BELOW_SESSION,
        Mount::Root => BELOW_ROOT,
    };
    request.extensions_mut().insert(RouteName(name));
    if *request.method() == Method::OPTIONS {
        let allowed = (ALLOW, HeaderValue::from_static(found.route.methods));
        return HttpResponse::NoContent().insert_header(allowed).finish();
    }
    if !found.route.takes(request.method()) {
        return Error::MethodNotAllowed(found.route.methods).respond(&request, found.route.errors);
    }
    let wanted = wanted(&request, &found);
    let entered = if is_guarded && found.is_entered() { cookies::names(&request) } else { Default::default() };
    let about = about(&found, &entered);
    let answered = match guard::admit(mode, &request, &state, wanted, about).await {
        Ok(permit) => {
            let names = &found.names;
            let call = Call { request: &request, state: &state, permit: &permit, segments: &segments, names };
            handle(&call, payload, &found).await
        }
        Err(refused) => Err(refused),
    };
    let mut response = answered.unwrap_or_else(|error| error.respond(&request, found.route.errors));
    if wanted != Wanted::Nothing && is_guarded {
        response.headers_mut().append(VARY, HeaderValue::from_static("cookie, authorization"));
    }
    response
}

/// Answers a request that the guard let through.
async fn handle(call: &Call<'_>, payload: web::Payload, found: &Found<'_>) -> Result<HttpResponse, Error> {
    if *call.request.method() == Method::POST {
        body::discard(payload).await?;
    }
    match found.route.handler {
        Handler::Own(answer) | Handler::Dialog(answer) => answer(call).await,
        Handler::Api(_) | Handler::File => ray_row(call, found).await,
    }
}

/// Returns what a row shows of the stored sessions.
fn wanted(request: &HttpRequest, found: &Found<'_>) -> Wanted {
    match found.route.need {
        Need::Open => Wanted::Nothing,
        Need::Document => Wanted::AtMost,
        Need::Listing => Wanted::List,
        Need::Namespace | Need::Logs | Need::Cookie if found.is_entered() && !cookies::have_namespace(request) => {
            Wanted::Person
        }
        Need::Namespace | Need::Cookie => Wanted::Namespace,
        Need::Logs => Wanted::Logs,
    }
}

/// Returns the names that a request has in its path, or in its cookies, which are judged in the same way.
fn about<'a>(found: &Found<'a>, entered: &'a [String; 3]) -> About<'a> {
    if found.is_entered() {
        let [namespace, cluster, session] = entered.each_ref().map(String::as_str);
        return About { namespace, cluster, session };
    }
    let name = |wanted: &str| found.name(wanted).unwrap_or_default();
    About { namespace: name("{namespace}"), cluster: name("{cluster}"), session: name("{session}") }
}

/// Answers for one of Ray's rows.
async fn ray_row(call: &Call<'_>, found: &Found<'_>) -> Result<HttpResponse, Error> {
    let below = &call.segments[found.mount.parts().len()..];
    if found.mount == Mount::Session {
        return ray(call, key(call)?, found, below).await;
    }
    if matches!(found.route.handler, Handler::File) && call.permit.is_guarded() && entered::is_entered(call) {
        // Whether the session is stored must not be told.
        return files::serve(call, found.route.name, below).await;
    }
    let kind = if matches!(found.route.handler, Handler::File) { Kind::File } else { Kind::Api };
    entered::answer(call, kind, async |entry| ray(call, entry.key.clone(), found, below).await).await
}

async fn ray(call: &Call<'_>, key: SessionKey, found: &Found<'_>, below: &[&str]) -> Result<HttpResponse, Error> {
    let route = found.route;
    let Handler::Api(source) = route.handler else {
        if !call.permit.is_guarded() {
            find::entry(call, &key).await?;
        }
        return files::serve(call, route.name, below).await;
    };
    // The names of a session stand before the row's own.
    let own = if found.mount == Mount::Session { 3 } else { 0 };
    let id = found.names.get(own).copied().unwrap_or_default();
    Ok(serve::serve(call, key, &RayUrl { path: route.path, source, id, below }).await)
}

/// Answers `/` with the dashboard of the entered session, else with a redirect to the list.
pub(super) async fn home(call: &Call<'_>) -> Result<HttpResponse, Error> {
    entered::answer(call, Kind::Document, async |entry| document::of_session(call, &entry.key, "./").await).await
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
