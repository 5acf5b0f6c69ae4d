//! Reads event files: many requests at once, one parsing thread per core, further pages of the listing meanwhile.

use super::fetch;
use super::parse::{Queue, Stop, StopOnPanic};
use super::room::Room;
use crate::base::name::SessionKey;
use crate::session::Error;
use crate::session::progress::Counters;
use crate::session::quiet;
use crate::snapshot::build::Builder;
use crate::storage::{self, ObjectMeta, Storage};
use futures_util::{Stream, StreamExt, stream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Objects fetched at once: enough to hide 20 ms a request behind ten thousand small files.
const FETCHES: usize = 96;

/// The fold of all event files.
pub(super) struct Events {
    pub(super) builder: Builder,
    /// Files that the store did not give to their end.
    pub(super) unread: u64,
}

/// What a load holds in memory.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: OnceLock<Arc<Queue>>,
    /// For event files.
    room: Room,
    other: AtomicU64,
}

impl Held {
    /// In bytes. Builders count twice: finishing one holds it and the tables made of it.
    pub(super) fn bytes(&self) -> u64 {
        let built = self.queue.get().map_or(0, |queue| queue.weight());
        built.saturating_mul(2) + self.room.taken() + self.other.load(Ordering::Relaxed)
    }

    /// Something beside the builders is held too, until the end.
    pub(super) fn add(&self, bytes: u64) {
        self.other.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something beside the builders is held for a while.
    pub(super) fn hold(&self, bytes: u64) -> Hold<'_> {
        self.add(bytes);
        Hold { held: self, bytes }
    }
}

/// Bytes that are held until this is dropped.
pub(super) struct Hold<'a> {
    held: &'a Held,
    bytes: u64,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.held.other.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads all event files of a listing that may still go on.
pub(super) async fn read(
    store: &Arc<dyn Storage>,
    key: &SessionKey,
    files: impl Stream<Item = Result<Vec<ObjectMeta>, storage::Error>>,
    counters: &Arc<Counters>,
    held: &Held,
) -> Result<Events, Error> {
    let queue = Arc::new(Queue::default());
    let _ = held.queue.set(Arc::clone(&queue));
    let stop = Stop(Arc::clone(&queue));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
    let work = (0..threads).map(|_| {
        let (queue, session) = (Arc::clone(&queue), key.session.to_string());
        move || {
            let _guard = StopOnPanic(Arc::clone(&queue));
            queue.work(&session)
        }
    });
    let parsing = quiet::start(work)?;
    let fetched = async {
        let unread = AtomicU64::new(0);
        let mut failed = None;
        let files = files.filter_map(|files| {
            let files = files.map_err(|error| failed = Some(error)).unwrap_or_default();
            counters.expect(files.len() as u64, files.iter().map(|file| file.size).sum());
            std::future::ready(Some(stream::iter(files)))
        });
        files
            .flatten()
            .for_each_concurrent(FETCHES, |file| {
                let (queue, unread) = (&queue, &unread);
                async move {
                    // Only files that have room are in the queue: none waits for a parser that waits for another file.
                    let pieces = queue.push(&file.key, held.room.take(file.size).await);
                    let read = fetch::stream(&**store, &file, &pieces, counters).await;
                    unread.fetch_add(u64::from(read.is_err()), Ordering::Relaxed);
                    counters.file();
                }
            })
            .await;
        queue.close();
        (unread.into_inner(), failed)
    };
    let (unread, failed) = fetched.await;
    let parsed = parsing.end().await?;
    drop(stop);
    if let Some(error) = failed {
        return Err(error.into());
    }
    let builder = quiet::run(move || merge(parsed)).await?;
    Ok(Events { builder: builder.ok_or(Error::Broken)?, unread })
}

fn merge(builders: Vec<Builder>) -> Option<Builder> {
    builders.into_iter().reduce(|mut merged, builder| {
        merged.merge(builder);
        merged
    })
}
