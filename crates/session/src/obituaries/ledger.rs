//! Reads the ledger of a bucket: all days at the start, the newest first, then what is new.
//!
//! ```text
//!  survey  ── LIST of the days ──► of each, newest first: {day}.jsonl.gz, LIST of {day}/ ──► pieces not read yet
//!  look    ── LIST of today's folder ──────────────────────────────────────────────────────► pieces not read yet
//! ```
//!
//! A survey is made at the start, after a failure and when the day has changed; else a look costs one list request, and a
//! read for each new piece. Nothing is read twice, but a day that was joined after its pieces were read. Days for which
//! there is no memory are left out, and counted. What cannot be read is said, and stops nothing.

use super::Obituaries;
use crate::catalog::Lister;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lines::Lines;
use ray_history_core::base::chain::chain;
use ray_history_core::layout::Root;
use ray_history_metrics::catalog::{Metrics, Purpose};
use ray_history_obituary::ledger::{Ledger, Piece, Row};
use ray_history_obituary::time::Time;
use ray_history_storage::{Delimiter, Error, ErrorKind, Storage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod keep;
mod lines;

/// Longest piece that is read, in bytes: of ten thousand rows.
const MAX_PIECE: u64 = 8 << 20;
/// Longest day that is read, compressed.
const MAX_DAY: u64 = 64 << 20;
/// Pieces that are read concurrently.
const AT_ONCE: usize = 8;
/// Pieces that one pass reads; the next one reads others.
const MAX_PIECES: usize = 5_000;
/// Newest days whose pieces are remembered one by one; of earlier ones, a survey reads again what is not joined.
const MAX_DAYS_OF_PIECES: usize = 62;
/// Rows that are joined at once: each join copies the table.
const ROWS: usize = 10_000;
/// Seconds of a new day for which pieces of the one before may come.
const LATE: i64 = 600;

/// The parts of the ledger of one store that were read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Pieces that were read, by day.
    pieces: BTreeMap<String, BTreeSet<String>>,
    /// Tags of the days that were read.
    days: BTreeMap<String, Option<String>>,
    /// The day of the last survey; `None` if another one is due.
    surveyed: Option<String>,
    /// Lines that are no rows.
    pub(super) malformed: usize,
    /// Pieces and days that will never be read: they are damaged, or too long.
    pub(super) damaged: BTreeSet<String>,
    /// Days that were left out, because there was no memory for their rows.
    pub(super) days_left_out: usize,
    /// The reason why the ledger, or a part of it, could not be read last time.
    pub(super) error: Option<String>,
    /// `true` once everything was read that is to be read.
    pub(super) is_read: bool,
}

impl Progress {
    /// Has all days looked through again at the next pass.
    pub(super) fn survey_again(&mut self) {
        self.surveyed = None;
    }
}

/// The result of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pass {
    /// Objects that were read.
    pub(super) read: usize,
    /// List requests.
    pub(super) requests: u64,
    /// `true` if a part could not be read.
    pub(super) has_failed: bool,
}

/// One pass over the ledger of a store.
struct Reader<'a> {
    obituaries: &'a Arc<Obituaries>,
    store: Arc<dyn Storage>,
    lister: &'a Lister<'a>,
    /// The number of the store: what was read of an earlier one is forgotten.
    generation: u64,
    pass: Pass,
    first_error: Option<String>,
}

impl Obituaries {
    /// Reads what is new in the ledger of the store.
    pub(super) async fn read_ledger(self: &Arc<Self>, metrics: &Metrics, now: Time) -> Pass {
        let _reading = self.reading.lock().await;
        let bucket = self.bucket();
        let generation = bucket.generation;
        let lister = Lister::new(&*bucket.store, metrics, Purpose::Ledger);
        let store = Arc::clone(&bucket.store);
        let mut reader =
            Reader { obituaries: self, store, lister: &lister, generation, pass: Pass::default(), first_error: None };
        let today = now.day();
        let survey = self.progress.lock().surveyed.as_deref() != Some(&today);
        if survey {
            self.with_progress(generation, |progress| progress.days_left_out = 0);
        }
        for root in bucket.roots.iter().flat_map(Root::spellings) {
            let ended = if survey {
                reader.survey(&root).await
            } else {
                let late = now.plus(-LATE).day();
                let days = BTreeSet::from([today.clone(), late]);
                reader.look(&root, days).await
            };
            if let Err(error) = ended {
                reader.failed(&error);
            }
        }
        let Reader { pass: Pass { read, .. }, first_error, .. } = reader;
        let has_failed = first_error.is_some();
        self.with_progress(generation, |progress| {
            progress.surveyed = Some(today).filter(|_| !has_failed);
            progress.is_read = true;
            if let Some(error) = first_error.as_ref().filter(|_| progress.error != first_error) {
                tracing::warn!(error, "the ledger of why runs ended could not be read; the list may lack causes");
            }
            progress.error = first_error;
        });
        let pass = Pass { read, requests: lister.requests(), has_failed };
        metrics.passed(Purpose::Ledger, Some(std::time::SystemTime::now()).filter(|_| !has_failed));
        pass
    }

