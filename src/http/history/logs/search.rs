//! `/api/history/v1/sessions/…/logs/search`: the lines of all log files of a session that match.
//!
//! Files come in the order of `select`, their lines in the order of the file, and each hit is sent as soon as it is
//! found. The work of one request is bounded by hits, bytes and time.

use super::form::{Form, HitItem};
use super::summary::{Bound, Bounds, Summary};
use super::{Broken, Held, Turn, Wanted, filter, respond};
use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::{Stream, stream};
use ray_history_session::logs::blocks::{Block, LogBlocks, READING};
use ray_history_session::logs::pattern::Pattern;
use ray_history_session::logs::scan::{self, Scanner};
use ray_history_session::logs::select::{LogFile, LogFilter};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Bytes held besides those of the reader: the pattern, hits with their context, a piece of the answer.
const SEARCHING: u64 = 4 << 20;
/// Bytes of a piece of the answer, after which its search waits for the client.
const PIECE: usize = 64 << 10;
/// Longest turn of a search, after which others get theirs.
const TURN: Duration = Duration::from_millis(100);
/// Hits by default, and at most.
const LIMITS: (usize, usize) = (100, 10_000);
/// Most lines of context before and after each hit.
const MOST_CONTEXT: usize = 10;

/// A parsed request.
#[derive(Debug)]
struct SearchRequest {
    pattern: Pattern,
    context: usize,
    limit: usize,
    filter: LogFilter,
}

impl SearchRequest {
    fn parse(query: &str) -> Result<Self, Error> {
        let (mut text, mut is_regex, mut ignores_case) = (String::new(), false, false);
        let (mut context, mut limit, mut wanted) = (0, LIMITS.0, LogFilter::default());
        for (name, value) in filter::parameters(query)? {
            let number = |least: usize, most: usize| {
                let number = value.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| filter::bad(&name, &value, format!("a number from {least} to {most} is wanted")))
            };
            match name.as_str() {
                "q" => text = value,
                "regex" => is_regex = filter::flag(&name, &value)?,
                "ignoreCase" => ignores_case = filter::flag(&name, &value)?,
                "context" => context = number(0, MOST_CONTEXT)?,
                "limit" => limit = number(1, LIMITS.1)?,
                _ => filter::add(&mut wanted, &name, &value)?,
            }
        }
        let pattern = Pattern::new(&text, is_regex, ignores_case).map_err(|why| filter::bad("q", &text, why))?;
        Ok(Self { pattern, context, limit, filter: wanted })
    }
}

/// Searches all log files of a session for lines with a text or regular expression.
///
/// The hits are sent while they are found; the last line is the summary, `{"summary": {…}}`. An answer without it was cut
/// off.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/logs/search",
    operation_id = "searchLogs",
    tag = "logs",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
        ("q" = String, Query, description = "Text within a line, at most 1,000 bytes"),
        ("regex" = Option<bool>, Query, description = "`q` is a regular expression, matched in linear time: no backreferences, no lookaround"),
        ("ignoreCase" = Option<bool>, Query, description = "Upper and lower case are the same"),
        ("context" = Option<usize>, Query, description = "Lines before and after each hit: 0 to 10"),
        ("limit" = Option<usize>, Query, description = "Hits: 1 to 10,000, default 100"),
        ("node" = Option<String>, Query, description = "First digits of the node's id"),
        ("worker" = Option<String>, Query, description = "First digits of the worker's id, as in file names"),
        ("job" = Option<String>, Query, description = "Id of a job, as in file names, or of a submission"),
        ("file" = Option<String>, Query, description = "Glob of the path; without a `/`, of the name in any folder"),
        ("kind" = Option<String>, Query, description = "worker, job, system, or groups of Ray's list of logs, such as worker_err; several with commas"),
    ),
    responses(
        (status = 200, description = "One hit a line, and the summary; `file:line:text` for `Accept: text/plain`", body = HitItem, content_type = "application/x-ndjson"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The session is still being loaded, or many long answers are being sent", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn search(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let SearchRequest { pattern, context, limit, filter } = SearchRequest::parse(call.request.query_string())?;
    let form = Form::of(call.request);
    let held = Held { by_all: READING + SEARCHING, by_each: 0 };
    let wanted = Wanted::select(call, filter, Some(held)).await?;
    let blocks = wanted.read(call);
    let Wanted { session, files, turn } = wanted;
    let scanner = Scanner::new(pattern, context, limit, scan::Bounds::default());
    let search = Search::new(blocks, Work::new(scanner, form, files, Bounds::default()), turn);
    let mut response = HttpResponse::Ok();
    response.content_type(form.content_type());
    Ok(respond(&session, call, &mut response, || search.stream()))
}

/// A search that is sent.
struct Search {
    blocks: LogBlocks,
    /// Absent after the summary, and while a thread has it.
    work: Option<Box<Work>>,
    turn: Turn,
    bounds: Bounds,
    /// Time spent on reading and searching, without that in which the client took nothing.
    spent: Duration,
}

impl Search {
    fn new(blocks: LogBlocks, work: Work, turn: Turn) -> Self {
        let bounds = work.bounds;
        Self { blocks, work: Some(Box::new(work)), turn, bounds, spent: Duration::ZERO }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Broken>> + 'static {
        stream::unfold(self, |mut search| async move { Some((search.next().await?, search)) })
    }

    /// Returns the next piece of the answer; `None` after the summary.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let mut work = self.work.take()?;
            let began = Instant::now();
            let mut block = None;
            let left = self.bounds.time.saturating_sub(self.spent);
            let bound = if left.is_zero() { Some(Bound::Time) } else { work.bound() };
            if bound.is_some() || !work.has_more {
                let next = match bound {
                    Some(bound) => Err(bound),
                    None => timeout(left, self.blocks.next()).await.map_err(|_| Bound::Time),
                };
                match next {
                    Ok(Some(next)) => block = Some(next),
                    Ok(None) => return Some(Ok(work.end(None))),
                    Err(bound) => return Some(Ok(work.end(Some(bound)))),
                }
            }
            let made = self.turn.long_answer.make(move || (work.search(block), work)).await;
            self.spent += began.elapsed();
            let Ok((out, work)) = made else { return Some(Err(Broken)) };
            self.work = Some(work);
            if !out.is_empty() {
                return Some(Ok(Bytes::from(out)));
            }
        }
    }
}

