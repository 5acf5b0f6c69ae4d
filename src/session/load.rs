//! Reads one session from the store and builds its snapshot.
//!
//! Event files, log files that carry facts, and stored endpoint bodies are fetched concurrently; event files are
//! parsed on threads of their own (`parse`). A file that cannot be read makes the snapshot incomplete, never the load
//! fail; the load fails only when the listing fails or no event file at all could be read.
//! Must never be cancelled by a request: `sessions` runs it in a task of its own.

mod fetch;
mod objects;
mod parse;

pub use objects::{LogIndex, LogObject};

use super::{Error, SessionKey};
use crate::logs::{Facts, Wanted};
use crate::snapshot::Snapshot;
use crate::snapshot::build::Builder;
use crate::snapshot::worker_pids;
use crate::storage::{ObjectMeta, ReadRange, Storage};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use objects::SessionObjects;
use parse::Queue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects fetched at once: enough to hide 20 ms a request behind ten thousand small files.
const FETCHES: usize = 96;
/// The longest log file or endpoint body that is read whole for its facts.
const MAX_FACT_FILE: u64 = 64 << 20;

/// A loaded session: its snapshot, and where its log files lie.
#[derive(Debug)]
pub struct OpenSession {
    /// Which session.
    pub key: SessionKey,
    /// The built view.
    pub snapshot: Arc<Snapshot>,
    /// Log files by node and path.
    pub logs: LogIndex,
}

/// Reads everything and builds.
pub(super) async fn load(
    store: Arc<dyn Storage>,
    key: SessionKey,
    places: &super::open::Places,
) -> Result<OpenSession, Error> {
    let objects = objects::list(&*store, &key, places).await?;
    if objects.is_empty() {
        return Err(Error::NothingStored(key));
    }
    let (builder, facts, endpoints) = tokio::join!(
        read_events(&store, &key, &objects.events),
        read_facts(&store, &objects),
        read_endpoints(&store, &objects),
    );
    let mut builder = builder?;
    let (facts, unreadable) = facts;
    let (endpoints, unreadable_endpoints) = endpoints;
    let report = builder.completeness_mut();
    if !objects.events.is_empty() && report.unreadable_files.count >= objects.events.len() as u64 && report.records == 0
    {
        let why = report.unreadable_files.examples.first().map(|p| p.problem.clone()).unwrap_or_default();
        return Err(Error::NothingReadable { key, files: objects.events.len(), why });
    }
    for (file, why) in objects.skipped.into_iter().chain(unreadable).chain(unreadable_endpoints) {
        report.unreadable_files.add(&file, 0, why);
    }
    report.marker_missing = !places.marked;
    report.overwritten_hours = objects.overwritten_hours;
    let logs = objects.logs;
    // Finishing sorts and freezes: some hundred milliseconds for a huge session.
    let snapshot = blocking({
        let logs = logs.clone();
        move || finish(builder, facts, endpoints, &logs)
    })
    .await?;
    Ok(OpenSession { key, snapshot: Arc::new(snapshot), logs })
}

fn finish(builder: Builder, facts: Facts, endpoints: BTreeMap<String, Vec<u8>>, logs: &LogIndex) -> Snapshot {
    let mut snapshot = builder.finish();
    let silent = snapshot.nodes.iter().map(|node| node.id.hex()).filter(|node| logs.paths(node).next().is_none());
    snapshot.completeness.nodes_without_logs = silent.collect();
    worker_pids::fill(&mut snapshot, logs.iter().map(|(_, path, _)| path));
    snapshot.facts = facts;
    snapshot.endpoints = endpoints;
    snapshot.derive();
    snapshot
}

