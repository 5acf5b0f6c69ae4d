//! Reads objects from the store for a load, and counts their bytes.
//!
//! Nothing is retried here: `storage::guarded` retries for every reader, and retries would multiply. Never holds more
//! of an object than its reader asked for.

use super::incoming::Pieces;
use crate::progress::Counters;
use bytes::Bytes;
use futures_util::StreamExt;
use ray_history_storage::{Error, ErrorKind, ObjectMeta, ReadRange, Storage};
use std::io;

/// Streams an object into a parser. If reading fails, the file ends with an error.
pub(super) async fn stream(
    store: &dyn Storage,
    object: &ObjectMeta,
    into: &Pieces,
    counters: &Counters,
) -> Result<(), Error> {
    let passed = pass_on(store, object, into, counters).await;
    if let Err(error) = &passed {
        // A parser that is gone has already given up on the file.
        let _ = into.send(Err(io::Error::other(error.to_string()))).await;
    }
    passed
}

async fn pass_on(store: &dyn Storage, object: &ObjectMeta, into: &Pieces, counters: &Counters) -> Result<(), Error> {
    let mut body = store.read(&object.key, ReadRange::Full).await?;
    let mut missing = body.promised().unwrap_or_default();
    while let Some(piece) = body.stream.next().await {
        let piece = piece?;
        let length = piece.len() as u64;
        missing = missing.saturating_sub(length);
        counters.bytes(length);
        if into.send(Ok(piece)).await.is_err() {
            return Ok(());
        }
    }
    if missing == 0 { Ok(()) } else { Err(Error::new(ErrorKind::Truncated, &object.key)) }
}

/// Calls `take` with each piece of a range of an object as it arrives.
pub(super) async fn each(
    store: &dyn Storage,
    key: &str,
    range: ReadRange,
    counters: &Counters,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let mut body = store.read(key, range).await?;
    let mut missing = body.promised().unwrap_or_default();
    while let Some(piece) = body.stream.next().await {
        let piece = piece?;
        missing = missing.saturating_sub(piece.len() as u64);
        counters.bytes(piece.len() as u64);
        take(&piece);
    }
    if missing == 0 { Ok(()) } else { Err(Error::new(ErrorKind::Truncated, key)) }
}

/// Reads a range of an object, at most `limit` bytes.
pub(super) async fn read(
    store: &dyn Storage,
    key: &str,
    range: ReadRange,
    limit: u64,
    counters: &Counters,
) -> Result<Bytes, Error> {
    let bytes = store.read(key, range).await?.read_all(limit).await?;
    counters.bytes(bytes.len() as u64);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_metrics::storage::Metrics;
    use ray_history_storage::faulty::{Counts, Fault, Faulty};
    use ray_history_storage::guarded::{Guarded, Limits};
    use ray_history_storage::memory::Memory;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    /// Creates a faulty store with an object of ten bytes, and the guarded store around it.
    fn stores() -> (Arc<Faulty>, Guarded) {
        let memory = Memory::default();
        memory.put("x", "0123456789");
        let faulty = Arc::new(Faulty::new(Arc::new(memory)));
        let guarded = Guarded::new(Arc::clone(&faulty) as _, "memory", Limits::default(), Arc::<Metrics>::default());
        (faulty, guarded)
    }

    /// Streams the object: returns how that ended, and the bytes that a parser gets.
    async fn streamed(store: &Guarded) -> (Result<(), ErrorKind>, Vec<u8>, u64) {
        let (into, mut pieces) = mpsc::channel(100);
        let (counters, mut got) = (Counters::start(), Vec::new());
        let object = ObjectMeta { key: "x".into(), size: 10, etag: None, modified: None };
        let ended = stream(store, &object, &into, &counters).await.map_err(|error| error.kind());
        drop(into);
        while let Some(piece) = pieces.recv().await {
            got.extend_from_slice(&piece.unwrap_or_default());
        }
        (ended, got, counters.now().bytes_done)
    }

    #[tokio::test(start_paused = true)]
    async fn short_outage_is_hidden_by_the_guards() {
        let (faulty, guarded) = stores();
        faulty.fail_next(4);
        assert_eq!(streamed(&guarded).await, (Ok(()), b"0123456789".to_vec(), 10));
        faulty.arm("x", Fault::CutAfter(4));
        assert_eq!(streamed(&guarded).await, (Ok(()), b"0123456789".to_vec(), 10));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_do_not_multiply() {
        let (faulty, guarded) = stores();
        let attempts = u64::from(Limits::default().attempts);
        faulty.arm("x", Fault::Always(ErrorKind::Unavailable));
        assert_eq!(streamed(&guarded).await, (Err(ErrorKind::Unavailable), Vec::new(), 0));
        assert_eq!(faulty.counts(), Counts { lists: 0, reads: attempts });
        assert!(read(&guarded, "x", ReadRange::Full, 10, &Counters::start()).await.is_err());
        assert_eq!(faulty.counts(), Counts { lists: 0, reads: 2 * attempts });
    }
}
