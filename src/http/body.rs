//! A complete answer, sent in pieces, so that a large one is not copied into the connection's write buffer at once.

use super::heavy::LongAnswer;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes per piece; actix-web polls for more when fewer than 32 KiB wait to be written.
pub(super) const PIECE: usize = 64 << 10;

/// The remaining bytes of an answer, and the memory reserved until they are sent.
#[derive(Debug)]
pub(super) struct PiecewiseBody {
    remaining: Bytes,
    _long_answer: Option<LongAnswer>,
}

impl PiecewiseBody {
    pub(super) fn new(bytes: Bytes, long_answer: Option<LongAnswer>) -> Self {
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
