//! Reads the facts of jobs from the small files that every session has.
//!
//! | request | of a session with one node |
//! |---|---|
//! | list the nodes, in each place where the session may lie until a head is found | 1 to 3 |
//! | read the stored version and time zone | 2 |
//! | read `logs/events/event_JOBS.log` of each node: those that have it are heads | 1 for each node, at most `MAX_NODES` |
//! | list the head's manifests; read those of our collector | 1, or 2 |
//! | list the drivers' logs of the head, and read the ends of some | 1, and 1 or 2 for each log, at most `MAX_LOGS` logs |
//!
//! A session has several heads where Ray's GCS survived one of them. A listing that fails fails the read, as do events
//! of jobs that are there and cannot be read. A driver's log that cannot be read only leaves its words out.

use crate::Error;
use crate::catalog::Lister;
use crate::fact_index::Read;
use crate::heads::{MAX_BYTES, manifests_of};
use crate::load::{Places, now, read_manifests, strict_answer};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::{DataPrefix, Tree, data_prefixes};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::run_facts::{FactSource, RunFacts};
use ray_history_manifest::proof::Head;
use ray_history_metrics::catalog::{Metrics, Purpose};
use ray_history_storage::{Delimiter, Error as StoreError, ErrorKind, ObjectMeta, ReadRange, Storage};
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nodes that are asked for events of jobs.
const MAX_NODES: usize = 256;
/// Nodes that are asked concurrently.
const NODES_AT_ONCE: usize = 8;
/// Manifests of one head that are read.
const MAX_MANIFESTS: usize = 8;
/// Drivers' logs of a head that are read.
const MAX_LOGS: usize = 4;
/// Bytes of the end of a file of job events that are read: those of some five hundred jobs.
const MAX_EVENTS: u64 = 256 << 10;
/// Bytes of the beginning of a driver's log that are read: its first line has the command.
const HEAD: u64 = 4 << 10;
/// Bytes of the end of a driver's log that are read.
const TAIL: u64 = 16 << 10;
/// Longest stored answer that is read, packed or not.
const MAX_ANSWER: u64 = 64 << 10;
/// The stored answers that are read.
const ANSWERS: [&str; 2] = ["api/v0/cluster_metadata", "timezone"];
/// The events of jobs, below a node's logs.
const EVENTS: &str = "events/event_JOBS.log";
/// The folder of stored answers.
const ENDPOINTS: &str = "fetched_endpoints";

/// One read of a session.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
struct Reader<'a> {
    store: &'a Arc<dyn Storage>,
    lister: Lister<'a>,
    /// Requests other than those of the lister.
    requests: AtomicU64,
    snapshot: Snapshot,
    is_partial: bool,
    is_whole: bool,
    /// `true` if a head was found.
    has_head: bool,
    /// `true` if the manifest of a head is not closed.
    is_open: bool,
    /// The time of the newest file.
    newest: Option<Nanos>,
}

/// A head of a session in one place.
struct HeadNode {
    /// The prefix of its folder; `None` in the flat tree, which has none.
    folder: Option<String>,
    /// The prefix of its logs.
    logs: String,
    /// Its id, as spelled in the bucket.
    node: String,
    /// The end of its events of jobs, and the whole object.
    events: (Bytes, ObjectMeta),
}

