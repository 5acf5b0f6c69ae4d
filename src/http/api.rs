//! The URL table of Ray's dashboard API below a session, and the detection of browsers.

mod cost;

use super::call::Call;
use super::error::{Error, Shape};
use super::pattern::{Parts, RoutePattern, names, parts};
use super::{load, logs, page, send, tail, validators};
use crate::session::OpenSession;
use crate::settings::Redaction;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use cost::Cost;
use ray_history_core::base::name::SessionKey;
use ray_history_core::ray_api::{
    Answer, Query, actor_state, actor_summary, actors, cluster_events, cluster_status, data, events, fixed, jobs,
    metadata, node_detail, node_state, nodes, objects, placement_groups, runtime_envs, serve as serve_details,
    task_summary, tasks, timeline, train, workers,
};
use ray_history_core::snapshot::Snapshot;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

/// One API request for an open session.
struct ApiCall<'a> {
    session: &'a OpenSession,
    snapshot: &'a Arc<Snapshot>,
    query: &'a Query,
    redaction: Redaction,
    pattern: &'static str,
    /// The path segment that matched `{id}`.
    id: &'a str,
}

type CostOf = fn(&ApiCall<'_>) -> Cost;
type Ask = fn(&ApiCall<'_>) -> Result<Answer, Error>;

/// The source of a URL's answer.
#[derive(Clone, Copy)]
enum Source {
    /// Built from the snapshot. A cheap answer is built inline; others reserve memory and wait for a slot on a blocking
    /// thread.
    Made(CostOf, Ask),
    /// Built in the same way, from data that needs no events: file names, stored answers.
    Eventless(CostOf, Ask),
    /// A log file.
    LogFile,
    /// The log of a submission.
    JobLog,
    /// The log of a submission, over a WebSocket.
    JobLogTail,
}

use Source::{Eventless, Made};

/// The URL table. A final `/` is optional, as in KubeRay's history server.
const TABLE: &[(&str, Source)] = &[
    ("/api/v0/tasks", Made(cost::tasks, |a| Ok(tasks::list(a.snapshot, a.query)?))),
    ("/api/v0/tasks/summarize", Made(cost::task_summary, |a| Ok(task_summary::summarize(a.snapshot, a.query)?))),
    ("/api/v0/tasks/timeline", Made(cost::timeline, |a| Ok(timeline::timeline(a.snapshot, a.query)?))),
    ("/nodes", Made(cost::nodes, |a| Ok(nodes::list(a.snapshot, a.query)?))),
    ("/nodes/{id}", Made(cost::node, |a| Ok(node_detail::detail(a.snapshot, a.query, a.id)?))),
    ("/logical/actors", Made(cost::actors, |a| Ok(actors::list(a.snapshot, a.query)?))),
    ("/logical/actors/{id}", Made(cost::actor, |a| Ok(actors::detail(a.snapshot, a.query, a.id)?))),
    ("/api/v0/logs", Eventless(cost::log_names, |a| logs::listing(a.session, a.query))),
    ("/api/v0/logs/{id}", Source::LogFile),
    ("/api/v0/workers", Made(cost::workers, |a| Ok(workers::list(a.snapshot, a.query)?))),
    ("/api/v0/placement_groups", Made(cost::placement_groups, |a| Ok(placement_groups::list(a.snapshot, a.query)?))),
    ("/api/v0/runtime_envs", Made(cost::runtime_envs, |a| Ok(runtime_envs::list(a.snapshot, a.query)?))),
    ("/api/v0/runtime_env_redaction", Eventless(cost::none, |a| Ok(fixed::redaction(a.redaction != Redaction::Never)))),
    ("/api/v0/objects", Made(cost::none, |a| Ok(objects::list(a.query)?))),
    ("/api/v0/objects/summarize", Made(cost::none, |a| Ok(objects::summarize(a.query)?))),
    ("/api/v0/cluster_metadata", Eventless(cost::stored, |a| Ok(metadata::cluster_metadata(a.snapshot)?))),
    ("/api/v0/cluster_events", Made(cost::events, |a| Ok(cluster_events::list(a.snapshot, a.query)?))),
    ("/api/v0/platform_events", Made(cost::platform_events, |a| Ok(fixed::platform_events(a.snapshot)?))),
    ("/api/v0/actors", Made(cost::actors, |a| Ok(actor_state::list(a.snapshot, a.query)?))),
    ("/api/v0/actors/summarize", Made(cost::actors, |a| Ok(actor_summary::summarize(a.snapshot, a.query)?))),
    ("/api/v0/nodes", Made(cost::nodes, |a| Ok(node_state::list(a.snapshot, a.query)?))),
    ("/api/v0/jobs", Made(cost::jobs, |a| Ok(jobs::state_list(a.snapshot, a.query)?))),
    ("/api/jobs", Made(cost::jobs, |a| Ok(jobs::list(a.snapshot, a.query)?))),
    ("/api/jobs/{id}", Made(cost::jobs, |a| Ok(jobs::one(a.snapshot, a.query, a.id)?))),
    ("/api/jobs/{id}/logs", Source::JobLog),
    ("/api/jobs/{id}/logs/tail", Source::JobLogTail),
    ("/api/cluster_status", Made(cost::cluster_status, |a| Ok(cluster_status::cluster_status(a.snapshot, a.query)?))),
    ("/api/serve/applications", Made(cost::stored, |a| Ok(serve_details::applications(a.snapshot, a.query)?))),
    ("/api/data/datasets/{id}", Made(cost::datasets, |a| Ok(data::datasets(a.snapshot, a.id)?))),
    ("/api/train/v2/runs/v1", Made(cost::train, |a| Ok(train::runs(a.snapshot, a.query)?))),
    ("/api/train/v2/runs", Made(cost::stored, |a| Ok(train::old_runs(a.snapshot, a.query)?))),
    ("/api/version", Eventless(cost::version, |a| Ok(metadata::version(a.snapshot)?))),
    ("/events", Made(cost::events, |a| Ok(events::events(a.snapshot, a.query)?))),
    ("/timezone", Eventless(cost::stored, |a| Ok(metadata::timezone(a.snapshot)?))),
    ("/worker/{id}", Made(cost::none, |_| Err(fixed::profiling().into()))),
    ("/task/{id}", Made(cost::none, |_| Err(fixed::profiling().into()))),
    ("/memory_profile", Made(cost::none, |_| Err(fixed::profiling().into()))),
    ("/api/authentication_mode", Eventless(cost::none, fixed_answer)),
    ("/api/profiling_enabled", Eventless(cost::none, fixed_answer)),
    ("/api/grafana_health", Eventless(cost::none, fixed_answer)),
    ("/api/prometheus_health", Eventless(cost::none, fixed_answer)),
    ("/usage_stats_enabled", Eventless(cost::none, fixed_answer)),
    ("/api/component_activities", Eventless(cost::none, fixed_answer)),
    ("/api/gcs_healthz", Eventless(cost::none, fixed_answer)),
];

static PARTS: LazyLock<Vec<Parts>> = LazyLock::new(|| TABLE.iter().map(|(pattern, _)| parts(pattern)).collect());

fn fixed_answer(api_call: &ApiCall<'_>) -> Result<Answer, Error> {
    fixed::fixed(api_call.pattern.trim_start_matches('/')).ok_or(Error::UnknownUrl)
}

/// Returns the row of a URL, and the path segment that matched `{id}`.
fn find<'a>(below: &[&'a str]) -> Option<(&'static str, Source, &'a str)> {
    let below = below.strip_suffix(&[""]).unwrap_or(below);
    TABLE.iter().zip(&*PARTS).find_map(|((pattern, source), parts)| {
        let names = names(parts, below)?;
        Some((*pattern, *source, names.first().copied().unwrap_or_default()))
    })
}

