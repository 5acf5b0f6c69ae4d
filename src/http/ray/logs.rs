//! `/api/v0/logs…` and job logs: `ray-api` selects the bytes, `session` reads them, and this module sends them.

use super::attachment::attachment;
use crate::http::error::Error;
use crate::http::state::State;
use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ray_history_core::base::id::NodeId;
use ray_history_ray_api::logs::ansi::AnsiFilter;
use ray_history_ray_api::logs::job::{self, Encoder};
use ray_history_ray_api::logs::listing::ListingRequest;
use ray_history_ray_api::logs::request::place::no_agent;
use ray_history_ray_api::logs::request::{LogPlan, LogRequest, ResolvedLog, Search, gone};
use ray_history_ray_api::{Answer, JSON, Query, RayError};
use ray_history_session::logs::{Blocks, LAST_STEP, LogBody, LogPart};
use ray_history_session::{LogIndex, OpenSession, Reservation};
use std::collections::HashMap;

/// Bytes of memory held while reading a log: a step of a search, or a block that waits for its client.
const READING: u64 = LAST_STEP;
/// Number of files up to which a search runs inline.
const FEW_FILES: usize = 2_000;

/// Answers `/api/v0/logs`.
pub(in crate::http) fn listing(session: &OpenSession, query: &Query) -> Result<Answer, Error> {
    let request = ListingRequest::parse(&session.snapshot, query)?;
    let files = session.logs.listed(&request.node.hex());
    if files.is_empty() && !session.snapshot.nodes.iter().any(|node| node.id == request.node) {
        return Err(no_agent(request.node).into());
    }
    Ok(request.answer(&files))
}

/// Answers `/api/v0/logs/file` and `/api/v0/logs/stream`; a dead session's stream ends after the stored bytes.
pub(in crate::http) async fn file(
    state: &State,
    session: &OpenSession,
    media: &str,
    query: &Query,
) -> Result<HttpResponse, Error> {
    let request = LogRequest::parse(media, query)?;
    let resolved = match request.plan(&session.snapshot)? {
        LogPlan::File(resolved) => resolved,
        LogPlan::Search(search) if session.logs.count() > FEW_FILES => {
            let bytes = (200 * session.logs.count()) as u64;
            let logs = session.logs.clone();
            state.heavy.begin(&state.sessions, bytes, move || resolve(&search, &logs)).await?.0?
        }
        LogPlan::Search(search) => resolve(&search, &session.logs)?,
    };
    let memory = state.heavy.memory(&state.sessions, READING).await?;
    let parts = parts(state, session, &resolved).await?;
    let body = state.sessions.read_log(&parts, resolved.delivery.lines).await?;
    Ok(send(body, memory, &resolved))
}

/// Finds a log by file names.
fn resolve(search: &Search, logs: &LogIndex) -> Result<ResolvedLog, RayError> {
    let names: HashMap<NodeId, Vec<String>> = (search.nodes())
        .map(|node| (node, logs.paths(&node.hex()).map(str::to_owned).collect::<Vec<_>>()))
        .filter(|(_, files)| !files.is_empty())
        .collect();
    search.resolve(|node| names.get(node).map(Vec::as_slice))
}

/// Returns the stored parts of the resolved log.
async fn parts(state: &State, session: &OpenSession, resolved: &ResolvedLog) -> Result<Vec<LogPart>, Error> {
    let node = resolved.node.hex();
    let files = match &resolved.attempt {
        Some(_) => session.logs.generations(&node, &resolved.path),
        None => session.logs.find(&node, &resolved.path).into_iter().collect(),
    };
    let Some(newest) = files.first() else {
        let nothing = session.logs.paths(&node).next().is_none();
        return Err(if nothing { no_agent(&node).into() } else { resolved.missing().into() });
    };
    let Some(attempt) = &resolved.attempt else { return Ok(vec![LogPart::whole(newest)]) };
    let parts = state.sessions.parts_of(attempt, &files).await?;
    parts.ok_or_else(|| gone(attempt, &resolved.path, newest.size).into())
}

fn send(body: LogBody, memory: Reservation, resolved: &ResolvedLog) -> HttpResponse {
    let body = hold_memory(body, memory);
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/plain")
        // Logs are not compressed, because the compressor would delay them.
        .insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")))
        .insert_header((CONTENT_DISPOSITION, attachment(resolved.file_name())));
    if !resolved.delivery.filter_ansi {
        if let Some(len) = body.len {
            response.no_chunking(len);
        }
        return response.streaming(body.stream);
    }
    let filtered = stream::unfold((body.stream, Some(AnsiFilter::default())), |(mut blocks, filter)| async move {
        let mut filter = filter?;
        let mut out = Vec::new();
        match blocks.next().await {
            Some(Ok(block)) => {
                filter.push(&block, &mut out);
                Some((Ok(Bytes::from(out)), (blocks, Some(filter))))
            }
            Some(Err(error)) => Some((Err(error), (blocks, None))),
            None => {
                filter.finish(&mut out);
                Some((Ok(Bytes::from(out)), (blocks, None)))
            }
        }
    });
    response.streaming(filtered)
}

/// Holds the memory until the body is sent, and puts a note first if the body lacks some of the requested lines.
fn hold_memory(body: LogBody, memory: Reservation) -> LogBody {
    let note = body.searched_only.map(|searched| {
        Bytes::from(format!(
            "[The requested lines begin before the last {} MiB of this log, which follow.]\n",
            searched >> 20
        ))
    });
    let len = body.len.map(|len| len + note.as_ref().map_or(0, |note| note.len() as u64));
    let stream = stream::iter(note.map(Ok)).chain(body.stream).map(move |block| {
        let _held = &memory;
        block
    });
    LogBody { len, searched_only: body.searched_only, stream: stream.boxed() }
}

/// Returns the bytes of a submission's log; empty if none is stored.
pub(in crate::http) async fn job_log(state: &State, session: &OpenSession, id: &str) -> Result<Blocks, Error> {
    let log = job::of(&session.snapshot, id)?;
    let stored = log.nodes.iter().find_map(|node| session.logs.find(node, &log.path));
    let memory = state.heavy.memory(&state.sessions, READING).await?;
    Ok(match stored {
        Some(stored) => hold_memory(state.sessions.read_log(&[LogPart::whole(stored)], None).await?, memory).stream,
        None => stream::empty().boxed(),
    })
}

/// Answers `/api/jobs/{id}/logs`: the whole log of a submission in one JSON string, encoded while it is read.
pub(in crate::http) async fn of_job(state: &State, session: &OpenSession, id: &str) -> Result<HttpResponse, Error> {
    let blocks = job_log(state, session, id).await?;
    let encoded = stream::unfold((blocks, Some(Encoder::new())), |(mut blocks, encoder)| async move {
        let mut encoder = encoder?;
        match blocks.next().await {
            Some(Ok(block)) => Some((Ok(Bytes::from(encoder.push(&block))), (blocks, Some(encoder)))),
            Some(Err(error)) => Some((Err(error), (blocks, None))),
            None => Some((Ok(Bytes::from(encoder.finish())), (blocks, None))),
        }
    });
    let mut response = HttpResponse::Ok();
    response.content_type(JSON).insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
    Ok(response.streaming(encoded))
}
