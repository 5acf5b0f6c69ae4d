//! All log files of a session at once: searched (`search`), or downloaded as one archive (`download`).
//!
//! Both select files by the same parameters (`filter`), read them block by block, and work on one block at a time off
//! the threads that accept requests. Where a client does not take what was found, no more is read than the few ranges
//! that are on their way; all reading ends when the client leaves. Few are read at once, so that other long answers are
//! made meanwhile.

pub(in crate::http) mod download;
pub(super) mod filter;
mod form;
pub(in crate::http) mod search;
pub(in crate::http) mod summary;

use crate::http::error::Error;
use crate::http::heavy::{LogRead, LongAnswer};
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
    turn: Turn,
}

/// The right to read logs for a client, and the memory for it.
#[derive(Debug)]
struct Turn {
    long_answer: LongAnswer,
    /// Absent if nothing is read.
    _log_read: Option<LogRead>,
}

/// The memory that the work on files holds, in bytes.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Whatever the files are.
    by_all: u64,
    /// For each file.
    by_each: u64,
}

impl Wanted {
    /// Opens a session and selects files of it. Waits for a turn and for the memory that `held` says; without it, and for
    /// `HEAD`, nothing is to be read.
    async fn select(call: &Call<'_>, filter: LogFilter, held: Option<Held>) -> Result<Self, Error> {
        let key = session_key([call.names[0], call.names[1], call.names[2]])?;
        let session = find::open(call, &key).await?;
        let logs = session.logs.clone();
        let held = held.filter(|_| *call.request.method() != Method::HEAD);
        let log_read = match held {
            Some(_) => {
                let person = call.permit.granted_to().map(|granted| granted.person.identity.user());
                Some(call.state.heavy.log_read(person).await?)
            }
            None => None,
        };
        let Held { by_all, by_each } = held.unwrap_or(Held { by_all: 0, by_each: 0 });
        let bytes = by_all + (by_each + LogFile::WEIGHT) * logs.count() as u64;
        let select = move || select(&logs, &filter);
        let (files, long_answer) = call.state.heavy.begin(&call.state.sessions, bytes, select).await?;
        Ok(Self { session, files: files.into(), turn: Turn { long_answer, _log_read: log_read } })
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
pub(super) fn respond<S: Stream<Item = Result<Bytes, Broken>> + 'static>(
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
pub(super) struct Broken;
