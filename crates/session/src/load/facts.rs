//! Reads the log files that carry facts.

use super::fetch;
use super::kept::KeptFacts;
use super::objects::{LogIndex, LogObject, SessionObjects, log_store};
use crate::Error;
use crate::load_permit::{HeldBytes, LoadPermit};
use crate::progress::Counters;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ray_history_core::logs::{Facts, Wanted};
use ray_history_storage::{self as storage, ReadRange, Storage};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Maximum size of a log file or endpoint body that is read whole, in bytes.
pub(super) const MAX_FILE: u64 = 64 << 20;
/// Files read concurrently.
const FETCHES: usize = 32;
/// Files read concurrently of an open session.
const FETCHES_AGAIN: usize = 4;
/// Total size of the files read concurrently, in KiB: one of the longest, or many of the usual few kilobytes.
const KIB_AT_ONCE: u32 = 64 << 10;

/// Bytes held per byte of a file that is being read: the file, its text, and the facts that grow from it.
const WHILE_READ: u64 = 3;
/// Bytes read between two weighings of the facts, each of which visits all of them.
const WEIGHED_EACH: usize = 4 << 20;

/// Files that could not be read, with the reason.
pub(super) type Unreadable = Vec<(String, String)>;

/// The facts of log files.
pub(super) struct LogFacts {
    pub(super) facts: Facts,
    pub(super) unreadable: Unreadable,
    /// The parts of files that the facts were read from, if they are wanted.
    pub(super) kept: Option<KeptFacts>,
    /// Accounts for the memory of the facts.
    pub(super) _held: HeldBytes,
}

/// Reads the log files that carry facts.
pub(super) async fn read_facts(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    permit: &Arc<LoadPermit>,
    keeps: bool,
) -> Result<LogFacts, Error> {
    let mut kept = keeps.then(KeptFacts::default);
    let mut facts = Facts::default();
    let mut wanted = Vec::new();
    for (node, path, object) in objects.logs() {
        match ray_history_core::logs::wanted(path) {
            Some(Wanted::NameOnly) => facts.read_name(node, path),
            Some(part) if object.size > 0 => wanted.push((node.to_owned(), path.to_owned(), object.clone(), part)),
            _ => {}
        }
    }
    counters.expect(wanted.len() as u64, wanted.iter().map(|(_, _, object, part)| length(object, *part)).sum());
    let room = Semaphore::new(KIB_AT_ONCE as usize);
    let (mut facts_memory, mut since_weighed) = (permit.hold(0), 0);
    let mut unreadable = Vec::new();
    let mut fetched = stream::iter(wanted)
        .map(|(node, path, object, part)| {
            let room = &room;
            async move {
                let longest = length(&object, part);
                // The semaphore is never closed, so this always succeeds.
                let room = room.acquire_many((longest / 1024 + 1).min(u64::from(KIB_AT_ONCE)) as u32).await;
                let body = permit.hold(WHILE_READ * longest);
                let bytes = read_part(&**store, &object, part, counters).await;
                counters.file();
                (node, path, object, bytes, (room, body))
            }
        })
        .buffer_unordered(FETCHES);
    while let Some((node, path, object, bytes, (_room, body))) = fetched.next().await {
        match bytes {
            Ok(bytes) => {
                since_weighed += bytes.len();
                (facts, kept) = permit
                    .run(move || {
                        let _body = body;
                        facts.read(&node, &path, &bytes);
                        if let Some(kept) = &mut kept {
                            kept.add(&node, &path, &bytes);
                        }
                        (facts, kept)
                    })
                    .await?;
                if since_weighed > WEIGHED_EACH {
                    facts_memory.set(weight(&facts, kept.as_ref()));
                    since_weighed = 0;
                }
            }
            Err(error) => unreadable.push((object.key, error.to_string())),
        }
    }
    drop(fetched);
    facts_memory.set(weight(&facts, kept.as_ref()));
    Ok(LogFacts { facts, unreadable, kept, _held: facts_memory })
}

/// Reads the parts of log files that carry facts once more.
pub(crate) async fn read_fact_files(store: &Arc<dyn Storage>, logs: &LogIndex) -> Result<KeptFacts, storage::Error> {
    let store = log_store(store, logs.iter().map(|(_, _, object)| object));
    let wanted = logs.iter().filter_map(|(node, path, object)| {
        let part = ray_history_core::logs::wanted(path).filter(|part| *part != Wanted::NameOnly && object.size > 0)?;
        Some((node, path, object, part))
    });
    let counters = Counters::start();
    let read = |(node, path, object, part)| {
        let (store, counters) = (&store, &counters);
        async move { read_part(&**store, object, part, counters).await.map(|bytes| (node, path, bytes)) }
    };
    let mut kept = KeptFacts::default();
    let mut fetched = stream::iter(wanted).map(read).buffered(FETCHES_AGAIN);
    while let Some((node, path, bytes)) = fetched.try_next().await? {
        kept.add(node, path, &bytes);
    }
    drop(fetched);
    Ok(kept)
}

fn weight(facts: &Facts, kept: Option<&KeptFacts>) -> u64 {
    (facts.weight() + kept.map_or(0, KeptFacts::weight)) as u64
}

/// Returns the number of bytes that are read of a file.
fn length(object: &LogObject, part: Wanted) -> u64 {
    match part {
        Wanted::Ends { head, tail } => object.size.min(head + tail),
        _ => object.size.min(MAX_FILE),
    }
}

async fn read_part(
    store: &dyn Storage,
    object: &LogObject,
    part: Wanted,
    counters: &Counters,
) -> Result<Bytes, storage::Error> {
    let read = |range, limit| fetch::read(store, &object.key, range, limit, counters);
    match part {
        Wanted::Ends { head, tail } if object.size > head + tail => {
            let (first, last) =
                (read(ReadRange::Between(0, head), head).await?, read(ReadRange::Tail(tail), tail).await?);
            Ok([first, last].concat().into())
        }
        // The end of the file has more of the facts about how it ended.
        _ if object.size > MAX_FILE => read(ReadRange::Tail(MAX_FILE), MAX_FILE).await,
        _ => read(ReadRange::Full, MAX_FILE).await,
    }
}
