//! Brings the daily rollups up to date with the heads that are there. One process does this at a time; where two do, no
//! row is lost on a store that has conditions.
//!
//! ```text
//! news ─► their heads ─┐
//! the day's rollup ────┴► merged ─► put, if nobody changed it ─► the next table ─► news deleted
//! ```
//!
//! Every step may be the last: what is done again gives the same. `runs` is written last, so a session with a row there
//! has its rows everywhere; sessions without one are found by comparing it with the heads (`missing`).

mod heads;
mod views;

pub use views::views_of;

use super::outcome::Error;
use super::persister::{put, run};
use bytes::Bytes;
use heads::Heads;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{Day, FleetKeys, FleetTable};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_session::Sessions;
use ray_history_storage::{Delimiter, ErrorKind, ReadRange, Storage};
use ray_history_storage_write::{If, StorageWrite};
use ray_history_tables::{self as tables, FleetSession, MAX_ROLLUP, Told};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Tries against another writer of the same rollup.
const TRIES: u32 = 3;
/// Most sessions whose rows are in memory at once, and that one step takes.
pub const MOST_AT_ONCE: usize = 500;

/// Tells what others than a session know of its end.
pub type Tell = Arc<dyn Fn(&SessionKey) -> Told + Send + Sync>;

/// Returns what tells the ends of sessions that Kubernetes knew.
pub fn tell_of(sessions: &Arc<Sessions>) -> Tell {
    let sessions = Arc::clone(sessions);
    Arc::new(move |key: &SessionKey| {
        let row = sessions.why(key);
        let outcome = row.as_ref().map(|row| row.outcome).filter(|outcome| *outcome != Outcome::Unknown);
        Told { outcome, cause: row.and_then(|row| row.code).map(|code| code.name().into()) }
    })
}

/// Sessions by the day of their rollups.
pub type Days = BTreeMap<Day, Vec<SessionKey>>;

/// Brings rollups up to date.
#[derive(Clone)]
pub struct Rollup {
    reader: Arc<dyn Storage>,
    writer: Arc<dyn StorageWrite>,
    root: String,
    tell: Tell,
}

/// The result of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rolled {
    /// Sessions whose rows are those of their heads now.
    pub sessions: u64,
    /// Sessions whose head is damaged, or of a newer version: their rows stay as they are.
    pub skipped: u64,
    /// Bytes of each rollup that was written.
    pub bytes: Vec<(FleetTable, u64)>,
    /// `false` if another writer replaced a rollup again and again: the step is to be done again.
    pub is_done: bool,
}

impl Rollup {
    /// Returns what brings the rollups below `root` up to date, which is empty or ends in `/`.
    pub fn new(reader: Arc<dyn Storage>, writer: Arc<dyn StorageWrite>, root: String, tell: Tell) -> Self {
        Self { reader, writer, root, tell }
    }

