//! The URL table of Ray's dashboard API below a session, and who asks.

use super::call::Call;
use super::error::{Error, Shape};
use super::pattern::{Parts, RoutePattern, names, parts};
use super::{load, logs, page, send, validators};
use crate::answer::{
    Answer, Question, actor_state, actor_summary, actors, cluster_events, cluster_status, data, events, fixed, jobs,
    metadata, node_detail, node_state, nodes, objects, placement_groups, runtime_envs, serve as serve_details,
    task_summary, tasks, timeline, train, workers,
};
use crate::base::name::SessionKey;
use crate::session::{self, OpenSession};
use crate::settings::Redaction;
use crate::snapshot::Snapshot;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

/// One question about an open session.
struct Asked<'a> {
    session: &'a OpenSession,
    snapshot: &'a Arc<Snapshot>,
    question: &'a Question,
    redaction: Redaction,
    pattern: &'static str,
    /// What stands for `{id}`.
    id: &'a str,
}

type Rows = fn(&Snapshot) -> usize;
type Ask = fn(&Asked<'_>) -> Result<Answer, Error>;

/// How a URL is answered.
#[derive(Clone, Copy)]
enum By {
    /// From the tables, at once.
    Tables(Ask),
    /// From the tables, over so many rows: where there are many, in its turn and not on the threads that accept requests.
    Threads(Rows, Ask),
    /// From a log file.
    LogFile,
    /// From the log of a submission.
    JobLog,
}

use By::{Tables, Threads};

/// The table. A final `/` may be given or left out, as KubeRay's history server allows.
const TABLE: &[(&str, By)] = &[
    ("/api/v0/tasks", Threads(rows::tasks, |a| Ok(tasks::list(a.snapshot, a.question)?))),
    ("/api/v0/tasks/summarize", Threads(rows::tasks, |a| Ok(task_summary::summarize(a.snapshot, a.question)?))),
    ("/api/v0/tasks/timeline", Threads(rows::tasks, |a| Ok(timeline::timeline(a.snapshot, a.question)?))),
    ("/nodes", Threads(rows::nodes, |a| Ok(nodes::list(a.snapshot, a.question)?))),
    ("/nodes/{id}", Threads(rows::of_a_node, |a| Ok(node_detail::detail(a.snapshot, a.question, a.id)?))),
    ("/logical/actors", Threads(rows::actors, |a| Ok(actors::list(a.snapshot, a.question)?))),
    ("/logical/actors/{id}", Tables(|a| Ok(actors::detail(a.snapshot, a.question, a.id)?))),
    ("/api/v0/logs", Tables(|a| logs::listing(a.session, a.question))),
    ("/api/v0/logs/{id}", By::LogFile),
    ("/api/v0/workers", Threads(rows::tasks, |a| Ok(workers::list(a.snapshot, a.question)?))),
    ("/api/v0/placement_groups", Tables(|a| Ok(placement_groups::list(a.snapshot, a.question)?))),
    ("/api/v0/runtime_envs", Tables(|a| Ok(runtime_envs::list(a.snapshot, a.question)?))),
    ("/api/v0/runtime_env_redaction", Tables(|a| Ok(fixed::redaction(a.redaction != Redaction::Never)))),
    ("/api/v0/objects", Tables(|a| Ok(objects::list(a.question)?))),
    ("/api/v0/objects/summarize", Tables(|a| Ok(objects::summarize(a.question)?))),
    ("/api/v0/cluster_metadata", Tables(|a| Ok(metadata::cluster_metadata(a.snapshot)?))),
    ("/api/v0/cluster_events", Tables(|a| Ok(cluster_events::list(a.snapshot, a.question)?))),
    ("/api/v0/platform_events", Tables(|a| Ok(fixed::platform_events(a.snapshot)?))),
    ("/api/v0/actors", Threads(rows::actors, |a| Ok(actor_state::list(a.snapshot, a.question)?))),
    ("/api/v0/actors/summarize", Threads(rows::actors, |a| Ok(actor_summary::summarize(a.snapshot, a.question)?))),
    ("/api/v0/nodes", Threads(rows::nodes, |a| Ok(node_state::list(a.snapshot, a.question)?))),
    ("/api/v0/jobs", Tables(|a| Ok(jobs::state_list(a.snapshot, a.question)?))),
    ("/api/jobs", Tables(|a| Ok(jobs::list(a.snapshot, a.question)?))),
    ("/api/jobs/{id}", Tables(|a| Ok(jobs::one(a.snapshot, a.question, a.id)?))),
    ("/api/jobs/{id}/logs", By::JobLog),
    ("/api/cluster_status", Tables(|a| Ok(cluster_status::cluster_status(a.snapshot, a.question)?))),
    ("/api/serve/applications", Tables(|a| Ok(serve_details::applications(a.snapshot, a.question)?))),
    ("/api/data/datasets/{id}", Tables(|a| Ok(data::datasets(a.snapshot, a.id)?))),
    ("/api/train/v2/runs/v1", Tables(|a| Ok(train::runs(a.snapshot, a.question)?))),
    ("/api/train/v2/runs", Tables(|a| Ok(train::old_runs(a.snapshot, a.question)?))),
    ("/api/version", Tables(|a| Ok(metadata::version(a.snapshot)?))),
    ("/events", Threads(rows::events, |a| Ok(events::events(a.snapshot, a.question)?))),
    ("/timezone", Tables(|a| Ok(metadata::timezone(a.snapshot)?))),
    ("/worker/{id}", Tables(|_| Err(fixed::profiling().into()))),
    ("/task/{id}", Tables(|_| Err(fixed::profiling().into()))),
    ("/memory_profile", Tables(|_| Err(fixed::profiling().into()))),
    ("/api/authentication_mode", Tables(fixed_answer)),
    ("/api/profiling_enabled", Tables(fixed_answer)),
    ("/api/grafana_health", Tables(fixed_answer)),
    ("/api/prometheus_health", Tables(fixed_answer)),
    ("/usage_stats_enabled", Tables(fixed_answer)),
    ("/api/component_activities", Tables(fixed_answer)),
    ("/api/gcs_healthz", Tables(fixed_answer)),
];

static PARTS: LazyLock<Vec<Parts>> = LazyLock::new(|| TABLE.iter().map(|(pattern, _)| parts(pattern)).collect());

fn fixed_answer(asked: &Asked<'_>) -> Result<Answer, Error> {
    fixed::fixed(asked.pattern.trim_start_matches('/')).ok_or(Error::UnknownUrl)
}

/// The row of a URL, and what stands for `{id}`.
fn find<'a>(below: &[&'a str]) -> Option<(&'static str, By, &'a str)> {
    let below = below.strip_suffix(&[""]).unwrap_or(below);
    TABLE.iter().zip(&*PARTS).find_map(|((pattern, by), parts)| {
        let names = names(parts, below)?;
        Some((*pattern, *by, names.first().copied().unwrap_or_default()))
    })
}