/// Returns `true` if Ray has this URL.
pub(super) fn is_known(below: &[&str]) -> bool {
    find(below).is_some()
}

/// Answers a request for a URL below a session, loading the session first if it is not open.
pub(super) async fn serve(call: &Call<'_>, key: &Rc<SessionKey>, below: &[&str]) -> HttpResponse {
    let Some((pattern, source, id)) = find(below) else {
        let shape = if page::accepts_html(call.request) { Shape::Page } else { Shape::Ray };
        let mut response = Error::UnknownUrl.respond(call.request, shape);
        validators::describe(&mut response, call.state, key, call.state.sessions.peek(key).as_deref());
        return response;
    };
    call.request.extensions_mut().insert(RoutePattern(pattern));
    call.request.extensions_mut().insert(Rc::clone(key));
    let admitted = if matches!(source, Source::JobLogTail) { tail::admit(call.request) } else { Ok(()) };
    let opened = match admitted {
        Ok(()) => load::open(call.state, key).await,
        Err(error) => Err(error),
    };
    let session = opened.as_ref().ok().map(Arc::clone);
    let answered = match opened {
        Ok(session) => answer(call, session, pattern, source, id, below).await,
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| error.respond(call.request, Shape::Ray));
    validators::describe(&mut response, call.state, key, session.as_deref());
    response
}

