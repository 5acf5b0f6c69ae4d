//! Reads one session from the store and builds its snapshot.
//!
//! ```text
//! list pages ──► permit ─────► event files ──► parsing threads (`parse`) ──► merge ──► finish
//!      │  (by stored size)     log files with facts, endpoint bodies ─────────────────────┘
//!      └──► more pages are listed while files of the first are read
//! ```
//!
//! A file that cannot be read, or a part that cannot be listed, makes the snapshot incomplete but does not fail the
//! load. The load fails only if the listing fails, or if no event file could be read and there are neither logs nor
//! stored answers. Memory is reserved before anything is read, and corrected while reading. `loader` runs a load in a
//! task of its own, so a request never cancels it; dropping the future stops its threads.

mod digest;
mod endpoints;
mod events;
mod facts;
mod fetch;
mod incoming;
mod inventory;
mod kept;
mod manifests;
mod names;
mod nodes;
mod objects;
mod opened;
mod origin;
mod pages;
mod parse;
mod persisted;
mod places;
mod processes;
mod proved;
mod relist;
mod segments;

pub(super) use digest::Digest;
pub(super) use endpoints::strict as strict_answer;
pub(super) use facts::read_fact_files;
pub(super) use inventory::Inventory;
pub(super) use manifests::{Manifests, read as read_manifests};
pub(super) use names::LogNames;
pub(super) use nodes::{ManifestObject, SegmentObject};
pub(super) use objects::log_store;
pub use objects::{LogIndex, LogObject};
pub use opened::OpenSession;
pub(super) use opened::age;
use origin::Origin;
pub use origin::{Persisted, Raw};
use persisted::{FromSnapshot, Rejected};
pub(super) use places::Places;
pub use proved::Proved;
pub(super) use proved::now;
pub(super) use relist::{Relisted, inputs, relist};
pub(super) use segments::read as read_segments;

use super::Error;
use super::error::Unusable;
use super::load_permit::{BASE, CoverError, Lanes, LoadPermit};
use super::progress::{Counters, Phase};
use endpoints::Endpoints;
use events::Events;
use facts::{LogFacts, Unreadable};
use futures_util::stream;
use objects::{EventBytes, EventObjects, SessionObjects};
use pages::Pages;
use ray_history_core::base::name::SessionKey;
use ray_history_core::logs::Facts;
use ray_history_core::logs::processes::Source;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::build::{Builder, is_polled_list};
use ray_history_core::snapshot::driver::is_driver;
use ray_history_core::snapshot::gaps::Evidence;
use ray_history_core::snapshot::submission;
use ray_history_core::snapshot::worker_pids;
use ray_history_metrics::persist;
use ray_history_metrics::sessions::Metrics;
use ray_history_storage::Storage;
use segments::Indexes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// First estimate of the bytes held while building: this many per stored gzip byte, corrected while reading.
const PER_GZIP_BYTE: u64 = 4;
/// The same, per ten stored bytes that are not compressed.
const PER_TEN_PLAIN_BYTES: u64 = 4;
/// Bytes of jobs per byte of submission records: a row has many fields, and each source fills some.
const JOB_BYTES_PER_BYTE: u64 = 5;
/// Bytes held per byte of a polled task list while its profile events are added.
const WHILE_ADDED: u64 = 2;

/// One load.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) store: Arc<dyn Storage>,
    pub(super) key: SessionKey,
    pub(super) places: Places,
    pub(super) counters: Arc<Counters>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) persist_metrics: Arc<persist::Metrics>,
    /// Time limit of listing, and again of reading. Waiting for a permit does not count.
    pub(super) timeout: Duration,
    /// `true` to load only if no other load is disturbed.
    pub(super) idle_only: bool,
    /// `true` to keep what facts are read from, because the session may be persisted.
    pub(super) keeps_facts: bool,
    /// `true` to open the persisted snapshot, if there is one.
    pub(super) reads_snapshot: bool,
}

/// The contents of the files of a session.
struct Contents {
    events: Events,
    facts: LogFacts,
    endpoints: Endpoints,
    manifests: Manifests,
}

/// The reason why an attempt ended without a session.
enum AttemptError {
    Load(Error),
    /// The load held this many bytes, more than it could reserve.
    Outgrown(u64),
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Load(error)
    }
}

