//! The URL table of Ray's dashboard API below a session, and who asks.

use super::error::Error;
use super::{State, logs, send, session};
use crate::answer::{
    Answer, Question, actor_state, actor_summary, actors, cluster_events, cluster_status, data, events, fixed, jobs,
    metadata, node_detail, node_state, nodes, objects, placement_groups, runtime_envs, serve as serve_details,
    task_summary, tasks, timeline, train, workers,
};
use crate::session::{OpenSession, SessionKey};
use crate::settings::Redaction;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// Answers a URL below a session; the session is loaded first if it is not open.
pub(super) async fn serve(
    request: &HttpRequest,
    state: &State,
    key: &SessionKey,
    below: &[&str],
) -> Result<HttpResponse, Error> {
    let question = question(request, state);
    let session = session::open(state, key).await?;
    match below {
        ["api", "jobs", id, "logs"] => logs::of_job(state, &session, id).await,
        ["api", "v0", "runtime_env_redaction"] => {
            Ok(send::answer(fixed::redaction(state.redaction != Redaction::Never)))
        }
        ["api", "v0", "logs", media] => logs::file(state, &session, media, &question).await,
        // Answers over many rows take milliseconds and megabytes: in their turn, off the threads that accept requests.
        _ if is_heavy(&session, below) => {
            let turn = state.heavy.turn().await?;
            let below: Vec<String> = below.iter().map(|name| (*name).to_owned()).collect();
            let work = move || {
                let below: Vec<&str> = below.iter().map(String::as_str).collect();
                answer(&session, &below, &question)
            };
            let answered = tokio::task::spawn_blocking(work).await;
            Ok(send::long(answered.map_err(|_| crate::session::Error::Broken)??, turn))
        }
        _ => Ok(send::answer(answer(&session, below, &question)?)),
    }
}

/// Rows up to which an answer is made at once, where the request was accepted.
const FEW: usize = 2000;

/// Whether an answer goes over many rows of the session.
fn is_heavy(session: &OpenSession, below: &[&str]) -> bool {
    let snapshot = &session.snapshot;
    match below {
        ["api", "v0", "tasks", ..] => snapshot.tasks.len() > FEW,
        ["logical", "actors"] | ["api", "v0", "actors", ..] => snapshot.actors.len() > FEW,
        ["nodes", ..] | ["api", "v0", "nodes" | "workers"] => snapshot.nodes.len() + snapshot.workers.len() > FEW,
        ["events"] | ["api", "v0", "logs" | "cluster_events"] => session.snapshot.weight() > 64 << 20,
        _ => false,
    }
}

/// The table.
fn answer(session: &OpenSession, below: &[&str], question: &Question) -> Result<Answer, Error> {
    let snapshot: &Arc<_> = &session.snapshot;
    Ok(match below {
        ["api", "v0", "tasks"] => tasks::list(snapshot, question)?,
        ["api", "v0", "tasks", "summarize"] => task_summary::summarize(snapshot, question)?,
        ["api", "v0", "tasks", "timeline"] => timeline::timeline(snapshot, question)?,
        ["nodes"] => nodes::list(snapshot, question)?,
        ["nodes", id] => node_detail::detail(snapshot, question, id)?,
        ["logical", "actors"] => actors::list(snapshot, question)?,
        ["logical", "actors", id] => actors::detail(snapshot, question, id)?,
        ["api", "v0", "logs"] => logs::listing(session, question)?,
        ["api", "v0", "workers"] => workers::list(snapshot, question)?,
        ["api", "v0", "placement_groups"] => placement_groups::list(snapshot, question)?,
        ["api", "v0", "runtime_envs"] => runtime_envs::list(snapshot, question)?,
        ["api", "v0", "objects"] => objects::list(question)?,
        ["api", "v0", "objects", "summarize"] => objects::summarize(question)?,
        ["api", "v0", "cluster_metadata"] => metadata::cluster_metadata(snapshot)?,
        ["api", "v0", "cluster_events"] => cluster_events::list(snapshot, question)?,
        ["api", "v0", "platform_events"] => fixed::platform_events(snapshot)?,
        ["api", "cluster_status"] => cluster_status::cluster_status(snapshot, question)?,
        ["api", "serve", "applications", ""] => serve_details::applications(snapshot, question)?,
        ["api", "data", "datasets", job] => data::datasets(snapshot, job)?,
        ["api", "train", "v2", "runs", "v1"] => train::runs(snapshot, question)?,
        ["api", "train", "v2", "runs"] => train::old_runs(snapshot, question)?,
        ["api", "v0", "actors"] => actor_state::list(snapshot, question)?,
        ["api", "v0", "actors", "summarize"] => actor_summary::summarize(snapshot, question)?,
        ["api", "v0", "nodes"] => node_state::list(snapshot, question)?,
        ["api", "v0", "jobs"] => jobs::state_list(snapshot, question)?,
        ["api", "jobs", ""] | ["api", "jobs"] => jobs::list(snapshot, question)?,
        ["api", "jobs", id] => jobs::one(snapshot, question, id)?,
        ["api", "version"] => metadata::version(snapshot)?,
        ["events"] => events::events(snapshot, question)?,
        ["timezone"] => metadata::timezone(snapshot)?,
        ["worker" | "task", _] | ["memory_profile"] => return Err(fixed::profiling().into()),
        _ => fixed::fixed(&below.join("/")).ok_or(Error::UnknownUrl)?,
    })
}

/// The decoded query, and whether secrets are to be hidden from whoever asks.
fn question(request: &HttpRequest, state: &State) -> Question {
    let redact = match state.redaction {
        Redaction::Always => true,
        Redaction::Never => false,
        Redaction::Browsers => is_browser(request),
    };
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    Question { query: query.map(actix_web::web::Query::into_inner).unwrap_or_default(), redact }
}

/// Ray's `is_browser_request`.
fn is_browser(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let agent = headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla"));
    agent || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}