    fn keys(&self) -> FleetKeys<'_> {
        FleetKeys::new(&self.root)
    }

    fn heads(&self) -> Heads<'_> {
        Heads { reader: &*self.reader, root: &self.root, tell: &self.tell }
    }

    /// Lists the sessions of which there is news.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn news(&self) -> Result<Days, Error> {
        let mut days = Days::new();
        for object in self.reader.list_all(&self.keys().news(), Delimiter::None).await?.objects {
            if let Some(key) = self.keys().parse_news(&object.key) {
                days.entry(Day::of(&key.session)).or_default().push(key);
            }
        }
        Ok(days)
    }

    /// Compares the heads that are there with the rows of `runs`, and returns the sessions whose rows are of another head,
    /// or show another end than is told. Costs the listing of all heads, and a read for each day.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn missing(&self) -> Result<Days, Error> {
        let mut missing = Days::new();
        for (day, heads) in self.heads().list().await? {
            let key = self.keys().rollup(FleetTable::Runs, day);
            let there = self.read(&key).await?.map(|(bytes, _)| bytes);
            let known = run(move || there.and_then(|bytes| tables::written(day, bytes).ok())).await?;
            let known: BTreeMap<SessionKey, tables::Written> = known.into_iter().flatten().collect();
            let is_missing = |head: &heads::Listed| {
                let told = (self.tell)(&head.key);
                known.get(&head.key).is_none_or(|row| !row.is_of(head.size, head.etag.as_deref(), &told))
            };
            let of_day: Vec<_> = heads.into_iter().filter(is_missing).map(|head| head.key).collect();
            if !of_day.is_empty() {
                missing.insert(day, of_day);
            }
        }
        Ok(missing)
    }

    /// Makes the rows of some sessions of one day those of their heads, and deletes the news of them. Rows of sessions
    /// that have no head stay. At most `MOST_AT_ONCE` sessions are taken; the memory is that of their rows and of one
    /// rollup.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn roll_up(&self, day: Day, sessions: &[SessionKey]) -> Result<Rolled, Error> {
        let sessions: Vec<SessionKey> =
            sessions.iter().filter(|key| Day::of(&key.session) == day).take(MOST_AT_ONCE).cloned().collect();
        let (rows, skipped) = self.heads().read(&sessions).await?;
        let mut rolled = Rolled { sessions: rows.len() as u64, skipped, ..Rolled::default() };
        let rows = Arc::new(rows);
        if !rows.is_empty() {
            for table in FleetTable::ALL {
                match self.put_rollup(table, day, &rows).await? {
                    Put::Same => {}
                    Put::Written(bytes) => rolled.bytes.push((table, bytes)),
                    Put::Conflict => return Ok(rolled),
                }
            }
        }
        let news: Vec<String> = sessions.iter().map(|key| self.keys().news_of(key)).collect();
        for deleted in self.writer.delete_many(&news).await {
            deleted?;
        }
        rolled.is_done = true;
        Ok(rolled)
    }

    /// Puts `views.sql`, if it is another one than is there. `base` is the URL of the store.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn put_views(&self, base: &str) -> Result<(), Error> {
        let base = base.trim_end_matches('/');
        let Some(views) = views_of(&*self.reader, base, &self.root, None).await? else { return Ok(()) };
        let key = self.keys().views();
        let there = self.read(&key).await?.map(|(bytes, _)| bytes);
        if there.as_deref() != Some(views.as_bytes()) {
            put(&*self.writer, &key, views.into(), If::Any).await?;
        }
        Ok(())
    }

    /// Puts a rollup with the rows of some sessions in the place of the one that is there.
    async fn put_rollup(&self, table: FleetTable, day: Day, rows: &Arc<Vec<FleetSession>>) -> Result<Put, Error> {
        let key = self.keys().rollup(table, day);
        for _ in 0..TRIES {
            let there = self.read(&key).await?;
            let before = there.as_ref().map(|(bytes, _)| bytes.clone());
            let merged = match merge(table, day, before.clone(), rows).await? {
                Ok(merged) => merged,
                // What can be read is not damaged: there are too many rows.
                Err(error) if is_whole(table, day, before.clone()).await? => return Err(error.into()),
                Err(_) => {
                    tracing::warn!(key, "a rollup is damaged, and is made again from heads");
                    self.made_again(table, day, rows).await?
                }
            };
            if before.as_ref() == Some(&merged) {
                return Ok(Put::Same);
            }
            let condition = match &there {
                None => If::Absent,
                Some((_, Some(etag))) => If::Unchanged(etag),
                // A store without tags has no conditions either.
                Some((_, None)) => If::Any,
            };
            let bytes = merged.len() as u64;
            if put(&*self.writer, &key, merged, condition).await? {
                return Ok(Put::Written(bytes));
            }
        }
        Ok(Put::Conflict)
    }

    /// Makes a rollup from all heads of its day. Rows of sessions that have no head any more are lost.
    async fn made_again(&self, table: FleetTable, day: Day, rows: &Arc<Vec<FleetSession>>) -> Result<Bytes, Error> {
        let mut bytes = merge(table, day, None, rows).await??;
        let all = self.heads().list().await?.remove(&day).unwrap_or_default();
        let all: Vec<SessionKey> = all.into_iter().map(|head| head.key).collect();
        for some in all.chunks(MOST_AT_ONCE) {
            let (rows, _) = self.heads().read(some).await?;
            bytes = merge(table, day, Some(bytes), &Arc::new(rows)).await??;
        }
        Ok(bytes)
    }

    /// Reads a rollup, and its tag; `None` if there is none. One that is too long is empty, and so not a rollup.
    async fn read(&self, key: &str) -> Result<Option<(Bytes, Option<String>)>, Error> {
        let body = match self.reader.read(key, ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let etag = body.meta.etag.clone();
        let bytes = match body.read_all(MAX_ROLLUP).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::TooLarge => Bytes::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Some((bytes, etag)))
    }
}

impl std::fmt::Debug for Rollup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rollup").field("root", &self.root).finish_non_exhaustive()
    }
}

enum Put {
    Written(u64),
    /// It has these rows already.
    Same,
    Conflict,
}

async fn merge(
    table: FleetTable,
    day: Day,
    there: Option<Bytes>,
    rows: &Arc<Vec<FleetSession>>,
) -> Result<Result<Bytes, tables::Error>, Error> {
    let rows = Arc::clone(rows);
    run(move || tables::merge(table, day, there, &rows)).await
}

/// Returns `true` if there is no rollup, or one that can be read.
async fn is_whole(table: FleetTable, day: Day, there: Option<Bytes>) -> Result<bool, Error> {
    let Some(bytes) = there else { return Ok(true) };
    run(move || tables::each_row(table, day, bytes, None, |_, _| ControlFlow::Break(())).is_ok()).await
}
