//! A whole answer, handed to the connection in pieces, so that a big one is not copied whole into its write buffer.

use super::heavy::Making;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes handed over at a time; actix-web asks for more when less than 32 KiB wait to be written.
pub(super) const PIECE: usize = 64 << 10;

/// The bytes that are left, and the memory that is held until they were sent.
#[derive(Debug)]
pub(super) struct Whole {
    left: Bytes,
    _making: Option<Making>,
}

impl Whole {
    pub(super) fn new(bytes: Bytes, making: Option<Making>) -> Self {
        Self { left: bytes, _making: making }
    }
}

impl MessageBody for Whole {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.left.len().min(PIECE);
        Poll::Ready(Some(Ok(self.left.split_to(piece))))
    }
}
