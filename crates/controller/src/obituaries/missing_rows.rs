//! Documents of which no row tells: their writer was killed after it put them and before their rows were stored, and their
//! objects may be gone.
//!
//! A replica that begins to lead, or gets another bucket, lists the documents once, after the ledger was read. Those without
//! a row are read, newest first, one a second. Their rows go into the ledger alone, from which every replica reads them, and
//! what is not final becomes so as any other (`unwatched`). Where the index left out old rows, which tell of documents as old,
//! only newer documents are looked for.

use super::documents::Bucket;
use futures_util::StreamExt;
use ray_history_core::base::chain::chain;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_session::obituaries::Obituaries;
use ray_history_storage::{Delimiter, Error, ErrorKind};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Documents that one listing finds, the newest; then another one is made.
const FOUND: usize = 10_000;
/// Pause after a request that the store could not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The search for documents without rows.
#[derive(Debug, Default)]
pub(super) struct MissingRows {
    /// The bucket that all of this is about.
    bucket: Option<Arc<Bucket>>,
    stage: Stage,
    paused: Option<Instant>,
}

/// The progress of the search.
#[derive(Debug, Default)]
enum Stage {
    /// The ledger is to be read first.
    #[default]
    Begins,
    /// The documents are being listed.
    Lists(JoinSet<Result<Found, Error>>),
    /// Documents are read.
    Reads(Found),
    /// Every document has its rows, or cannot be read.
    Done,
}

/// Documents without rows.
#[derive(Debug, Default)]
struct Found {
    objects: VecDeque<ObjectId>,
    /// `true` if there are more.
    is_cut: bool,
    /// `true` if one of them had rows to add.
    has_told: bool,
}

impl MissingRows {
    /// Takes the next step, which is at most one request of its own, and returns the rows of a document that had none.
    pub(super) async fn next(&mut self, bucket: &Arc<Bucket>, index: &Arc<Obituaries>) -> Vec<Row> {
        if !self.bucket.as_ref().is_some_and(|known| Arc::ptr_eq(known, bucket)) {
            *self = Self { bucket: Some(Arc::clone(bucket)), ..Self::default() };
        }
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return Vec::new();
        }
        match &mut self.stage {
            Stage::Done => {}
            Stage::Begins => {
                let counts = index.counts();
                if counts.is_read && counts.error.is_none() {
                    let mut listing = JoinSet::new();
                    listing.spawn(list(Arc::clone(bucket), Arc::clone(index)));
                    self.stage = Stage::Lists(listing);
                }
            }
            Stage::Lists(listing) => match listing.try_join_next() {
                None => {}
                Some(Ok(Ok(found))) => self.stage = Stage::Reads(found),
                Some(Ok(Err(error))) => {
                    tracing::warn!(error = %chain(&error), "obituaries without rows in the ledger cannot be looked for now");
                    self.begin_after_failure();
                }
                Some(Err(error)) => {
                    tracing::error!(error = %chain(&error), "obituaries were not listed; please report this");
                    self.stage = Stage::Done;
                }
            },
            Stage::Reads(found) => match found.objects.pop_front() {
                Some(object) => return self.read(bucket, index, object).await,
                None if found.is_cut && found.has_told => self.stage = Stage::Begins,
                None => self.stage = Stage::Done,
            },
        }
        Vec::new()
    }

    /// Reads the document of an object, and returns its rows.
    async fn read(&mut self, bucket: &Bucket, index: &Obituaries, object: ObjectId) -> Vec<Row> {
        // A piece of another writer was read meanwhile.
        if !index.of_object(&object.namespace, &object.uid).is_empty() {
            return Vec::new();
        }
        match bucket.rows(&object).await {
            Ok(mut rows) => {
                let since = index.complete_since();
                rows.retain(|row| since.is_none_or(|since| row.to.max(row.from) >= Some(since)));
                if let Stage::Reads(found) = &mut self.stage
                    && !rows.is_empty()
                {
                    tracing::debug!(object = %object.name, "an obituary had no row in the ledger; it is added");
                    found.has_told = true;
                }
                return rows;
            }
            Err(error) if matches!(error.kind(), ErrorKind::Throttled | ErrorKind::Unavailable) => {
                tracing::debug!(error = %chain(&error), "an obituary without rows in the ledger cannot be read for now");
                if let Stage::Reads(found) = &mut self.stage {
                    found.objects.push_back(object);
                }
                self.paused = Some(Instant::now() + AFTER_FAILURE);
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "an obituary without rows in the ledger cannot be read");
            }
        }
        Vec::new()
    }

    fn begin_after_failure(&mut self) {
        self.stage = Stage::Begins;
        self.paused = Some(Instant::now() + AFTER_FAILURE);
    }
}

/// Lists the documents, and returns those without rows, the newest first.
async fn list(bucket: Arc<Bucket>, index: Arc<Obituaries>) -> Result<Found, Error> {
    let since = index.complete_since();
    let prefix = ObjectId::prefix_of_all(&bucket.root);
    let mut pages = bucket.reader.list_pages(&prefix, Delimiter::None);
    let (mut found, mut is_cut): (Vec<(Reverse<Time>, ObjectId)>, bool) = (Vec::new(), false);
    while let Some(page) = pages.next().await {
        let documents = page?.objects.into_iter().filter_map(|object| {
            let modified = object.modified.map_or(Time(i64::MAX), Time);
            let is_covered = since.is_none_or(|since| modified >= since);
            Some((Reverse(modified), ObjectId::from_key(&bucket.root, &object.key)?)).filter(|_| is_covered)
        });
        let (documents, index): (Vec<_>, _) = (documents.collect(), Arc::clone(&index));
        let without = tokio::task::spawn_blocking(move || index.without_rows(documents, |(_, object)| object));
        found.extend(without.await.map_err(|error| Error::failed(&prefix, error))?);
        if found.len() > 2 * FOUND {
            is_cut |= keep_newest(&mut found);
        }
    }
    is_cut |= keep_newest(&mut found);
    Ok(Found { objects: found.into_iter().map(|(_, object)| object).collect(), is_cut, has_told: false })
}

/// Keeps the newest documents in their order; returns `true` if others had to go.
fn keep_newest(found: &mut Vec<(Reverse<Time>, ObjectId)>) -> bool {
    found.sort_unstable();
    let is_cut = found.len() > FOUND;
    found.truncate(FOUND);
    is_cut
}
