//! Why runs ended: rows of the ledger, and the documents behind them.
//!
//! A recorder tells what it has seen ([`Obituaries::apply`], [`Obituaries::keep`]); what other replicas and earlier ones
//! wrote is read from the bucket (`ledger`). Rows join by the greatest revision whoever tells them, so both may come in any
//! order and more than once. Rows and documents have a part of the memory budget each; the oldest go first, and are
//! counted.

mod documents;
mod ended;
mod found;
mod ledger;

pub use documents::DocumentError;

use crate::catalog::{FoundRuns, Listing};
use crate::ledger_rows::{Packed, Rows};
use crate::load::now;
use documents::Documents;
use ended::Ended;
use ledger::Progress;
use parking_lot::{Mutex, RwLock};
use ray_history_core::base::name::{ClusterId, SessionKey};
use ray_history_core::layout::Root;
use ray_history_metrics::catalog::Metrics;
use ray_history_obituary::document::{Document, ObjectId};
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_storage::Storage;
use std::collections::HashSet;
use std::sync::Arc;

/// Why runs ended, as far as it is known.
#[derive(Debug)]
pub struct Obituaries {
    bucket: RwLock<Bucket>,
    rows: RwLock<Arc<Rows>>,
    documents: Mutex<Documents>,
    counts: Mutex<Counts>,
    bytes: Mutex<usize>,
    found: Mutex<Option<FoundRuns>>,
    progress: Mutex<Progress>,
    ended: Mutex<Ended>,
    /// Held while the ledger is read.
    reading: tokio::sync::Mutex<()>,
    /// Held while rows are joined, so that none of two joins at once is lost.
    joining: Mutex<()>,
}

/// The store that documents and ledgers are read from.
#[derive(Clone, Debug)]
struct Bucket {
    store: Arc<dyn Storage>,
    roots: Vec<Root>,
    /// The number of the store among all that were in force.
    generation: u64,
}

/// Numbers of what is known, and of what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows, one for each run.
    pub rows: usize,
    /// Bytes of rows and documents.
    pub bytes: u64,
    /// Rows that were left out, the oldest, because there was no memory for them.
    pub dropped: usize,
    /// Rows with names that no object has.
    pub refused: usize,
    /// Documents that were kept in memory alone, and had to go.
    pub dropped_documents: usize,
    /// Lines of the ledger that are no rows.
    pub malformed: usize,
    /// Days of the ledger that were left out, because there was no memory for their rows.
    pub days_left_out: usize,
    /// Pieces and days of the ledger that will never be read: they are damaged, or too long.
    pub damaged: usize,
    /// The reason why the ledger could not be read last time.
    pub error: Option<String>,
    /// `true` once the ledger was read.
    pub is_read: bool,
}

