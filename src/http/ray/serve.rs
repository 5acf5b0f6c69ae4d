//! Answers to Ray's URLs below a session, and the detection of browsers, for which secrets are redacted.

use super::source::{ApiCall, Source};
use super::{logs, platform_events, send, tail};
use crate::http::error::{Error, Shape};
use crate::http::html;
use crate::http::request::{Call, RouteName};
use crate::http::sessions::find;
use crate::http::validators;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use ray_history_core::base::name::SessionKey;
use ray_history_ray_api::Query;
use ray_history_session::OpenSession;
use ray_history_settings::Redaction;
use std::rc::Rc;
use std::sync::Arc;

/// One of Ray's URLs, as the table of routes has it.
#[derive(Clone, Copy)]
pub(in crate::http) struct RayUrl<'a> {
    /// The path in the table, which is also its name in metrics.
    pub(in crate::http) path: &'static str,
    pub(in crate::http) source: Source,
    /// The path segment that matched `{id}`.
    pub(in crate::http) id: &'a str,
    /// All decoded path segments below the session.
    pub(in crate::http) below: &'a [&'a str],
}

/// Answers a request for a URL below a session, loading the session first if it is not open. The answer has the headers
/// of `validators`, errors too.
pub(in crate::http) async fn serve(call: &Call<'_>, key: SessionKey, url: &RayUrl<'_>) -> HttpResponse {
    call.request.extensions_mut().insert(RouteName(url.path));
    let key = Rc::new(key);
    call.request.extensions_mut().insert(Rc::clone(&key));
    let admitted = if matches!(url.source, Source::JobLogTail) { tail::admit(call.request) } else { Ok(()) };
    let opened = match admitted {
        Ok(()) => find::open(call, &key).await,
        Err(error) => Err(error),
    };
    let respond = |error: Error| error.respond(call.request, Shape::Ray);
    match opened {
        Ok(session) => {
            let mut response = answer(call, &session, url).await.unwrap_or_else(respond);
            validators::describe(&mut response, call, &session);
            response
        }
        Err(error) => {
            let mut response = respond(error);
            validators::describe_if_shown(&mut response, call, &key, None);
            response
        }
    }
}

/// Answers a request for a URL below a session that Ray does not have.
pub(in crate::http) fn unknown(call: &Call<'_>, key: &SessionKey) -> HttpResponse {
    let shape = if html::accepts_html(call.request) { Shape::Page } else { Shape::Ray };
    let mut response = Error::UnknownUrl.respond(call.request, shape);
    validators::describe_if_shown(&mut response, call, key, call.state.sessions.peek(key).as_deref());
    response
}

async fn answer(call: &Call<'_>, session: &Arc<OpenSession>, url: &RayUrl<'_>) -> Result<HttpResponse, Error> {
    let &RayUrl { path, source, id, below, .. } = url;
    let redaction = call.state.sessions.settings().redaction;
    let over = call.state.sessions.standing(&session.key).is_over(&session.snapshot);
    let redact = match redaction {
        Redaction::Always => true,
        Redaction::Never => false,
        Redaction::Browsers => is_browser(call.request),
        Redaction::ByRole => !call.permit.shows_env(call.request, call.state, &session.key).await?,
    };
    let query = query_of(call.request, redact, over);
    let made = match source {
        // Log files have no entity tag, because they may have grown since the session was opened.
        Source::JobLogTail => return tail::of_job(call.request, call.state, session, id).await,
        Source::LogFile | Source::JobLog => {
            let mut response = if matches!(source, Source::LogFile) {
                logs::file(call.state, session, id, &query).await?
            } else {
                logs::of_job(call.state, session, id).await?
            };
            validators::revalidate(&mut response, None);
            return Ok(response);
        }
        Source::PlatformEvents(cost, ask) => match platform_events::answer(call, session).await? {
            Some(response) => return Ok(response),
            None => (cost, ask),
        },
        Source::Made(cost, ask) | Source::Eventless(cost, ask) => (cost, ask),
    };
    if let (Source::Made(..) | Source::PlatformEvents(..), Some(error)) = (source, &session.nothing_read) {
        return Err(error.clone().into());
    }
    let tag = validators::tag(session, redaction, &query, below, call.request.query_string());
    if validators::is_known(call.request, &tag) {
        return Ok(validators::not_modified(tag));
    }
    let (cost, ask) = made;
    let api_call = ApiCall { session, snapshot: &session.snapshot, query: &query, redaction, path, id };
    let cost = cost(&api_call);
    let mut response = if cost.is_long {
        let (state, id) = (call.state, id.to_owned());
        let session = Arc::clone(session);
        let work = move || {
            let snapshot = &session.snapshot;
            let api_call = ApiCall { session: &session, snapshot, query: &query, redaction, path, id: &id };
            ask(&api_call).map(send::StartedAnswer::new)
        };
        let (started, long_answer) = state.heavy.begin(&state.sessions, cost.held as u64, work).await?;
        send::long(started?, long_answer)
    } else {
        send::answer(ask(&api_call)?)
    };
    validators::revalidate(&mut response, Some(tag));
    Ok(response)
}

/// Returns the query of a request, with the flags for redaction and for a session that is over.
fn query_of(request: &HttpRequest, redact: bool, over: bool) -> Query {
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    Query { parameters: query.map(actix_web::web::Query::into_inner).unwrap_or_default(), redact, over }
}

/// Headers that only browsers send (`is_browser_request` in `dashboard/optional_utils.py`); `e2e/test_ray_sources.py`
/// compares this list with Ray's.
const BROWSER_HEADERS: [&str; 8] = [
    "referer",
    "origin",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-fetch-site",
    "sec-fetch-user",
    "access-control-request-method",
    "access-control-request-headers",
];

/// Returns `true` if a browser sent the request, as Ray's `is_browser_request` does. Any `Sec-Fetch-*` header counts,
/// including ones that Ray does not list yet.
fn is_browser(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let agent = headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla"));
    let is_browser_header = |name: &str| name.starts_with("sec-fetch-") || BROWSER_HEADERS.contains(&name);
    agent || headers.keys().any(|name| is_browser_header(name.as_str()))
}