impl Load {
    /// Reads everything and builds the snapshot.
    pub(super) async fn run(self) -> Result<OpenSession, Error> {
        let mut at_least = 0;
        loop {
            match self.attempt(at_least).await {
                Ok(session) => return Ok(session),
                Err(AttemptError::Load(error)) => return Err(error),
                // Doubles each time, so that this ends: at the whole budget at the latest.
                Err(AttemptError::Outgrown(held)) => at_least = held.saturating_mul(2),
            }
        }
    }

    async fn attempt(&self, at_least: u64) -> Result<OpenSession, AttemptError> {
        let timed_out = |_| Error::TimedOut { key: self.key.clone(), after: self.timeout };
        self.counters.restart();
        self.counters.enter(Phase::Listing);
        let rejected = if self.reads_snapshot {
            let opened = tokio::time::timeout(self.timeout, self.open_snapshot(at_least)).await;
            match opened.map_err(timed_out)?? {
                FromSnapshot::Opened(session) => {
                    self.persist_metrics.opened(persist::Source::Snapshot);
                    return Ok(*session);
                }
                FromSnapshot::Absent => None,
                FromSnapshot::Rejected(rejected) => Some(self.reject(rejected)),
            }
        } else {
            None
        };
        let first = async {
            let prefixes = places::prefixes(&*self.store, &self.key, &self.places).await?;
            Pages::first(Arc::clone(&self.store), prefixes).await
        };
        let mut pages = tokio::time::timeout(self.timeout, first).await.map_err(timed_out)?.map_err(Error::from)?;
        if pages.objects.is_empty() && pages.is_last() {
            // A part that could not be listed may have objects.
            let skipped = pages.objects.skipped.pop().map(Error::from);
            let nothing = || rejected.unwrap_or_else(|| Error::NothingStored(self.key.clone()));
            return Err(skipped.unwrap_or_else(nothing).into());
        }
        self.counters.enter(Phase::Queued);
        let estimate = estimate(pages.objects.events.bytes).saturating_mul(if pages.is_last() { 1 } else { 2 });
        let waiting = Instant::now();
        let permit = if self.idle_only {
            self.lanes.admit_idle(estimate.max(at_least)).ok_or(Error::Busy)?
        } else {
            self.lanes.admit(estimate.max(at_least)).await
        };
        self.metrics.queued(waiting.elapsed());
        self.counters.enter(Phase::Reading);
        let _running = self.metrics.loading();
        let built = tokio::time::timeout(self.timeout, self.read(&mut pages, permit)).await.map_err(timed_out)??;
        self.persist_metrics.opened(persist::Source::Raw);
        Ok(built)
    }

