//! Reads event files: many concurrent requests, one parsing thread per core, and further pages of the listing
//! meanwhile.

use super::fetch;
use super::parse::{Parsed, Queue, Stop, StopOnPanic};
use crate::Error;
use crate::load_permit::LoadPermit;
use crate::low_priority;
use crate::progress::Counters;
use futures_util::{Stream, StreamExt, stream};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::EventFile;
use ray_history_core::snapshot::build::Builder;
use ray_history_storage::{self as storage, ObjectMeta, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Objects fetched concurrently: enough to hide 20 ms a request behind ten thousand small files.
const FETCHES: usize = 96;

/// Longest time that an event file is written to. They are closed every hour; a day allows for clocks that are hours
/// off.
const MAX_OPEN: Nanos = 24 * HOUR;
/// Allowance for a head's clock that is ahead of the store's.
const MAX_SKEW: Nanos = HOUR;
const HOUR: Nanos = 3_600_000_000_000;

/// The fold of all event files.
pub(super) struct Events {
    pub(super) builder: Builder,
    /// Records read, by file.
    pub(super) records: BTreeMap<Arc<str>, u64>,
    /// Number of files that could not be read to their end.
    pub(super) unread: u64,
    /// Number of these files that are in an archive tier.
    pub(super) archived: u64,
}

/// Reads all event files of a listing that may still be in progress.
pub(super) async fn read(
    store: &Arc<dyn Storage>,
    key: &SessionKey,
    files: impl Stream<Item = Result<Vec<ObjectMeta>, storage::Error>>,
    counters: &Arc<Counters>,
    permit: &Arc<LoadPermit>,
) -> Result<Events, Error> {
    let queue = Arc::new(Queue::new(Arc::clone(permit)));
    let stop = Stop(Arc::clone(&queue));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
    let work = (0..threads).map(|_| {
        let (queue, session) = (Arc::clone(&queue), key.session.to_string());
        move || {
            let _guard = StopOnPanic(Arc::clone(&queue));
            queue.work(&session)
        }
    });
    let parsing = low_priority::start(work)?;
    let fetched = async {
        let (unread, archived) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut failed = None;
        let files = files.filter_map(|files| {
            let files = files.map_err(|error| failed = Some(error)).unwrap_or_default();
            counters.expect(files.len() as u64, files.iter().map(|file| file.size).sum());
            std::future::ready(Some(stream::iter(files)))
        });
        files
            .flatten()
            .for_each_concurrent(FETCHES, |file| {
                let (queue, unread, archived) = (&queue, &unread, &archived);
                async move {
                    // Only files with a slot are queued: none waits for a parser that waits for another file.
                    let slot = permit.slots.acquire(file.size).await;
                    let pieces = queue.push(&file.key, latest(&file), slot);
                    let read = fetch::stream(&**store, &file, &pieces, counters).await;
                    let is_archived = |error: &storage::Error| error.kind() == storage::ErrorKind::Archived;
                    unread.fetch_add(u64::from(read.is_err()), Ordering::Relaxed);
                    archived.fetch_add(u64::from(read.is_err_and(|error| is_archived(&error))), Ordering::Relaxed);
                    counters.file();
                }
            })
            .await;
        queue.close();
        (unread.into_inner(), archived.into_inner(), failed)
    };
    let (unread, archived, failed) = fetched.await;
    let parsed = parsing.end().await?;
    drop(stop);
    if let Some(error) = failed {
        return Err(error.into());
    }
    let parsed = permit.run(move || merge(parsed)).await?;
    let Parsed { builder, records } = parsed.ok_or(Error::Broken)?;
    Ok(Events { builder, records, unread, archived })
}

/// Returns the latest plausible time of an event in a file.
fn latest(file: &ObjectMeta) -> Nanos {
    let name = file.key.rsplit('/').next().and_then(EventFile::parse);
    let created = name.and_then(|name| name.written).map(|created| created.saturating_add(MAX_OPEN));
    // The modification time of a copy may be of any year, so a time in the name takes precedence.
    let stored = file.modified.map(|stored| stored.saturating_add(MAX_SKEW));
    created.or(stored).unwrap_or(Nanos::MAX)
}

fn merge(parsed: Vec<Parsed>) -> Option<Parsed> {
    parsed.into_iter().reduce(|mut merged, more| {
        merged.builder.merge(more.builder);
        for (file, records) in more.records {
            *merged.records.entry(file).or_default() += records;
        }
        merged
    })
}