impl Obituaries {
    /// Creates an index of at most so many bytes over a store of which nothing was read yet.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>, bytes: u64) -> Self {
        Self {
            bucket: RwLock::new(Bucket { store, roots, generation: 0 }),
            rows: RwLock::default(),
            documents: Mutex::default(),
            counts: Mutex::default(),
            bytes: Mutex::new(usize::try_from(bytes).unwrap_or(usize::MAX)),
            found: Mutex::default(),
            progress: Mutex::default(),
            ended: Mutex::new(Ended::since(now() / 1_000)),
            reading: tokio::sync::Mutex::default(),
            joining: Mutex::default(),
        }
    }

    /// Changes the bound.
    pub(super) fn resize(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        // Settings are applied often, and seldom with another bound.
        let before = std::mem::replace(&mut *self.bytes.lock(), bytes);
        if before == bytes {
            return;
        }
        if before < bytes {
            // Days that were left out may have room now.
            self.counts.lock().dropped = 0;
            self.progress.lock().survey_again();
        }
        self.join(Vec::new(), false, None);
        self.limit_documents();
    }

    /// Reads from another store from now on. What a recorder told stays, for it does not depend on a bucket.
    pub(super) fn replace_store(&self, store: Arc<dyn Storage>, roots: Vec<Root>) {
        let _joining = self.joining.lock();
        let generation = self.bucket().generation + 1;
        *self.bucket.write() = Bucket { store, roots, generation };
        *self.progress.lock() = Progress::default();
        let told = self.rows().told();
        *self.rows.write() = Arc::new(told);
        *self.counts.lock() = Counts::default();
        *self.found.lock() = None;
    }

    /// Joins rows that a recorder has found.
    pub fn apply(&self, rows: impl IntoIterator<Item = Row>) {
        self.join(rows.into_iter().collect(), true, None);
    }

    /// Keeps a document in memory only: one that is not stored yet, or never will be. The oldest of objects that are gone
    /// make room for others.
    pub fn keep(&self, document: Document) {
        self.documents.lock().keep(document);
        self.limit_documents();
    }

    /// Returns the document of an object: of the kept one and the stored one that with the greater revision.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read, or if what it has is no document of this version.
    pub async fn document(&self, object: &ObjectId) -> Result<Option<Document>, DocumentError> {
        let kept = self.documents.lock().find(&object.uid);
        let Bucket { store, roots, .. } = self.bucket();
        documents::find(&*store, &roots, object, kept).await
    }

    /// Returns the store that documents and ledgers are read from, for a recorder.
    pub fn store(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.bucket.read().store)
    }

    /// Returns the row that tells of a session; `None` if none does, or if it cannot be told which.
    pub fn of_session(&self, key: &SessionKey) -> Option<Row> {
        let rows = self.rows();
        let of_cluster = rows.rows_of_cluster(rows.of_cluster(&key.cluster));
        let candidates = of_cluster.of_session(&key.session, None, true, &|| None);
        candidates.best().and_then(|at| rows.all().get(at)).map(Packed::row)
    }

    /// Returns the rows of an object, one for each of its runs, the newest first.
    pub fn of_object(&self, namespace: &str, uid: &str) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows().of_object(namespace, uid).map(Packed::row).collect();
        rows.sort_by(|a, b| (b.from, &b.run).cmp(&(a.from, &a.run)));
        rows
    }

    /// Returns at most so many wanted objects whose documents are not known to be final, the newest first.
    pub fn not_final(&self, limit: usize, wants: impl Fn(&ObjectId) -> bool) -> Vec<ObjectId> {
        self.rows().not_final(limit, wants)
    }

    /// Returns those of some documents of whose object there is no row.
    pub fn without_rows<T>(&self, mut documents: Vec<T>, object: impl Fn(&T) -> &ObjectId) -> Vec<T> {
        let rows = self.rows();
        let asked: HashSet<&str> = documents.iter().map(|document| object(document).uid.as_str()).collect();
        let known: HashSet<&str> = rows.all().iter().map(Packed::uid).filter(|uid| asked.contains(uid)).collect();
        let keep: Vec<bool> = documents.iter().map(|document| !known.contains(object(document).uid.as_str())).collect();
        let mut keep = keep.into_iter();
        documents.retain(|_| keep.next().unwrap_or(true));
        documents
    }

    /// Returns the time before which rows of the ledger may have been left out, because there was no memory for them; `None`
    /// if none was.
    pub fn complete_since(&self) -> Option<Time> {
        let counts = self.counts();
        let oldest = self.rows().oldest().filter(|_| counts.dropped > 0 || counts.days_left_out > 0)?;
        Some(Time(oldest.saturating_mul(1_000)))
    }

    /// Reads what is new in the ledger of the store, once.
    pub async fn read_once(self: &Arc<Self>, metrics: &Metrics) {
        self.read_ledger(metrics, Time(now())).await;
    }

    /// Returns `true` if no session of a listing may be of the run that a row tells of.
    pub fn is_without_session(&self, listing: &Listing, row: &Row) -> bool {
        let rows = self.rows();
        let cluster = ClusterId { namespace: row.object.namespace.clone(), name: row.cluster.clone() };
        let of_cluster = rows.rows_of_cluster(rows.of_cluster(&cluster));
        let is_of_run = |at: usize| rows.all().get(at).is_some_and(|other| other.run() == row.run);
        !listing.of_cluster(&cluster).iter().any(|entry| {
            let session = &entry.key.session;
            of_cluster.of_session(session, entry.written, entry.namespace_known, &|| None).all().any(is_of_run)
        })
    }

    /// Returns the namespaces of all runs, in order.
    pub fn namespaces(&self) -> Vec<Arc<str>> {
        let rows = self.rows();
        let mut names: Vec<Arc<str>> = Vec::new();
        for row in rows.all() {
            if names.last() != Some(row.namespace()) {
                names.push(Arc::clone(row.namespace()));
            }
        }
        names
    }

    /// Returns the number of rows and what was left out.
    pub fn counts(&self) -> Counts {
        let rows = self.rows();
        let documents = self.documents.lock();
        let progress = self.progress.lock();
        Counts {
            rows: rows.len(),
            bytes: (rows.weight() + documents.bytes()) as u64,
            dropped_documents: documents.dropped(),
            malformed: progress.malformed,
            days_left_out: progress.days_left_out,
            damaged: progress.damaged.len(),
            error: progress.error.clone(),
            is_read: progress.is_read,
            ..self.counts.lock().clone()
        }
    }

    pub(super) fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.read())
    }

    fn bucket(&self) -> Bucket {
        self.bucket.read().clone()
    }

    /// Joins rows that were read of a store, if it is still in force.
    fn join_read(&self, rows: Vec<Row>, generation: u64) {
        self.join(rows, false, Some(generation));
    }

    /// Joins rows, at most three quarters of the memory; documents have the rest.
    fn join(&self, rows: Vec<Row>, is_told: bool, of_store: Option<u64>) {
        let _joining = self.joining.lock();
        if of_store.is_some_and(|generation| generation != self.bucket().generation) {
            return;
        }
        let bytes = *self.bytes.lock() / 4 * 3;
        let known = self.rows();
        let (joined, left_out) = known.joined(rows, is_told, bytes);
        // Readers keep what they found for the same rows.
        if joined != *known {
            *self.rows.write() = Arc::new(joined);
        }
        let mut counts = self.counts.lock();
        counts.dropped += left_out.dropped;
        counts.refused += left_out.refused;
    }

    fn limit_documents(&self) {
        let bytes = *self.bytes.lock() / 4;
        self.documents.lock().limit(bytes);
    }
}

#[cfg(test)]
mod tests;