/// Whether a URL is one of Ray's.
pub(super) fn is_known(below: &[&str]) -> bool {
    find(below).is_some()
}

/// Answers a URL below a session; the session is loaded first if it is not open.
pub(super) async fn serve(call: &Call<'_>, key: &Rc<SessionKey>, below: &[&str]) -> HttpResponse {
    let Some((pattern, by, id)) = find(below) else {
        let shape = if page::is_wanted(call.request) { Shape::Page } else { Shape::Ray };
        let mut response = Error::UnknownUrl.respond(call.request, shape);
        validators::describe(&mut response, call.state, key, call.state.sessions.peek(key).as_deref());
        return response;
    };
    call.request.extensions_mut().insert(RoutePattern(pattern));
    call.request.extensions_mut().insert(Rc::clone(key));
    let opened = load::open(call.state, key).await;
    let session = opened.as_ref().ok().map(Arc::clone);
    let answered = match opened {
        Ok(session) => answer(call, session, pattern, by, id, below).await,
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
    by: By,
    id: &str,
    below: &[&str],
) -> Result<HttpResponse, Error> {
    let redaction = call.state.sessions.settings().redaction;
    let over = call.state.sessions.standing(&session.key).is_over(&session.snapshot);
    let question = question(call.request, redaction, over);
    let ask = match by {
        // A log file may have grown since the session was opened: it has no tag.
        By::LogFile | By::JobLog => {
            let mut response = if matches!(by, By::LogFile) {
                logs::file(call.state, &session, id, &question).await?
            } else {
                logs::of_job(call.state, &session, id).await?
            };
            validators::revalidate(&mut response, None);
            return Ok(response);
        }
        By::Tables(ask) | By::Threads(_, ask) => ask,
    };
    let tag = validators::tag(&session, redaction, &question, below, call.request.query_string());
    if validators::is_known(call.request, &tag) {
        return Ok(validators::not_modified(&tag));
    }
    let mut response = if is_long(by, &session.snapshot) {
        let turn = call.state.heavy.turn().await?;
        let id = id.to_owned();
        let work = move || {
            let snapshot = &session.snapshot;
            ask(&Asked { session: &session, snapshot, question: &question, redaction, pattern, id: &id })
        };
        send::long(tokio::task::spawn_blocking(work).await.map_err(|_| session::Error::Broken)??, turn)
    } else {
        let snapshot = &session.snapshot;
        send::answer(ask(&Asked { session: &session, snapshot, question: &question, redaction, pattern, id })?)
    };
    validators::revalidate(&mut response, Some(&tag));
    Ok(response)
}

/// Rows up to which every answer is made at once.
const FEW: usize = 2000;

/// Whether an answer goes over many rows: then it waits for its turn. Small ones of a huge session do not.
fn is_long(by: By, snapshot: &Snapshot) -> bool {
    matches!(by, By::Threads(rows, _) if rows(snapshot) > FEW)
}

/// Rows that answers go over; no more than it takes to tell few from many.
mod rows {
    use super::{FEW, Snapshot};

    pub(super) fn tasks(snapshot: &Snapshot) -> usize {
        snapshot.tasks.len() + snapshot.workers.len()
    }

    pub(super) fn actors(snapshot: &Snapshot) -> usize {
        snapshot.actors.len()
    }

    pub(super) fn nodes(snapshot: &Snapshot) -> usize {
        snapshot.nodes.len() + snapshot.workers.len()
    }

    pub(super) fn of_a_node(snapshot: &Snapshot) -> usize {
        nodes(snapshot) + actors(snapshot)
    }

    pub(super) fn events(snapshot: &Snapshot) -> usize {
        snapshot.facts.events.rows().take(FEW + 1).count()
    }
}

/// The decoded query, whether secrets are to be hidden from whoever asks, and whether the session is over.
fn question(request: &HttpRequest, redaction: Redaction, over: bool) -> Question {
    let redact = match redaction {
        Redaction::Always => true,
        Redaction::Never => false,
        Redaction::Browsers => is_browser(request),
    };
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    Question { query: query.map(actix_web::web::Query::into_inner).unwrap_or_default(), redact, over }
}

/// Headers that browsers alone send (`is_browser_request` in `dashboard/optional_utils.py`); a test compares them with
/// Ray's own.
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

/// Ray's `is_browser_request`. Any `Sec-Fetch-*` header counts, also one that Ray does not know yet.
fn is_browser(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let agent = headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla"));
    let told = |name: &str| name.starts_with("sec-fetch-") || BROWSER_HEADERS.contains(&name);
    agent || headers.keys().any(|name| told(name.as_str()))
}