    /// Changes what is known of the ledger, unless the store was replaced.
    fn with_progress<T>(&self, generation: u64, change: impl FnOnce(&mut Progress) -> T) -> Option<T> {
        let mut progress = self.progress.lock();
        (self.bucket().generation == generation).then(|| change(&mut progress))
    }
}

impl Reader<'_> {
    /// Reads all days below a root, the newest first, until there is no memory for more.
    async fn survey(&mut self, root: &str) -> Result<(), Error> {
        let prefix = Piece::prefix(root);
        let (mut whole, mut folders) = (BTreeMap::new(), BTreeSet::new());
        let (mut next, mut paging) = (None, self.lister.paging());
        loop {
            let page = self.lister.page(&prefix, Delimiter::Slash, next, &mut paging).await?;
            for error in &page.skipped {
                self.failed(error);
            }
            for object in page.objects {
                if let Some(Piece::Day(day)) = Piece::from_key(root, &object.key) {
                    whole.insert(day, object);
                }
            }
            let days = page.prefixes.iter().filter_map(|folder| folder.strip_prefix(&prefix)?.strip_suffix('/'));
            folders.extend(days.filter(|day| is_day(day)).map(str::to_owned));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let days: BTreeSet<String> = whole.keys().chain(&folders).cloned().collect();
        for (place, day) in days.iter().rev().enumerate() {
            if self.is_full(day) {
                let left_out = days.len() - place;
                self.obituaries.with_progress(self.generation, |progress| progress.days_left_out += left_out);
                return Ok(());
            }
            if let Some(object) = whole.get(day) {
                self.day(day, &object.key, object.etag.clone()).await;
            }
            if folders.contains(day) {
                self.look(root, BTreeSet::from([day.clone()])).await?;
            }
        }
        Ok(())
    }

    /// Reads the pieces of days that were not read.
    async fn look(&mut self, root: &str, days: BTreeSet<String>) -> Result<(), Error> {
        for day in days {
            let mut keys = Vec::new();
            let prefix = format!("{}{day}/", Piece::prefix(root));
            let (mut next, mut paging) = (None, self.lister.paging());
            loop {
                let page = self.lister.page(&prefix, Delimiter::None, next, &mut paging).await?;
                for error in &page.skipped {
                    self.failed(error);
                }
                keys.extend(page.objects.into_iter().map(|object| object.key));
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
            keys.retain(|key| matches!(Piece::from_key(root, key), Some(Piece::Written { .. })));
            let known = |progress: &mut Progress| progress.pieces.get(&day).cloned().unwrap_or_default();
            let known = self.obituaries.with_progress(self.generation, known).unwrap_or_default();
            keys.retain(|key| !known.contains(key));
            keys.sort_unstable_by(|a, b| b.cmp(a));
            self.pieces(&day, keys).await;
        }
        Ok(())
    }

    /// Reads pieces of a day, the newest first.
    async fn pieces(&mut self, day: &str, mut keys: Vec<String>) {
        let room = MAX_PIECES.saturating_sub(self.pass.read);
        if keys.len() > room {
            keys.truncate(room);
            self.first_error.get_or_insert_with(|| format!("the pieces of {day} are too many for one pass"));
        }
        let store = Arc::clone(&self.store);
        let read = stream::iter(keys).map(|key| {
            let store = Arc::clone(&store);
            async move {
                let bytes = store.read_all(&key, MAX_PIECE).await;
                (key, bytes)
            }
        });
        let mut read = read.buffer_unordered(AT_ONCE);
        let (mut rows, mut done, mut malformed) = (Vec::new(), Vec::new(), 0);
        while let Some((key, bytes)) = read.next().await {
            match bytes {
                Ok(bytes) => {
                    let mut ledger = Ledger::default();
                    malformed += ledger.read(&bytes);
                    rows.extend(ledger.rows().cloned());
                    done.push(key);
                }
                // It was joined into its day meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                // It will not be shorter next time.
                Err(error) if error.kind() == ErrorKind::TooLarge => {
                    self.damaged(&key, &error.to_string());
                    done.push(key);
                }
                Err(error) => self.failed(&error),
            }
            if rows.len() >= ROWS {
                self.join(std::mem::take(&mut rows)).await;
            }
        }
        drop(read);
        self.join(rows).await;
        self.pass.read += done.len();
        self.malformed(malformed);
        self.obituaries.with_progress(self.generation, |progress| {
            progress.pieces.entry(day.to_owned()).or_default().extend(done);
            // Pieces of days that nobody joins are read again.
            while progress.pieces.len() > MAX_DAYS_OF_PIECES {
                progress.pieces.pop_first();
            }
        });
    }

    /// Reads a day whose pieces were joined, unless it was read before.
    async fn day(&mut self, day: &str, key: &str, etag: Option<String>) {
        let known = |progress: &mut Progress| progress.days.get(key) == Some(&etag);
        if self.obituaries.with_progress(self.generation, known) != Some(false) {
            return;
        }
        let packed = match self.store.read_all(key, MAX_DAY).await {
            Ok(packed) => packed,
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                self.damaged(key, &error.to_string());
                Bytes::new()
            }
            Err(error) => return self.failed(&error),
        };
        let mut lines = Lines::new(packed);
        loop {
            let unpacked = tokio::task::spawn_blocking(move || {
                let block = lines.next();
                (lines, block)
            });
            let Ok((rest, block)) = unpacked.await else { return };
            lines = rest;
            match block {
                Ok(Some((rows, malformed))) => {
                    self.malformed(malformed);
                    self.join(rows).await;
                }
                Ok(None) => break,
                Err(error) => {
                    self.damaged(key, &error.to_string());
                    break;
                }
            }
        }
        self.pass.read += 1;
        self.obituaries.with_progress(self.generation, |progress| {
            progress.days.insert(key.to_owned(), etag);
            // Its pieces go now.
            progress.pieces.remove(day);
        });
    }

    /// Joins rows, away from the threads that answer requests.
    async fn join(&self, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let (obituaries, generation) = (Arc::clone(self.obituaries), self.generation);
        let joined = tokio::task::spawn_blocking(move || obituaries.join_read(rows, generation));
        if let Err(error) = joined.await {
            tracing::error!(error = %chain(&error), "rows of the ledger could not be joined; please report this");
        }
    }

    /// Returns `true` if there is no memory for the rows of a day: rows had to go, and all that are kept are newer.
    fn is_full(&self, day: &str) -> bool {
        let is_newer = |last: i64| Time(last.saturating_mul(1_000)).day().as_str() > day;
        self.obituaries.counts().dropped > 0 && self.obituaries.rows().oldest().is_none_or(is_newer)
    }

    fn malformed(&self, lines: usize) {
        self.obituaries.with_progress(self.generation, |progress| {
            if lines > 0 && progress.malformed == 0 {
                tracing::warn!(lines, "the ledger of why runs ended has lines that are no rows; they are left out");
            }
            progress.malformed += lines;
        });
    }

    /// Notes a piece that will never be read.
    fn damaged(&self, key: &str, reason: &str) {
        tracing::warn!(key, reason, "a part of the ledger of why runs ended cannot be read; it is left out");
        self.obituaries.with_progress(self.generation, |progress| progress.damaged.insert(key.to_owned()));
    }

    fn failed(&mut self, error: &Error) {
        self.first_error.get_or_insert_with(|| error.to_string());
    }
}

fn is_day(text: &str) -> bool {
    Time::parse(&format!("{text}T00:00:00Z")).is_some_and(|time| time.day() == text)
}

#[cfg(test)]
mod tests;