async fn answer(
    call: &Call<'_>,
    session: Arc<OpenSession>,
    pattern: &'static str,
    source: Source,
    id: &str,
    below: &[&str],
) -> Result<HttpResponse, Error> {
    let redaction = call.state.sessions.settings().redaction;
    let over = call.state.sessions.standing(&session.key).is_over(&session.snapshot);
    let query = query_of(call.request, redaction, over);
    let made = match source {
        // Log files have no entity tag, because they may have grown since the session was opened.
        Source::JobLogTail => return tail::of_job(call.request, call.state, &session, id).await,
        Source::LogFile | Source::JobLog => {
            let mut response = if matches!(source, Source::LogFile) {
                logs::file(call.state, &session, id, &query).await?
            } else {
                logs::of_job(call.state, &session, id).await?
            };
            validators::revalidate(&mut response, None);
            return Ok(response);
        }
        Source::Made(cost, ask) | Source::Eventless(cost, ask) => (cost, ask),
    };
    if let (Source::Made(..), Some(error)) = (source, &session.nothing_read) {
        return Err(error.clone().into());
    }
    let tag = validators::tag(&session, redaction, &query, below, call.request.query_string());
    if validators::is_known(call.request, &tag) {
        return Ok(validators::not_modified(&tag));
    }
    let (cost, ask) = made;
    let api_call = ApiCall { session: &session, snapshot: &session.snapshot, query: &query, redaction, pattern, id };
    let cost = cost(&api_call);
    let mut response = if cost.is_long {
        let (state, id) = (call.state, id.to_owned());
        let session = Arc::clone(&session);
        let work = move || {
            let snapshot = &session.snapshot;
            let api_call = ApiCall { session: &session, snapshot, query: &query, redaction, pattern, id: &id };
            ask(&api_call).map(send::StartedAnswer::new)
        };
        let (started, long_answer) = state.heavy.begin(&state.sessions, cost.held as u64, work).await?;
        send::long(started?, long_answer)
    } else {
        send::answer(ask(&api_call)?)
    };
    validators::revalidate(&mut response, Some(&tag));
    Ok(response)
}

/// Returns the query of a request, with the flags for redaction and for a session that is over.
fn query_of(request: &HttpRequest, redaction: Redaction, over: bool) -> Query {
    let redact = match redaction {
        Redaction::Always => true,
        Redaction::Never => false,
        Redaction::Browsers => is_browser(request),
    };
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