    async fn read(&self, pages: &mut Pages, permit: Arc<LoadPermit>) -> Result<OpenSession, AttemptError> {
        let (started, listed_at) = (Instant::now(), now());
        let read = tokio::select! {
            read = self.read_files(pages, &permit) => Ok(read?),
            outgrown = permit.outgrows() => Err(outgrown),
        };
        // A thread that may hold no more has not read everything, even if reading ended before that was noticed.
        let read = permit.outgrown().map_or(read, Err);
        let read = read.map_err(|(held, error)| self.outgrown(held, error))?;
        let Contents { mut events, mut facts, endpoints, manifests } = read;
        // Jobs are built from the submission records before those are dropped.
        let stored = submission::weight_of_stored(&endpoints.bodies) as u64;
        let _jobs = permit.hold(stored + JOB_BYTES_PER_BYTE * facts.facts.weight_of_submissions() as u64);
        permit.cover().map_err(|(held, error)| self.outgrown(held, error))?;
        self.counters.enter(Phase::Finishing);
        let mut objects = std::mem::take(&mut pages.objects);
        let nodes = std::mem::take(&mut objects.nodes);
        let records = std::mem::take(&mut events.records);
        let records = if nodes.manifests.is_empty() { BTreeMap::new() } else { pages.by_node(records) };
        let (digest, newest) = (objects.digest(), objects.newest);
        let event_objects = objects.events.clone();
        let left_out =
            objects.skipped.len() + facts.unreadable.len() + endpoints.unreadable.len() + manifests.unreadable.len();
        let unread = events.unread + left_out as u64;
        let nothing_read = self.nothing_read(&event_objects, &mut events);
        if let Some(error) = &nothing_read
            && objects.has_no_logs()
            && endpoints.bodies.is_empty()
        {
            return Err(error.clone().into());
        }
        let mut builder = events.builder;
        let report = builder.completeness_mut();
        let skipped = objects.skipped.iter().map(|error| (error.key().to_owned(), error.to_string()));
        let unreadable = facts.unreadable.into_iter().chain(endpoints.unreadable).chain(endpoints.damaged);
        for (file, why) in skipped.chain(unreadable).chain(manifests.unreadable.iter().cloned()) {
            report.unreadable_files.add(&file, 0, why);
        }
        // Empty files are not read; files without records are counted already.
        report.empty_event_files += event_objects.empty;
        report.overwritten_hours = event_objects.overwritten_hours;
        self.metrics.read(self.counters.now().bytes_done, unread, report.damaged_records.count);
        let (logs, kept) = (objects.into_logs(), facts.kept.take());
        let names = Arc::new(LogNames::of(&manifests));
        let (snapshot, proved) = {
            let logs = logs.clone();
            let lists = endpoints.bodies.iter().filter(|(url, _)| is_polled_list(url));
            let _held = permit.hold(lists.map(|(_, body)| WHILE_ADDED * body.len() as u64).sum());
            let finish = move || {
                let snapshot = finish(builder, facts.facts, endpoints.bodies, &logs, event_objects);
                let proved = Proved::build(&snapshot, records, &manifests, nodes, listed_at);
                (snapshot, proved)
            };
            permit.run(finish).await?
        };
        Ok(OpenSession::new(
            self.key.clone(),
            Arc::new(snapshot),
            logs.named(names),
            digest,
            newest,
            unread,
            started.elapsed(),
            Origin { kept, persisted: None },
            &permit,
        )
        .without_tables(nothing_read)
        .proved(proved))
    }

    /// Reads all files of a session, while further pages are listed.
    async fn read_files(&self, pages: &mut Pages, permit: &Arc<LoadPermit>) -> Result<Contents, Error> {
        let (store, key, counters) = (&self.store, &self.key, &self.counters);
        // If both trees have a log file, the complete listing decides which one counts.
        let early = if pages.is_last() {
            None
        } else {
            Some(events::read(store, key, pages.event_files(), counters, permit).await?)
        };
        let first = stream::iter([Ok(pages.take_first())]);
        let (manifests, unread_segments) = self.read_own(&mut pages.objects, permit).await;
        let objects = &pages.objects;
        permit.add(objects.weight());
        let logs = &objects.log_store(store);
        let (events, facts, endpoints, early) = tokio::join!(
            async {
                match early {
                    Some(events) => Ok(events),
                    None => events::read(store, key, first, counters, permit).await,
                }
            },
            facts::read_facts(logs, objects, counters, permit, self.keeps_facts),
            endpoints::read_endpoints(store, objects, counters, permit),
            processes::read_early(logs, objects, counters, permit),
        );
        let (events, mut facts, endpoints) = (events?, facts?, endpoints?);
        let named = &facts.facts.processes;
        let missing =
            processes::read_missing(logs, objects, &events.builder, named, &early.logs, counters, permit).await;
        for found in [early, missing] {
            facts.facts.processes.merge(found.logs);
            facts.unreadable.extend(found.unreadable);
        }
        facts.unreadable.extend(unread_segments);
        Ok(Contents { events, facts, endpoints, manifests })
    }

    /// Reads what only our own collector stores: manifests, and the ends of log files in segments. Returns the manifests,
    /// and segments that could not be read.
    async fn read_own(&self, objects: &mut SessionObjects, permit: &Arc<LoadPermit>) -> (Manifests, Unreadable) {
        // As a text, and parsed.
        let held = |bytes| permit.hold(3 * bytes);
        let manifests = manifests::read(&self.store, &objects.nodes.manifests, held).await;
        if manifests.found.is_empty() {
            // There is nothing to compare these with.
            objects.nodes.stored.clear();
        }
        objects.nodes.segments.retain(|segment| manifests.needs(segment));
        let is_stored = |node: &str, path: &str| objects.has_log(node, path);
        let held = |bytes| permit.hold(bytes);
        let known = Indexes::default();
        let mut segments = segments::read(&self.store, &objects.nodes.segments, &known, held, is_stored).await;
        let unreadable = std::mem::take(&mut segments.unreadable);
        objects.continue_logs(segments);
        (manifests, unreadable)
    }

