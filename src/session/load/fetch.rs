//! Brings objects from the store, patiently: transient errors are tried again, a broken body goes on where it broke.
//!
//! Owns retries within one load. Must never hold more of an object than its reader asked for.

use super::parse::Pieces;
use crate::session::progress::Counters;
use crate::storage::{Error, ObjectMeta, ReadRange, Storage};
use bytes::Bytes;
use futures_util::StreamExt;
use std::io;
use std::time::Duration;

/// How often one object is asked for before it is given up.
const ATTEMPTS: u32 = 4;
/// The first pause; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Streams an object into a parser; what cannot be read ends the file with an error.
pub(super) async fn stream(
    store: &dyn Storage,
    object: &ObjectMeta,
    into: &Pieces,
    counters: &Counters,
) -> Result<(), Error> {
    let mut done = 0;
    let mut attempt = 0;
    loop {
        match pass_on(store, object, &mut done, into, counters).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                attempt += 1;
                pause(attempt).await;
            }
            Err(error) => {
                // A parser that is gone has given up on the file already.
                let _ = into.send(Err(io::Error::other(error.to_string()))).await;
                return Err(error);
            }
        }
    }
}

async fn pass_on(
    store: &dyn Storage,
    object: &ObjectMeta,
    done: &mut u64,
    into: &Pieces,
    counters: &Counters,
) -> Result<(), Error> {
    let range = if *done == 0 { ReadRange::Full } else { ReadRange::From(*done) };
    // Going on in the middle is only right while the object is still the same.
    let same = if *done == 0 { None } else { object.etag.as_deref() };
    let mut body = store.read_matching(&object.key, range, same).await?;
    let end = body.range.end;
    while let Some(piece) = body.stream.next().await {
        let piece = piece?;
        *done += piece.len() as u64;
        counters.bytes(piece.len() as u64);
        if into.send(Ok(piece)).await.is_err() {
            return Ok(());
        }
    }
    if *done < end { Err(Error::new(crate::storage::ErrorKind::Truncated, object.key.clone())) } else { Ok(()) }
}

/// Reads some bytes of an object, at most `limit`.
pub(super) async fn read(
    store: &dyn Storage,
    key: &str,
    range: ReadRange,
    limit: u64,
    counters: &Counters,
) -> Result<Bytes, Error> {
    let mut attempt = 0;
    loop {
        let read = async { store.read(key, range).await?.read_all(limit).await };
        match read.await {
            Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                attempt += 1;
                pause(attempt).await;
            }
            done => {
                counters.bytes(done.as_ref().map_or(0, |bytes| bytes.len() as u64));
                return done;
            }
        }
    }
}

async fn pause(attempt: u32) {
    tokio::time::sleep(FIRST_PAUSE * 2u32.saturating_pow(attempt - 1)).await;
}
