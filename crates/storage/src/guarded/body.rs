//! A body that resumes at the byte where it broke off.

use super::super::{Error, ErrorKind, ObjectBody, ReadRange};
use super::{Guarded, Permit};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::time::{sleep, timeout};

/// Bytes between two breaks below which a body makes no progress, so that a very slow store cannot be retried for ever.
const PROGRESS: u64 = 32 << 10;

struct Resumable {
    guarded: Guarded,
    _permit: Permit,
    key: String,
    etag: Option<String>,
    at: u64,
    /// `None` if the store did not report it: the body then ends with its transfer, and cannot resume.
    end: Option<u64>,
    stream: BoxStream<'static, Result<Bytes, Error>>,
    /// Bytes since it was last opened.
    received: u64,
    /// Attempts since the last progress.
    attempts: u32,
}

/// Returns a guarded body, which holds the permit until it ends or is dropped.
pub(super) fn guard(guarded: Guarded, opened: ObjectBody, permit: Permit) -> ObjectBody {
    let end = opened.is_measured.then_some(opened.range.end);
    let ObjectBody { meta, range, is_measured, stream } = opened;
    let (key, etag) = (meta.key.clone(), meta.etag.clone());
    let resumable =
        Resumable { guarded, _permit: permit, key, etag, at: range.start, end, stream, received: 0, attempts: 0 };
    let stream = stream::try_unfold(resumable, |mut resumable| async move {
        Ok(resumable.next().await?.map(|piece| (piece, resumable)))
    });
    ObjectBody { meta, range, is_measured, stream: stream.boxed() }
}

impl Resumable {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.end.is_none_or(|end| self.at < end) {
            let broken = match timeout(self.guarded.limits.stall, self.stream.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(piece))) => return self.arrived(piece).map(Some),
                Ok(Some(Err(error))) => error,
                Ok(None) if self.end.is_none() => return Ok(None),
                Ok(None) => Error::new(ErrorKind::Truncated, &self.key),
                Err(_) => {
                    let why = format!("no byte within {} s", self.guarded.limits.stall.as_secs());
                    Error::because(ErrorKind::Unavailable, &self.key, why)
                }
            };
            self.reopen(broken).await?;
        }
        Ok(None)
    }

    fn arrived(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        let length = piece.len() as u64;
        self.guarded.metrics.arrived(&self.guarded.request("read"), length);
        self.at += length;
        self.received += length;
        if self.end.is_some_and(|end| self.at > end) {
            return Err(Error::failed(&self.key, "the body is longer than promised"));
        }
        Ok(piece)
    }

    /// Opens the rest. Fails without an `ETag`, because the object may have been replaced.
    async fn reopen(&mut self, broken: Error) -> Result<(), Error> {
        self.attempts = if self.received >= PROGRESS { 1 } else { self.attempts + 1 };
        self.received = 0;
        let (Some(etag), Some(end)) = (self.etag.clone(), self.end) else { return Err(broken) };
        let Some(pause) = self.guarded.pause(self.attempts, &broken) else { return Err(broken) };
        // The broken connection must not stay open during the pause.
        self.stream = stream::empty().boxed();
        sleep(pause).await;
        let rest = ReadRange::Between(self.at, end);
        let opened = self.guarded.open(&self.key, rest, Some(&etag)).await?;
        if opened.range != (self.at..end) {
            return Err(broken);
        }
        self.stream = opened.stream;
        Ok(())
    }
}
