//! A body that goes on where it broke.

use super::super::{Error, ErrorKind, ObjectBody, ReadRange};
use super::{Guarded, Permit};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::time::{sleep, timeout};

/// A body that brings less than this between two breaks does not count as going on: a store that drips must not keep
/// us for ever.
const PROGRESS: u64 = 32 << 10;

struct Going {
    guarded: Guarded,
    _permit: Permit,
    key: String,
    etag: Option<String>,
    at: u64,
    /// None where the store does not say it: then the body ends with its transfer, and cannot go on where it broke.
    end: Option<u64>,
    stream: BoxStream<'static, Result<Bytes, Error>>,
    /// Bytes since it was opened last.
    since: u64,
    /// Tries since it went on.
    tried: u32,
}

/// Guards the body; the permit is held until it ends or is dropped.
pub(super) fn guard(guarded: Guarded, opened: ObjectBody, permit: Permit) -> ObjectBody {
    let end = opened.is_measured.then_some(opened.range.end);
    let ObjectBody { meta, range, is_measured, stream } = opened;
    let (key, etag) = (meta.key.clone(), meta.etag.clone());
    let going = Going { guarded, _permit: permit, key, etag, at: range.start, end, stream, since: 0, tried: 0 };
    let stream =
        stream::try_unfold(going, |mut going| async move { Ok(going.next().await?.map(|piece| (piece, going))) });
    ObjectBody { meta, range, is_measured, stream: stream.boxed() }
}

impl Going {
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
        self.since += length;
        if self.end.is_some_and(|end| self.at > end) {
            return Err(Error::failed(&self.key, "the body is longer than promised"));
        }
        Ok(piece)
    }

    /// Opens the rest. Without an `ETag` nobody knows whether it is the rest of the same object.
    async fn reopen(&mut self, broken: Error) -> Result<(), Error> {
        self.tried = if self.since >= PROGRESS { 1 } else { self.tried + 1 };
        self.since = 0;
        let (Some(etag), Some(end)) = (self.etag.clone(), self.end) else { return Err(broken) };
        let Some(pause) = self.guarded.pause(self.tried, &broken) else { return Err(broken) };
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
