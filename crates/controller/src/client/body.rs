//! Answers with a limited length and, except for watches, a limited duration.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};
use tower::BoxError;

/// Most bytes of an answer, or of one line of a watch. An API server accepts objects of at most 3 MiB; a longer page of
/// a list is requested again with fewer objects.
const MAX_BYTES: usize = 8 << 20;

/// An answer exceeds the length limit.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {} MiB", MAX_BYTES >> 20)]
pub(in super::super) struct TooLong;

#[derive(Debug, thiserror::Error)]
#[error("the answer does not end within {} s", super::LONGEST_WAIT.as_secs())]
struct TooSlow;

/// The body of an answer, with limits.
pub(super) struct Bounded<B> {
    inner: B,
    /// Deadline of the answer; `None` for a watch, whose lines are limited one by one.
    end: Option<Pin<Box<Sleep>>>,
    /// Bytes received of the current line of a watch, or of the whole answer.
    length: usize,
}

impl<B> Bounded<B> {
    pub(super) fn new(inner: B, end: Option<Instant>) -> Self {
        Self { inner, end: end.map(|end| Box::pin(sleep_until(end))), length: 0 }
    }

    fn count(&mut self, data: &[u8]) -> Result<(), TooLong> {
        let line_end = self.end.is_none().then(|| memchr::memrchr(b'\n', data)).flatten();
        self.length = match line_end {
            Some(at) => data.len() - at - 1,
            None => self.length + data.len(),
        };
        if self.length > MAX_BYTES { Err(TooLong) } else { Ok(()) }
    }
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref())
            && let Err(too_long) = self.count(data)
        {
            return Poll::Ready(Some(Err(too_long.into())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn limits_lines_of_watches_and_whole_answers() {
        let (half, line) = (vec![b'x'; MAX_BYTES / 2 + 1], b"}\n{".to_vec());
        for (end, pieces, fits) in [
            (None, vec![&half, &line, &half], true),
            (None, vec![&half, &half], false),
            (Some(Instant::now()), vec![&half, &line, &half], false),
            (Some(Instant::now()), vec![&half, &line], true),
        ] {
            let mut answer = Bounded::new((), end);
            assert_eq!(pieces.iter().try_for_each(|piece| answer.count(piece)).is_ok(), fits);
        }
    }
}
