//! The URL table of every route above a session. The table of Ray's API below a session is in `api`.
//!
//! Each row has a pattern (also the label in metrics, which must not contain raw paths), the format of errors, and the
//! handler. Paths are parsed here and not by actix-web: segments are decoded once and not normalised.

use super::call::Call;
use super::error::{Error, READING, Shape};
use super::pattern::{Parts, RoutePattern, UNKNOWN, names, parts};
use super::state::State;
use super::{
    asset, browse, clusters, dropin, encoding, links, listing, load, openapi, page, path, probes, report, session,
};
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use std::sync::LazyLock;

type Handler = for<'a> fn(&'a Call<'a>) -> LocalBoxFuture<'a, Result<HttpResponse, Error>>;

/// A row of the table.
pub(super) struct Route {
    pub(super) pattern: &'static str,
    pub(super) errors: Shape,
    handler: Handler,
}

const fn row(pattern: &'static str, errors: Shape, handler: Handler) -> Route {
    Route { pattern, errors, handler }
}

/// The URL table; the first matching row answers.
pub(super) const TABLE: &[Route] = &[
    row("/", Shape::Page, |call| Box::pin(dropin::home(call))),
    row("/sessions", Shape::Page, |_| Box::pin(async { Ok(page::redirect("sessions/")) })),
    row("/sessions/", Shape::Page, |call| Box::pin(async { browse::page(call) })),
    row("/sessions/bar.js", Shape::Page, |_| Box::pin(async { Ok(asset::serve("bar.js")) })),
    row("/sessions/sessions.js", Shape::Page, |_| Box::pin(async { Ok(asset::serve("sessions.js")) })),
    row("/sessions/sessions.css", Shape::Page, |_| Box::pin(async { Ok(asset::serve("sessions.css")) })),
    row("/sessions/icon.svg", Shape::Page, |_| Box::pin(async { Ok(asset::serve("icon.svg")) })),
    row("/sessions/{namespace}/{cluster}/{session}", Shape::Page, |call| Box::pin(session::enter(call))),
    row("/sessions/{namespace}/{cluster}/{session}/", Shape::Page, |call| Box::pin(session::document(call))),
    row("/sessions/{namespace}/{cluster}/{session}/{below}", Shape::Ray, |call| Box::pin(session::below(call))),
    row("/api/history/v1/sessions", Shape::Problem, |call| Box::pin(async { listing::sessions(call) })),
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}", Shape::Problem, |call| {
        Box::pin(report::report(call))
    }),
    // With the final `/` of the paths in the list.
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}/", Shape::Problem, |call| {
        Box::pin(report::report(call))
    }),
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}/load", Shape::Problem, |call| {
        Box::pin(load::progress(call))
    }),
    row("/api/history/{below}", Shape::Problem, |_| Box::pin(async { Err(Error::UnknownUrl) })),
    row("/openapi.json", Shape::Problem, |_| Box::pin(async { Ok(openapi::serve()) })),
    row("/rayjobs/{namespace}/{name}", Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayjobs/{namespace}/{name}/latest", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayjobs/{namespace}/{name}/latest/", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayjobs/{namespace}/{name}/latest/{below}", Shape::Ray, |call| Box::pin(links::latest(call))),
    row("/rayservices/{namespace}/{name}", Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayservices/{namespace}/{name}/latest", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayservices/{namespace}/{name}/latest/", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayservices/{namespace}/{name}/latest/{below}", Shape::Ray, |call| Box::pin(links::latest(call))),
    row("/rayclusters/{namespace}/{name}", Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayclusters/{namespace}/{name}/latest", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayclusters/{namespace}/{name}/latest/", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayclusters/{namespace}/{name}/latest/{below}", Shape::Ray, |call| Box::pin(links::latest(call))),
    row("/submissions/{namespace}/{id}", Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/submissions/{namespace}/{id}/latest", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/submissions/{namespace}/{id}/latest/", Shape::Page, |call| Box::pin(links::latest(call))),
    row("/submissions/{namespace}/{id}/latest/{below}", Shape::Ray, |call| Box::pin(links::latest(call))),
    row("/clusters", Shape::Ray, |call| Box::pin(async { clusters::list(call) })),
    row("/select_cluster", Shape::Page, |call| Box::pin(async { dropin::select(call) })),
    row("/enter_cluster/{namespace}/{kind_or_cluster}/{name_or_session}", Shape::Ray, |call| {
        Box::pin(dropin::enter(call))
    }),
    row("/enter_cluster/{namespace}/{kind}/{name}/{session}", Shape::Ray, |call| Box::pin(dropin::enter(call))),
    row("/livez", Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/healthz", Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/readyz", Shape::Ray, |call| Box::pin(async { Ok(probes::ready(call.request, call.state)) })),
    row("/readz", Shape::Ray, |call| Box::pin(async { Ok(probes::ready(call.request, call.state)) })),
    row("/metrics", Shape::Ray, |call| Box::pin(async { Ok(probes::metrics(call.state)) })),
    // Ray's own routes at the root, for the session in the client's cookies.
    row("/{below}", Shape::Ray, |call| Box::pin(dropin::below(call))),
];

/// Answers a request, compressed if the client accepts it.
pub(super) async fn route(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let response = answer(&request, &state).await;
    encoding::encode(&request, response).await
}

async fn answer(request: &HttpRequest, state: &State) -> HttpResponse {
    request.extensions_mut().insert(UNKNOWN);
    let segments = match path::segments(request.uri().path()) {
        Ok(segments) => segments,
        Err(error) => return error.respond(request, Shape::Page),
    };
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let Some((route, names)) = find(&segments) else { return Error::UnknownUrl.respond(request, Shape::Page) };
    request.extensions_mut().insert(RoutePattern(route.pattern));
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => {
            let allowed = (ALLOW, HeaderValue::from_static(READING));
            return HttpResponse::NoContent().insert_header(allowed).finish();
        }
        _ => return Error::MethodNotAllowed.respond(request, route.errors),
    }
    let call = Call { request, state, segments: &segments, names };
    match (route.handler)(&call).await {
        Ok(response) => response,
        Err(error) => error.respond(request, route.errors),
    }
}

static PARTS: LazyLock<Vec<Parts>> = LazyLock::new(|| TABLE.iter().map(|route| parts(route.pattern)).collect());

/// Returns the row that matches a path, and the segments that matched `{…}`.
fn find<'a>(segments: &[&'a str]) -> Option<(&'static Route, Vec<&'a str>)> {
    TABLE.iter().zip(&*PARTS).find_map(|(route, parts)| Some((route, names(parts, segments)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, Vec<String>)> {
        let segments = path::segments(path).unwrap();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let (route, names) = find(&segments)?;
        Some((route.pattern, names.into_iter().map(str::to_owned).collect()))
    }

    #[test]
    fn finds_the_pattern_and_names_of_a_path() {
        let session = "session_2026-11-22_23-11-33_821800_1";
        for (path, pattern, names) in [
            ("/".to_owned(), "/", vec![]),
            ("/sessions/".into(), "/sessions/", vec![]),
            (
                format!("/sessions/a%2Fb/c/{session}/nodes"),
                "/sessions/{namespace}/{cluster}/{session}/{below}",
                vec!["a/b", "c", session, "nodes"],
            ),
            (
                format!("/sessions/a/c/{session}/"),
                "/sessions/{namespace}/{cluster}/{session}/",
                vec!["a", "c", session],
            ),
            ("/rayjobs/a/j/latest/".into(), "/rayjobs/{namespace}/{name}/latest/", vec!["a", "j"]),
            (
                "/submissions/a/s/latest/api/v0/tasks".into(),
                "/submissions/{namespace}/{id}/latest/{below}",
                vec!["a", "s", "api", "v0", "tasks"],
            ),
            ("/nodes/x".into(), "/{below}", vec!["nodes", "x"]),
            ("/api/history/v2".into(), "/api/history/{below}", vec!["v2"]),
        ] {
            assert_eq!(found(&path), Some((pattern, names.into_iter().map(str::to_owned).collect())), "{path}");
        }
    }
}