    /// Returns the error if there are event files and none of them could be read. Empty files are not read.
    fn nothing_read(&self, objects: &EventObjects, events: &mut Events) -> Option<Error> {
        let filled = objects.files.saturating_sub(objects.empty);
        let report = events.builder.completeness_mut();
        if filled == 0 || report.unreadable_files.count < filled || report.records > 0 {
            return None;
        }
        let why = report.unreadable_files.examples.first().map(|p| p.problem.clone()).unwrap_or_default();
        let (files, archived) = (filled as usize, events.archived >= filled);
        Some(Error::NothingReadable { key: self.key.clone(), files, why, archived })
    }

    /// Tells of a persisted snapshot that cannot be used, and returns the error for the case that there is no raw data.
    fn reject(&self, rejected: Rejected) -> Error {
        let Rejected { key, why, words } = rejected;
        self.persist_metrics.rejected(why);
        tracing::warn!(session.key = %self.key, object = key, error = words, "a persisted snapshot cannot be used; the raw data is read");
        let is_newer = why == persist::Rejection::Newer;
        Error::PersistedUnusable(Box::new(Unusable { key: self.key.clone(), object: key, why: words, is_newer }))
    }

    fn outgrown(&self, held: u64, error: CoverError) -> AttemptError {
        match error {
            CoverError::Retry => AttemptError::Outgrown(held),
            CoverError::TooLarge(limit) => {
                AttemptError::Load(Error::TooLarge { key: self.key.clone(), needed: held, limit })
            }
        }
    }
}

/// Estimates the bytes held while a session is built.
fn estimate(stored: EventBytes) -> u64 {
    BASE + stored.gzip.saturating_mul(PER_GZIP_BYTE) + (stored.plain / 10).saturating_mul(PER_TEN_PLAIN_BYTES)
}

fn finish(
    mut builder: Builder,
    facts: Facts,
    mut endpoints: BTreeMap<String, Box<str>>,
    logs: &LogIndex,
    events: EventObjects,
) -> Snapshot {
    // These lists are long, and no request is answered with them.
    for (url, body) in endpoints.extract_if(.., |url, _| is_polled_list(url)) {
        builder.add_polled(&url, &body);
    }
    let mut snapshot = builder.finish(&facts);
    snapshot.nodes.retain(|node| {
        let is_here = |hex: &str| events.nodes.contains(hex) || logs.paths(hex).next().is_some();
        !node.is_foreign || is_here(&node.id.hex())
    });
    let without_logs = snapshot.nodes.iter().map(|node| node.id.hex()).filter(|node| logs.paths(node).next().is_none());
    snapshot.completeness.nodes_without_logs = without_logs.collect();
    worker_pids::fill(&mut snapshot, logs.iter().map(|(_, path, _)| path));
    snapshot.facts = facts;
    let mut processes = std::mem::take(&mut snapshot.facts.processes);
    snapshot.facts.monitor.set_missing_version(std::mem::take(&mut processes.gcs.ray));
    snapshot.endpoints = endpoints;
    snapshot.derive();
    let logged = processes.workers.iter().filter(|(id, log)| !is_driver(id) && log.has_registered());
    snapshot.judge(&Evidence {
        event_nodes: events.nodes,
        log_nodes: logs.nodes().map(str::to_owned).collect(),
        event_files: events.files,
        submissions: snapshot.jobs.iter().filter(|job| job.submission_id.is_some()).count() as u64,
        logged_workers: logged.count() as u64,
        logged_actors: processes.gcs.actors.len() as u64,
        logged_nodes: processes.gcs.nodes.len() as u64,
        gcs_log_stored: logs.iter().any(|(_, path, _)| Source::of(path) == Some(Source::Gcs)),
    });
    snapshot
}
