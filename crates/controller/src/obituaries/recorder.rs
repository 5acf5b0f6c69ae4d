//! The recorder: has documents and rows of the ledger written when there is news, and tells the index of them.
//!
//! The leader writes. The others keep what they have seen, and take an end as told when the leader lived long enough after
//! it, so that the next leader writes what the last one could not.

use super::super::pending_deaths::Leader;
use super::documents::{Author, Bucket, Written, trouble};
use super::ledger::News;
use super::missing_rows::MissingRows;
use super::shared::{Shared, now};
use super::unwatched::Unwatched;
use ray_history_core::base::chain::chain;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::records::Due;
use ray_history_session::obituaries::Obituaries;
use ray_history_storage::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Interval at which the records are searched for news.
const TICK: Duration = Duration::from_secs(1);
/// Searches after which the facts are weighed.
const WEIGHED: u32 = 10;
/// Documents that are written concurrently.
const AT_ONCE: usize = 8;
/// Pause after a failed write.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Longest time to write the last news at the end.
const LAST: Duration = Duration::from_secs(1);
/// Time that the leader has to write an end, after which another replica takes it as told.
const TOLD_WITHIN: Duration = Duration::from_secs(90);

/// The place where documents go.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// The store is not connected yet.
    Nowhere,
    /// The memory of this replica.
    Memory,
    /// A bucket.
    Bucket(Arc<Bucket>),
}

/// Records until the token is cancelled, then writes the last rows.
pub(super) struct Recorder {
    pub(super) shared: Arc<Shared>,
    pub(super) index: Arc<Obituaries>,
    pub(super) author: Author,
    pub(super) place: watch::Receiver<Place>,
    pub(super) leader: watch::Receiver<Leader>,
    /// The runs that are over, for their Events.
    pub(super) ended: mpsc::UnboundedSender<Vec<Row>>,
}

