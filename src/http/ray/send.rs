//! Sends an `Answer` whole, or piece by piece while it is built. A large one is not copied into the connection's write
//! buffer at once.

use super::attachment::attachment;
use crate::http::heavy::LongAnswer;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;
use ray_history_ray_api::{Answer, Body};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// An answer whose first two pieces are built. `left` is `None` if there are no more.
pub(in crate::http) struct StartedAnswer {
    content_type: &'static str,
    attachment: Option<String>,
    first: Vec<u8>,
    second: Option<Vec<u8>>,
    left: Option<Pieces>,
}

impl StartedAnswer {
    /// Builds the first two pieces of an answer.
    pub(in crate::http) fn new(answer: Answer) -> Self {
        let Answer { content_type, attachment, body } = answer;
        let (first, second, left) = match body {
            Body::Whole(bytes) => (bytes.into_owned(), None, None),
            Body::Chunks(mut pieces) => {
                let first = pieces.next().unwrap_or_default();
                let second = pieces.next();
                let left = second.is_some().then_some(pieces);
                (first, second, left)
            }
        };
        Self { content_type, attachment, first, second, left }
    }
}

/// Returns the response of an answer.
pub(in crate::http) fn answer(answer: Answer) -> HttpResponse {
    send(StartedAnswer::new(answer), None)
}

/// Returns the response of a long answer.
pub(in crate::http) fn long(started: StartedAnswer, long_answer: LongAnswer) -> HttpResponse {
    send(started, Some(long_answer))
}

fn send(started: StartedAnswer, long_answer: Option<LongAnswer>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(started.content_type);
    if let Some(name) = started.attachment {
        response.insert_header((CONTENT_DISPOSITION, attachment(&name)));
    }
    match (started.second, started.left) {
        (Some(second), Some(left)) => {
            // Compressing a long answer costs more than sending it to a client nearby; a proxy can compress it.
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
            response.streaming(remaining([started.first, second], left, long_answer))
        }
        // An answer of one piece is sent with its length and not streamed.
        _ => whole(response, Bytes::from(started.first), long_answer),
    }
}

/// Returns a response of known length. A large body is sent in pieces, and holds its memory until it is sent.
fn whole(mut response: HttpResponseBuilder, bytes: Bytes, long_answer: Option<LongAnswer>) -> HttpResponse {
    if bytes.len() <= PIECE { response.body(bytes) } else { response.body(PiecewiseBody::new(bytes, long_answer)) }
}

/// Builds each piece on a blocking thread, after the client has taken the previous one.
///
/// If a piece cannot be built, the connection ends in the middle of the body, so that no answer is silently short.
fn remaining(
    made: [Vec<u8>; 2],
    pieces: Pieces,
    long_answer: Option<LongAnswer>,
) -> impl futures_util::Stream<Item = Result<Bytes, Broken>> + 'static {
    let made = made.into_iter();
    stream::unfold((made, Some(pieces), long_answer), |(mut made, pieces, long_answer)| async move {
        if let Some(piece) = made.next() {
            return Some((Ok(Bytes::from(piece)), (made, pieces, long_answer)));
        }
        let mut pieces = pieces?;
        let next = move || (pieces.next(), pieces);
        let next = match &long_answer {
            Some(long_answer) => long_answer.make(next).await.ok(),
            None => tokio::task::spawn_blocking(next).await.ok(),
        };
        match next {
            Some((piece, pieces)) => Some((Ok(Bytes::from(piece?)), (made, Some(pieces), long_answer))),
            None => Some((Err(Broken), (made, None, long_answer))),
        }
    })
}

/// A bug in this server ended an answer early.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended unexpectedly; please report this")]
pub(in crate::http) struct Broken;

/// Bytes per piece; actix-web polls for more when fewer than 32 KiB wait to be written.
const PIECE: usize = 64 << 10;

/// The remaining bytes of an answer, and the memory reserved until they are sent.
#[derive(Debug)]
struct PiecewiseBody {
    remaining: Bytes,
    _long_answer: Option<LongAnswer>,
}

impl PiecewiseBody {
    fn new(bytes: Bytes, long_answer: Option<LongAnswer>) -> Self {
        Self { remaining: bytes, _long_answer: long_answer }
    }
}

impl MessageBody for PiecewiseBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.remaining.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.remaining.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.remaining.len().min(PIECE);
        Poll::Ready(Some(Ok(self.remaining.split_to(piece))))
    }
}
