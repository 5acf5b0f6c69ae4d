//! Reads the log files that carry facts.

use super::fetch;
use super::held::{Held, Hold};
use super::objects::{LogObject, SessionObjects};
use crate::session::Error;
use crate::session::progress::Counters;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ray_history_core::logs::{Facts, Wanted};
use ray_history_storage::{self as storage, ReadRange, Storage};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The longest log file or endpoint body that is read whole for its facts.
pub(super) const MAX_FILE: u64 = 64 << 20;
/// Files read at once.
const FETCHES: usize = 32;
/// Bytes of such files held at once, in KiB: one of the longest at a time, many of the usual few kilobytes.
const KIB_AT_ONCE: u32 = 64 << 10;

/// Bytes held for each byte of a file that is being read: the file, its text, and the facts that grow from it.
const WHILE_READ: u64 = 3;
/// Facts are weighed when so many bytes were read: weighing goes over all of them.
const WEIGHED_EACH: usize = 4 << 20;

/// Files that could not be read, and why.
pub(super) type Unreadable = Vec<(String, String)>;

/// What log files say.
pub(super) struct LogFacts {
    pub(super) facts: Facts,
    pub(super) unreadable: Unreadable,
    /// The memory of the facts.
    pub(super) _held: Hold,
}

/// Reads the log files that carry facts.
pub(super) async fn read_facts(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    held: &Arc<Held>,
) -> Result<LogFacts, Error> {
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
    let (mut kept, mut since_weighed) = (held.hold(0), 0);
    let mut unreadable = Vec::new();
    let mut fetched = stream::iter(wanted)
        .map(|(node, path, object, part)| {
            let room = &room;
            async move {
                let longest = length(&object, part);
                // Never closed, so always granted.
                let room = room.acquire_many((longest / 1024 + 1).min(u64::from(KIB_AT_ONCE)) as u32).await;
                let body = held.hold(WHILE_READ * longest);
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
                facts = held
                    .run(move || {
                        let _body = body;
                        facts.read(&node, &path, &bytes);
                        facts
                    })
                    .await?;
                if since_weighed > WEIGHED_EACH {
                    kept.set(facts.weight() as u64);
                    since_weighed = 0;
                }
            }
            Err(error) => unreadable.push((object.key, error.to_string())),
        }
    }
    drop(fetched);
    kept.set(facts.weight() as u64);
    Ok(LogFacts { facts, unreadable, _held: kept })
}

/// Bytes that are read of a file.
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
        // The end says more about how it ended than the beginning.
        _ if object.size > MAX_FILE => read(ReadRange::Tail(MAX_FILE), MAX_FILE).await,
        _ => read(ReadRange::Full, MAX_FILE).await,
    }
}