/// Reads the facts of a session, and adds up the requests.
pub(super) async fn read(
    store: &Arc<dyn Storage>,
    key: &SessionKey,
    places: &Places,
    metrics: &Metrics,
    requests: &mut u64,
) -> Result<Read, Error> {
    let snapshot = Snapshot { session_name: key.session.as_str().to_owned(), ..Snapshot::default() };
    let lister = Lister::new(&**store, metrics, Purpose::Facts);
    let mut reader = Reader {
        store,
        lister,
        requests: AtomicU64::new(0),
        snapshot,
        is_partial: false,
        is_whole: true,
        has_head: false,
        is_open: false,
        newest: None,
    };
    let owners: Vec<_> = places.owner.iter().cloned().collect();
    let mut all: Vec<DataPrefix> =
        places.roots.iter().flat_map(|root| data_prefixes(root, &key.cluster, &key.session, &owners)).collect();
    // Most sessions lie below their owner, and few in the flat tree.
    all.reverse();
    let read = reader.places(&all).await;
    *requests += reader.lister.requests() + reader.requests.load(Ordering::Relaxed);
    read?;
    let Reader { mut snapshot, is_partial, is_whole, has_head, is_open, newest, .. } = reader;
    snapshot.derive();
    let facts = RunFacts::of(&snapshot, FactSource::Files, is_partial || is_open || !is_whole);
    let is_settled = has_head && !is_open && facts.counts.unfinished == 0;
    let began = || key.session.local_micros()?.checked_mul(1_000);
    let newest = if has_head { newest } else { began() };
    Ok(Read { facts, is_whole, is_settled, quiet: newest.map(|newest| now().saturating_sub(newest)) })
}

