//! The bytes of a put on their way to a store, and the watch over their progress.

#[cfg(test)]
mod tests;

use super::paced::Rate;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use ray_history_storage::{Error, ErrorKind};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// Bytes that are read and handed over at once.
const PIECE: u64 = 256 << 10;
/// The same for a body that is slowed down.
const SMALL_PIECE: u64 = 16 << 10;
/// The longest time between two pieces.
const STALL: Duration = Duration::from_secs(30);
/// The longest time until the answer, from the last piece. It includes the bytes in the buffers of the connection.
const ANSWER: Duration = Duration::from_secs(60);

/// The bytes of an object, or of a part of one.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a file, read piece by piece at these offsets.
    File(Arc<File>, Range<u64>),
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, range) => range.end - range.start,
        }
    }

    /// Calls a function with all bytes, piece by piece. Blocks the thread.
    #[cfg(feature = "s3")]
    pub(crate) fn each_piece(&self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => take(bytes),
            Self::File(file, range) => {
                let mut piece = vec![0; self.len().min(PIECE) as usize];
                let mut at = range.start;
                while at < range.end {
                    let part = &mut piece[..(range.end - at).min(PIECE) as usize];
                    file.read_exact_at(part, at)?;
                    take(part);
                    at += part.len() as u64;
                }
            }
        }
        Ok(())
    }
}

/// Sends a request with a body. Fails if the body or the answer stands still, and as `ErrorKind::Source` if the bytes
/// cannot be read.
pub(crate) async fn send<T, F>(key: &str, content: Content, request: impl FnOnce(Body) -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let watch = Arc::new(Mutex::new(Watch { deadline: Instant::now() + STALL, failure: None }));
    let pace = Rate::current().map(Pace::new);
    let mut work = pin!(request(Body { content, watch: Arc::clone(&watch), reading: None, pace }));
    loop {
        let deadline = watch.lock().deadline;
        tokio::select! {
            biased;
            done = &mut work => {
                return match watch.lock().failure.take() {
                    Some(failure) => Err(Error::because(ErrorKind::Source, key, failure)),
                    None => done,
                };
            }
            () = sleep_until(deadline) => {
                if watch.lock().deadline == deadline {
                    return Err(Error::because(ErrorKind::Unavailable, key, "the upload stands still"));
                }
            }
        }
    }
}

/// Waits for a request without a body.
pub(crate) async fn answer<T>(key: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::because(ErrorKind::Unavailable, key, format!("no answer within {} s", ANSWER.as_secs()));
    timeout(ANSWER, work).await.map_err(late)?
}

/// The time by which something must happen, and the reason why bytes could not be read.
#[derive(Debug)]
struct Watch {
    deadline: Instant,
    failure: Option<io::Error>,
}

/// A body of known length.
#[derive(Debug)]
pub(crate) struct Body {
    /// The bytes that are left.
    content: Content,
    watch: Arc<Mutex<Watch>>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    pace: Option<Pace>,
}

/// A body's part of a rate.
#[derive(Debug)]
struct Pace {
    rate: Rate,
    /// The bytes of a piece: of a slow body they are few, so that others have their turn.
    piece: u64,
    /// Waits for the time of the next piece.
    turn: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(rate: Rate) -> Self {
        Self { piece: (rate.bytes() / 4).clamp(SMALL_PIECE, PIECE), rate, turn: None }
    }

    /// Waits until a piece of some bytes may be sent. Calls `waits` with that time.
    fn poll(&mut self, bytes: u64, context: &mut Context<'_>, waits: impl FnOnce(Instant)) -> Poll<()> {
        let turn = self.turn.get_or_insert_with(|| {
            let at = self.rate.take(bytes);
            waits(at);
            Box::pin(sleep_until(at))
        });
        ready!(turn.as_mut().poll(context));
        self.turn = None;
        Poll::Ready(())
    }
}

impl Body {
    /// Returns the length of the next piece.
    fn piece(&self) -> u64 {
        self.content.len().min(self.pace.as_ref().map_or(PIECE, |pace| pace.piece))
    }

    /// Waits for the turn of the next piece. That is no stand-still.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (bytes, watch) = (self.piece(), Arc::clone(&self.watch));
        let waits = |at| watch.lock().deadline = at + STALL;
        match &mut self.pace {
            // The piece that is being read has had its turn.
            Some(pace) if self.reading.is_none() => pace.poll(bytes, context, waits),
            _ => Poll::Ready(()),
        }
    }

    fn next_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let length = self.piece() as usize;
        match &mut self.content {
            Content::Bytes(bytes) => Poll::Ready(Ok(bytes.split_to(length))),
            Content::File(file, range) => {
                let (file, at) = (Arc::clone(file), range.start);
                let reading = self.reading.get_or_insert_with(|| {
                    tokio::task::spawn_blocking(move || {
                        let mut piece = vec![0; length];
                        file.read_exact_at(&mut piece, at).map(|()| piece.into())
                    })
                });
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                range.start += length as u64;
                Poll::Ready(read.unwrap_or_else(|gone| Err(io::Error::other(gone))))
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.content.len() == 0 {
            return Poll::Ready(None);
        }
        ready!(self.poll_turn(context));
        let piece = ready!(self.next_piece(context));
        let patience = if self.content.len() == 0 { ANSWER } else { STALL };
        let mut watch = self.watch.lock();
        watch.deadline = Instant::now() + patience;
        Poll::Ready(Some(piece.map(Frame::data).map_err(|error| {
            let told = io::Error::from(error.kind());
            watch.failure = Some(error);
            told
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.content.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.len())
    }
}