impl Recorder {
    pub(super) async fn run(self, stop: CancellationToken) {
        let (mut books, mut ends) = (Books::default(), Ends::default());
        let mut paused: Option<Instant> = None;
        let mut turn = 0_u32;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(TICK) => {}
            }
            // To weigh all facts takes longer than to look for news.
            if turn.is_multiple_of(WEIGHED) {
                self.shared.limit();
            }
            turn = turn.wrapping_add(1);
            let (leader, place) = (*self.leader.borrow(), self.place.borrow().clone());
            let keeps = matches!((leader, &place), (_, Place::Memory) | (Leader::Us, Place::Bucket(_)));
            self.shared.set_keeps_documents(keeps);
            let due = self.shared.records.lock().due(now());
            match (leader, place) {
                (_, Place::Memory) => self.keep(due).await,
                (Leader::Other(alive), Place::Bucket(_)) => {
                    books.missing_rows = MissingRows::default();
                    self.leave_to_leader(due, alive, &mut ends);
                }
                (Leader::Us, Place::Bucket(bucket)) if paused.is_none_or(|until| Instant::now() >= until) => {
                    let failure = self.record(&bucket, due, &mut books).await.err();
                    paused = failure.is_some().then(|| Instant::now() + AFTER_FAILURE);
                    self.shared.set_writing(failure.map(|error| trouble(&error)));
                }
                // News wait for a place, a leader, or the end of a pause.
                (_, Place::Nowhere | Place::Bucket(_)) => {}
            }
            self.shared.records.lock().forget(now());
        }
        let place = self.place.borrow().clone();
        if let Place::Bucket(bucket) = place {
            let _ = tokio::time::timeout(LAST, books.news.write(&bucket, &self.author.replica, true)).await;
        }
    }

    /// Keeps documents in memory.
    async fn keep(&self, due: Vec<Due>) {
        let mut told = Vec::new();
        for due in due {
            let Some(document) = self.author.document(&self.shared, &due.object) else { continue };
            self.shared.records.lock().written(&document, now());
            let bytes = document.to_bytes().map_or(0, |bytes| bytes.len() as u64);
            told.push(Told { rows: Row::of(&document, bytes), is_final: document.is_final });
            self.index.keep(document);
        }
        self.apply(told).await;
    }

    /// Writes what is due. A document that cannot be written keeps no row of others from the ledger.
    async fn record(&self, bucket: &Arc<Bucket>, due: Vec<Due>, books: &mut Books) -> Result<(), Error> {
        let Books { news, unwatched, missing_rows } = books;
        let written = self.write_all(bucket, due, news).await;
        news.write(bucket, &self.author.replica, false).await?;
        news.join_days(bucket).await?;
        news.add(unwatched.next(bucket, &self.author, &self.shared, &self.index).await);
        news.add(missing_rows.next(bucket, &self.index).await);
        written
    }

    /// Writes documents, several at once. Fails with the first error; what could not be written is still due.
    async fn write_all(&self, bucket: &Arc<Bucket>, due: Vec<Due>, news: &mut News) -> Result<(), Error> {
        let (mut due, mut writes, mut first, mut told) = (due.into_iter(), JoinSet::new(), None, Vec::new());
        loop {
            while writes.len() < AT_ONCE
                && first.is_none()
                && let Some(Due { object, .. }) = due.next()
            {
                let (bucket, shared, author) = (Arc::clone(bucket), Arc::clone(&self.shared), self.author.clone());
                writes.spawn(async move { (bucket.write(&shared, &author, &object).await, object) });
            }
            match writes.join_next().await {
                None => break,
                Some(Ok((Ok(written), object))) => {
                    let new = self.wrote(written, &object);
                    news.add(new.rows.clone());
                    told.push(new);
                }
                Some(Ok((Err(error), object))) => {
                    tracing::debug!(error = %chain(&error), "an obituary could not be written");
                    first.get_or_insert(error);
                    told.push(self.keep_meanwhile(&object));
                }
                Some(Err(error)) => {
                    tracing::error!(error = %chain(&error), "an obituary could not be written; please report this");
                }
            }
        }
        self.apply(told).await;
        first.map_or(Ok(()), Err)
    }

    /// Returns the rows that a write made new.
    fn wrote(&self, written: Written, object: &ObjectId) -> Told {
        match written {
            Written::Document(document, rows) => Told { rows, is_final: document.is_final },
            Written::Known(rows) => {
                let known = self.index.of_object(&object.namespace, &object.uid);
                let is_known =
                    |row: &Row| known.iter().any(|known| known.run == row.run && known.revision >= row.revision);
                Told { rows: rows.into_iter().filter(|row| !is_known(row)).collect(), is_final: false }
            }
            Written::Nothing => {
                self.take_as_told(object);
                Told::default()
            }
            Written::Newer(schema) => {
                tracing::warn!(object = %object.name, schema, "an obituary of a newer version stays as it is");
                self.take_as_told(object);
                Told::default()
            }
        }
    }

    /// Shows a document that could not be written, and returns its rows.
    fn keep_meanwhile(&self, object: &ObjectId) -> Told {
        let Some(document) = self.author.document(&self.shared, object) else { return Told::default() };
        let rows = Row::of(&document, 0);
        self.index.keep(document);
        Told { rows, is_final: false }
    }

    /// Joins rows into the index, all of one search at once: it copies its table. Then tells of runs that are over, because
    /// whoever hears of them asks the index for their sessions.
    async fn apply(&self, told: Vec<Told>) {
        let rows: Vec<Row> = told.iter().flat_map(|told| told.rows.iter().cloned()).collect();
        if rows.is_empty() {
            return;
        }
        let index = Arc::clone(&self.index);
        if let Err(error) = tokio::task::spawn_blocking(move || index.apply(rows)).await {
            tracing::error!(error = %chain(&error), "why runs ended could not be shown; please report this");
        }
        for told in told.into_iter().filter(|told| told.is_final) {
            let _ = self.ended.send(told.rows);
        }
    }

    /// Takes ends as told that the leader has outlived for long enough.
    fn leave_to_leader(&self, due: Vec<Due>, alive: Instant, ends: &mut Ends) {
        for object in ends.outlived(due, alive) {
            self.take_as_told(&object);
        }
    }

    fn take_as_told(&self, object: &ObjectId) {
        if let Some(document) = self.author.document(&self.shared, object) {
            self.shared.records.lock().written(&document, now());
        }
    }
}

/// The work of a leader beside the news of its watches.
#[derive(Debug, Default)]
struct Books {
    news: News,
    unwatched: Unwatched,
    missing_rows: MissingRows,
}

/// Rows of one document.
#[derive(Debug, Default)]
struct Told {
    rows: Vec<Row>,
    /// `true` if the object is gone.
    is_final: bool,
}

/// Ends that the leader is to write, with the times at which they were seen.
#[derive(Debug, Default)]
struct Ends(std::collections::HashMap<ObjectId, Instant>);

impl Ends {
    /// Adds final news, and returns those that the leader has outlived.
    fn outlived(&mut self, due: Vec<Due>, alive: Instant) -> Vec<ObjectId> {
        let due: Vec<ObjectId> = due.into_iter().filter(|due| due.is_final).map(|due| due.object).collect();
        self.0.retain(|object, _| due.contains(object));
        let now = Instant::now();
        due.into_iter().filter(|object| *self.0.entry(object.clone()).or_insert(now) + TOLD_WITHIN < alive).collect()
    }
}