/// The part of a search that runs on its own thread.
struct Work {
    scanner: Scanner,
    form: Form,
    files: Arc<[LogFile]>,
    bounds: Bounds,
    summary: Summary,
    file: usize,
    /// `true` if the block is the last of its file, until the end of the file is counted.
    is_last: bool,
    /// The reason why the rest of the file was not read.
    unread: Option<&'static str>,
    /// `true` if the block is not searched to its end.
    has_more: bool,
}

impl Work {
    fn new(scanner: Scanner, form: Form, files: Arc<[LogFile]>, bounds: Bounds) -> Self {
        let summary = Summary::of(&files);
        let file = usize::MAX;
        Self { scanner, form, files, bounds, summary, file, is_last: false, unread: None, has_more: false }
    }

    /// Returns the hits in the next block, or further hits in the same one.
    fn search(&mut self, block: Option<Block>) -> Vec<u8> {
        if let Some(Block { file, bytes, is_last, unread }) = block {
            if self.file != file {
                self.scanner.begin();
                self.file = file;
            }
            self.summary.bytes += bytes.len() as u64;
            (self.is_last, self.unread) = (is_last, unread);
            self.scanner.push(bytes);
        }
        let (mut out, began) = (Vec::new(), Instant::now());
        loop {
            self.has_more = out.len() >= PIECE || began.elapsed() >= TURN;
            if self.has_more {
                return out;
            }
            let Some(file) = self.files.get(self.file) else { return out };
            match self.scanner.next_hit() {
                Some(hit) => {
                    self.summary.hits += 1;
                    self.form.hit(&mut out, file, &hit);
                }
                None if self.scanner.has_rest() => {}
                None if self.is_last => {
                    self.scanner.finish();
                    if !self.scanner.is_done() || self.unread.is_some() {
                        self.summary.end_file(file, self.unread);
                    }
                    self.is_last = false;
                }
                None => return out,
            }
        }
    }

    /// Returns the bound that was reached.
    fn bound(&self) -> Option<Bound> {
        if self.has_more {
            return None;
        }
        let is_full = self.summary.bytes >= self.bounds.bytes;
        if self.scanner.is_done() { Some(Bound::Limit) } else { is_full.then_some(Bound::Bytes) }
    }

    /// Returns the summary.
    fn end(mut self: Box<Self>, bound: Option<Bound>) -> Bytes {
        if let Some(bound) = bound {
            self.summary.end_at(bound, self.bounds);
        }
        let mut out = Vec::new();
        self.form.summary(&mut out, &self.summary);
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests;
