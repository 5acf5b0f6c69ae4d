//! Ends that nobody watched: documents of objects that went while no replica ran become final.
//!
//! The index of rows tells which documents are not final; of these, only those are read whose object is not there, newest
//! first, one a second. A document of another Kubernetes cluster stays as it is, and all do where other clusters share the
//! store. The rows of a final document go into the ledger alone, from which every replica reads them.

use super::documents::{Author, Bucket, Closed, Fate};
use super::shared::{Shared, now};
use ray_history_core::base::chain::chain;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_session::obituaries::Obituaries;
use ray_history_storage::ErrorKind;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two searches of the rows.
const BETWEEN: Duration = Duration::from_secs(30);
/// Interval of searches while a document is too young to tell that its object is gone.
const YOUNG: Duration = Duration::from_secs(15);
/// Interval of searches although neither the rows nor the lists have changed.
const ANYWAY: Duration = Duration::from_mins(10);
/// Pause after a request that the store could not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Objects that one search finds.
const FOUND: usize = 500;
/// Objects that are remembered because nothing is to be done about them.
const SETTLED: usize = 100_000;

/// The objects whose documents are to be looked at.
#[derive(Debug, Default)]
pub(super) struct Unwatched {
    /// The bucket that all of this is about.
    bucket: Option<Arc<Bucket>>,
    found: VecDeque<ObjectId>,
    /// The uids of objects whose documents were looked at: they are final, not ours, or cannot be read.
    settled: HashSet<String>,
    searched: Option<Searched>,
    paused: Option<Instant>,
}

/// The last search.
#[derive(Debug)]
struct Searched {
    at: Instant,
    /// The time of the next search, whether or not anything is new.
    next: Instant,
    known: Known,
}

/// Numbers that change when a search may find something else.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    changes: u64,
    rows: usize,
    bytes: u64,
}

impl Unwatched {
    /// Looks at the next document, and returns the rows of one that is final now. A document that cannot be read or replaced
    /// stops nothing else.
    pub(super) async fn next(
        &mut self,
        bucket: &Arc<Bucket>,
        author: &Author,
        shared: &Shared,
        index: &Arc<Obituaries>,
    ) -> Vec<Row> {
        if author.kubernetes.cluster.is_empty() || shared.shares_storage() {
            return Vec::new();
        }
        if !self.bucket.as_ref().is_some_and(|known| Arc::ptr_eq(known, bucket)) {
            *self = Self { bucket: Some(Arc::clone(bucket)), ..Self::default() };
        }
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return Vec::new();
        }
        if self.found.is_empty() {
            self.search_if_due(author, shared, index).await;
        }
        let Some(object) = self.found.pop_front() else { return Vec::new() };
        match bucket.close(author, &object, |at| fate(shared, &object, at)).await {
            Ok(Closed::Final(document)) => {
                tracing::debug!(object = %object.name, "an object went while nobody watched; its obituary is final now");
                self.settle(object);
                let length = document.to_bytes().map_or(0, |bytes| bytes.len() as u64);
                let rows = Row::of(&document, length);
                // It was final before if something of it is there still.
                shared.records.lock().join_stored(*document);
                return rows;
            }
            Ok(Closed::Held(stored)) => {
                tracing::debug!(object = %object.name, "an object went while nobody watched; its obituary waits for the rest of it");
                shared.records.lock().missed(*stored, now());
            }
            Ok(Closed::Foreign) => self.settle(object),
            Ok(Closed::NotYet) => {
                tracing::debug!(object = %object.name, "an object may be there; its obituary stays open");
                self.search_within(YOUNG);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Throttled | ErrorKind::Unavailable) => {
                tracing::debug!(error = %chain(&error), "the obituary of an object that went cannot be made final for now");
                self.found.push_back(object);
                self.paused = Some(Instant::now() + AFTER_FAILURE);
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the obituary of an object that went cannot be made final");
                self.settle(object);
            }
        }
        Vec::new()
    }

    /// Searches the rows if there is something new, or after a while.
    async fn search_if_due(&mut self, author: &Author, shared: &Shared, index: &Arc<Obituaries>) {
        let (now, counts) = (Instant::now(), index.counts());
        let known = Known { changes: shared.present.changes(), rows: counts.rows, bytes: counts.bytes };
        let is_due = |last: &Searched| now >= last.next || now >= last.at + BETWEEN && last.known != known;
        if !self.searched.as_ref().is_none_or(is_due) {
            return;
        }
        self.searched = Some(Searched { at: now, next: now + ANYWAY, known });
        let found = self.search(shared, index).await;
        if found.len() == FOUND {
            self.search_within(BETWEEN);
        }
        // The rows of one object are of one Kubernetes.
        let is_foreign = |object: &ObjectId| {
            let rows = index.of_object(&object.namespace, &object.uid);
            rows.iter().all(|row| !row.kubernetes.is_empty() && row.kubernetes != author.kubernetes.cluster)
        };
        for object in found {
            if is_foreign(&object) {
                self.settle(object);
            } else if !shared.records.lock().has_end(&object.uid) {
                self.found.push_back(object);
            }
        }
    }

    /// Finds objects that are not there.
    async fn search(&mut self, shared: &Shared, index: &Arc<Obituaries>) -> Vec<ObjectId> {
        let (index, present) = (Arc::clone(index), Arc::clone(&shared.present));
        let settled = std::mem::take(&mut self.settled);
        let searched = tokio::task::spawn_blocking(move || {
            // The time of its document is not known yet.
            let is_gone = |object: &ObjectId| present.lacks(object, Time::default(), now());
            let found = index.not_final(FOUND, |object| !settled.contains(&object.uid) && is_gone(object));
            (found, settled)
        });
        match searched.await {
            Ok((found, settled)) => {
                self.settled = settled;
                found
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "ends that nobody watched were not found; please report this");
                Vec::new()
            }
        }
    }

    fn search_within(&mut self, pause: Duration) {
        if let Some(searched) = &mut self.searched {
            searched.next = searched.next.min(Instant::now() + pause);
        }
    }

    fn settle(&mut self, object: ObjectId) {
        if self.settled.len() >= SETTLED {
            self.settled.clear();
        }
        self.settled.insert(object.uid);
    }
}

/// Returns what is known of an object that was there at a time.
fn fate(shared: &Shared, object: &ObjectId, at: Time) -> Fate {
    if !shared.present.lacks(object, at, now()) {
        return Fate::Open;
    }
    // Watches tell the records of an end first.
    let records = shared.records.lock();
    match (records.has_end(&object.uid), records.knows(&object.uid)) {
        (true, _) => Fate::Open,
        (false, true) => Fate::Held,
        (false, false) => Fate::Missed,
    }
}
