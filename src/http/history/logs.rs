//! All log files of a session at once: searched (`search`), or downloaded as one archive (`download`).
//!
//! Both select files by the same parameters (`filter`), read them block by block, and work on one block at a time off
//! the threads that accept requests. Where a client does not take what was found, no more is read than the few ranges
//! that are on their way; all reading ends when the client leaves.

pub(in crate::http) mod download;
mod filter;
mod form;
pub(in crate::http) mod search;
pub(in crate::http) mod summary;

use crate::http::error::Error;
use crate::http::heavy::LongAnswer;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::find::{self, Shown};
use crate::http::validators;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, VARY};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{Stream, stream};
use ray_history_session::logs::blocks::LogBlocks;
use ray_history_session::logs::select::{LogFile, LogFilter, select};
use std::sync::Arc;

/// The wanted files of a session.
struct Wanted {
    session: Shown,
    files: Arc<[LogFile]>,
    /// Holds the memory for reading them.
    long_answer: LongAnswer,
}

impl Wanted {
    /// Opens a session and selects files of it. Reserves `bytes` for what is done with them.
    async fn select(call: &Call<'_>, filter: LogFilter, bytes: u64) -> Result<Self, Error> {
        let key = session_key([call.names[0], call.names[1], call.names[2]])?;
        let session = find::open(call, &key).await?;
        let logs = session.logs.clone();
        let bytes = bytes + LogFile::WEIGHT * logs.count() as u64;
        let select = move || select(&logs, &filter);
        let (files, long_answer) = call.state.heavy.begin(&call.state.sessions, bytes, select).await?;
        Ok(Self { session, files: files.into(), long_answer })
    }

    /// Returns the bytes of all files together.
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.object.size).sum()
    }

    fn read(&self, call: &Call<'_>) -> LogBlocks {
        call.state.sessions.read_logs(Arc::clone(&self.files))
    }
}

/// Returns the response with a body, or without one for `HEAD`, for which nothing is read.
fn respond<S: Stream<Item = Result<Bytes, Broken>> + 'static>(
    session: &Shown,
    call: &Call<'_>,
    response: &mut HttpResponseBuilder,
    body: impl FnOnce() -> S,
) -> HttpResponse {
    // A compressor would delay what was found.
    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
    response.insert_header((VARY, HeaderValue::from_static("accept")));
    let mut response = if *call.request.method() == Method::HEAD {
        response.streaming(stream::empty::<Result<Bytes, Broken>>())
    } else {
        response.streaming(body())
    };
    validators::describe(&mut response, call, session);
    validators::revalidate(&mut response, None);
    response
}

/// The work on a block failed; the connection ends in the middle of the body, so that no answer is silently short.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended unexpectedly; please report this")]
struct Broken;