impl Reader<'_> {
    /// Reads all that is wanted of the first place that has a head.
    async fn places(&mut self, places: &[DataPrefix]) -> Result<(), Error> {
        for place in places {
            let heads = self.place(place).await?;
            for head in &heads {
                let (events, object) = &head.events;
                // Jobs before these may have failed.
                self.is_partial |= object.size > MAX_EVENTS;
                self.newest = self.newest.max(object.modified);
                self.has_head = true;
                self.snapshot.facts.read(head.node.trim(), EVENTS, events);
                self.manifests(place, head).await?;
            }
            for head in &heads {
                self.drivers(head).await?;
            }
            if !heads.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Reads the stored answers of a place, and finds its heads.
    async fn place(&mut self, place: &DataPrefix) -> Result<Vec<HeadNode>, Error> {
        let DataPrefix { prefix, tree } = place;
        let below = match tree {
            Tree::Flat => format!("{prefix}logs/"),
            Tree::History => prefix.clone(),
        };
        let page = self.lister.page(&below, Delimiter::Slash, None, &mut self.lister.paging()).await?;
        let names = page.prefixes.iter().filter_map(|folder| folder.strip_prefix(&below)?.strip_suffix('/'));
        let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        // The listing of a flat place shows no stored answers.
        if *tree == Tree::Flat && !names.is_empty() || names.iter().any(|name| name == ENDPOINTS) {
            self.answers(prefix).await?;
        }
        let mut nodes = names.into_iter().filter(|name| name != ENDPOINTS);
        let asked: Vec<String> = nodes.by_ref().take(MAX_NODES).collect();
        // A head may be among those that are not asked.
        self.is_partial |= nodes.next().is_some() || page.next.is_some();
        let asked = asked.into_iter().map(|node| {
            let folder = (*tree == Tree::History).then(|| format!("{prefix}{node}/"));
            let logs = folder.as_ref().map_or_else(|| format!("{below}{node}/"), |folder| format!("{folder}logs/"));
            self.head(folder, logs, node)
        });
        let found: Vec<Option<HeadNode>> = stream::iter(asked).buffered(NODES_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns a node if it is a head.
    async fn head(&self, folder: Option<String>, logs: String, node: String) -> Result<Option<HeadNode>, StoreError> {
        let events = self.get(&format!("{logs}{EVENTS}"), ReadRange::Tail(MAX_EVENTS)).await?;
        Ok(events.map(|events| HeadNode { folder, logs, node, events }))
    }

    async fn answers(&mut self, prefix: &str) -> Result<(), Error> {
        for url in ANSWERS {
            if self.snapshot.endpoints.contains_key(url) {
                continue;
            }
            let key = format!("{prefix}{ENDPOINTS}/restful__{}", url.replace('/', "__"));
            let stored = self.get(&key, ReadRange::Between(0, MAX_ANSWER)).await?;
            // One that is no JSON, or too long, says nothing.
            if let Some(body) = stored.and_then(|(stored, _)| strict_answer(&stored, MAX_ANSWER, |_| ()).ok()) {
                self.snapshot.endpoints.insert(url.to_owned(), body);
            }
        }
        Ok(())
    }

    /// Reads the head's manifests: until they are closed, ends of its files may lie elsewhere or be on their way.
    async fn manifests(&mut self, place: &DataPrefix, head: &HeadNode) -> Result<(), Error> {
        let Some(folder) = &head.folder else { return Ok(()) };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut manifests = manifests_of(&**self.store, &place.prefix, folder).await?;
        manifests.retain(|manifest| manifest.size <= MAX_BYTES);
        manifests.truncate(MAX_MANIFESTS);
        self.requests.fetch_add(manifests.len() as u64, Ordering::Relaxed);
        let read = read_manifests(self.store, &manifests, |_| ()).await;
        self.is_whole &= read.unreadable.is_empty();
        self.is_open |= Head::of(&read.found).is_some_and(|head| !head.is_closed());
        Ok(())
    }

    /// Reads the ends of drivers' logs: of jobs that failed first, then the newest. Of the others their names are read.
    async fn drivers(&mut self, head: &HeadNode) -> Result<(), Error> {
        let prefix = format!("{}job-driver-", head.logs);
        let page = self.lister.page(&prefix, Delimiter::None, None, &mut self.lister.paging()).await?;
        // The other drivers' jobs are not known.
        self.is_partial |= page.next.is_some();
        let mut logs: Vec<(ObjectMeta, String)> = Vec::new();
        for object in page.objects {
            self.newest = self.newest.max(object.modified);
            if let Some(path) = object.key.strip_prefix(&head.logs).map(str::to_owned) {
                logs.push((object, path));
            }
        }
        let has_failed = |path: &str| {
            let id = path.strip_prefix("job-driver-").and_then(|name| name.strip_suffix(".log"));
            let event = id.and_then(|id| self.snapshot.facts.job_events.get(id));
            event.and_then(|event| event.completed.as_ref()).is_some_and(|end| &*end.status == "FAILED")
        };
        logs.sort_by_cached_key(|(object, path)| (!has_failed(path), Reverse(object.modified), path.clone()));
        for (at, (object, path)) in logs.iter().enumerate() {
            let ends = if at < MAX_LOGS { self.ends(object).await } else { Ok(Vec::new()) };
            self.is_whole &= ends.is_ok();
            // Its name alone shows that there is such a job.
            self.snapshot.facts.read(head.node.trim(), path, &ends.unwrap_or_default());
        }
        Ok(())
    }

    /// Returns the beginning and the end of a log.
    async fn ends(&self, log: &ObjectMeta) -> Result<Vec<u8>, StoreError> {
        if log.size <= HEAD + TAIL {
            return Ok(self
                .get(&log.key, ReadRange::Between(0, HEAD + TAIL))
                .await?
                .map_or_else(Vec::new, |(all, _)| all.into()));
        }
        let mut ends = Vec::new();
        for range in [ReadRange::Between(0, HEAD), ReadRange::Tail(TAIL)] {
            if let Some((part, _)) = self.get(&log.key, range).await? {
                ends.extend_from_slice(&part);
            }
        }
        Ok(ends)
    }

    /// Reads a range of an object, and returns it with the whole object; `None` if there is none.
    async fn get(&self, key: &str, range: ReadRange) -> Result<Option<(Bytes, ObjectMeta)>, StoreError> {
        let (ReadRange::Tail(longest) | ReadRange::Between(_, longest)) = range else { return Ok(None) };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let body = match self.store.read(key, range).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let object = body.meta.clone();
        Ok(Some((body.read_all(longest).await?, object)))
    }
}