/// Fetches with many requests at once, parses with one thread per core.
async fn read_events(store: &Arc<dyn Storage>, key: &SessionKey, files: &[ObjectMeta]) -> Result<Builder, Error> {
    let queue = Arc::new(Queue::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (queue, session) = (Arc::clone(&queue), key.session.to_string());
            tokio::task::spawn_blocking(move || queue.work(&session))
        })
        .collect();
    // Big files first: the last ones to end should be small.
    let mut order: Vec<ObjectMeta> = files.iter().filter(|file| file.size > 0).cloned().collect();
    order.sort_by_key(|file| std::cmp::Reverse(file.size));
    stream::iter(order)
        .for_each_concurrent(FETCHES, |file| {
            let (queue, store) = (Arc::clone(&queue), Arc::clone(store));
            async move { fetch::stream(&*store, &file, &queue.push(&file.key)).await }
        })
        .await;
    queue.close();
    let mut merged: Option<Builder> = None;
    for worker in workers {
        let builder = worker.await.map_err(|_| Error::Broken)?;
        merged = match merged {
            None => Some(builder),
            Some(mut merged) => Some(
                blocking(move || {
                    merged.merge(builder);
                    merged
                })
                .await?,
            ),
        };
    }
    merged.ok_or(Error::Broken)
}

type Unreadable = Vec<(String, String)>;

/// Reads the log files that carry facts.
async fn read_facts(store: &Arc<dyn Storage>, objects: &SessionObjects) -> (Facts, Unreadable) {
    let mut facts = Facts::default();
    let mut wanted = Vec::new();
    for (node, path, object) in objects.logs.iter() {
        match crate::logs::wanted(path) {
            Some(Wanted::NameOnly) => facts.seen(node, path),
            Some(part) if object.size > 0 => wanted.push((node.to_owned(), path.to_owned(), object.clone(), part)),
            _ => {}
        }
    }
    let mut unreadable = Vec::new();
    let mut fetched = stream::iter(wanted)
        .map(|(node, path, object, part)| {
            let store = Arc::clone(store);
            async move {
                let bytes = read_part(&*store, &object, part).await;
                (node, path, object, bytes)
            }
        })
        .buffer_unordered(FETCHES / 3);
    while let Some((node, path, object, bytes)) = fetched.next().await {
        match bytes {
            Ok(bytes) => facts.read(&node, &path, &bytes),
            Err(error) => unreadable.push((object.key, error.to_string())),
        }
        tokio::task::yield_now().await;
    }
    drop(fetched);
    (facts, unreadable)
}

async fn read_part(store: &dyn Storage, object: &LogObject, part: Wanted) -> Result<Bytes, crate::storage::Error> {
    match part {
        Wanted::Ends { head, tail } if object.size > head + tail => {
            let first = fetch::read(store, &object.key, ReadRange::Between(0, head), head).await?;
            let last = fetch::read(store, &object.key, ReadRange::Tail(tail), tail).await?;
            Ok([first, last].concat().into())
        }
        _ if object.size > MAX_FACT_FILE => {
            // The end says more about how it ended than the beginning.
            fetch::read(store, &object.key, ReadRange::Tail(MAX_FACT_FILE), MAX_FACT_FILE).await
        }
        _ => fetch::read(store, &object.key, ReadRange::Full, MAX_FACT_FILE).await,
    }
}

/// Reads the stored answers of the live dashboard.
async fn read_endpoints(store: &Arc<dyn Storage>, objects: &SessionObjects) -> (BTreeMap<String, Vec<u8>>, Unreadable) {
    let mut fetched = stream::iter(objects.endpoints.clone())
        .map(|(name, object)| {
            let store = Arc::clone(store);
            async move {
                let body = fetch::read(&*store, &object.key, ReadRange::Full, MAX_FACT_FILE).await;
                (name, object, body)
            }
        })
        .buffer_unordered(FETCHES / 3);
    let (mut bodies, mut unreadable) = (BTreeMap::new(), Vec::new());
    while let Some((name, object, body)) = fetched.next().await {
        match body {
            Ok(body) => {
                bodies.insert(name, body.to_vec());
            }
            Err(error) => unreadable.push((object.key, error.to_string())),
        }
    }
    (bodies, unreadable)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Broken)
}
