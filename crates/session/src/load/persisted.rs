//! Opens a session from what was persisted of it: the head, then the tables that it names. Nothing is listed: the objects
//! of the build stand in the head, and a later look compares them with the store.
//!
//! Whatever is wrong with a head or a table, the raw data decides: nothing is shown that its hashes do not prove.

mod replayed;

use super::opened::OpenSession;
use super::origin::{Origin, Persisted, Raw};
use super::{AttemptError, Load, LogNames, Proved, now};
use crate::Error;
use crate::load_permit::LoadPermit;
use crate::progress::Phase;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use ray_history_core::layout::{LargeTable, MAX_PARTS, PersistedKeys, Root};
use ray_history_metrics::persist::Rejection;
use ray_history_storage::{ErrorKind, ObjectBody, ReadRange};
use ray_history_tables::{self as tables, Head, Input, MAX_HEAD, TableFile};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Tables read concurrently.
const FETCHES: usize = 4;
/// Bytes held per byte of a head while it is decoded: the object, its members, and what they become.
const PER_HEAD_BYTE: u64 = 4;

/// The reason why a persisted snapshot cannot be used.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The object.
    pub(crate) key: String,
    /// Its kind.
    pub(crate) why: Rejection,
    /// The reason, in words.
    pub(crate) words: String,
}

/// The result of looking for a persisted snapshot.
pub(super) enum FromSnapshot {
    Opened(Box<OpenSession>),
    Absent,
    Rejected(Rejected),
}

impl Rejected {
    fn new(key: &str, why: Rejection, words: impl std::fmt::Display) -> Self {
        Self { key: key.to_owned(), why, words: words.to_string() }
    }

    fn of(key: &str, error: &tables::Error) -> Self {
        let why = if matches!(error, tables::Error::Newer(_)) { Rejection::Newer } else { Rejection::Damaged };
        Self::new(key, why, error)
    }
}

/// The reason why the tables of a head could not be read.
enum TableError {
    Rejected(Rejected),
    Store(Error),
}

impl Load {
    /// Opens the session from its persisted snapshot, if there is one. Fails if the store does.
    pub(super) async fn open_snapshot(&self, at_least: u64) -> Result<FromSnapshot, AttemptError> {
        let started = Instant::now();
        let roots: Vec<String> = self.places.roots.iter().flat_map(Root::spellings).collect();
        for root in roots {
            let key = PersistedKeys::new(&root, &self.key).head();
            let body = match self.store.read(&key, ReadRange::Full).await {
                Ok(body) => body,
                // Who may not read it reads the raw data.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => continue,
                Err(error) => return Err(Error::from(error).into()),
            };
            return self.open_head(&root, &key, body, at_least, started).await;
        }
        Ok(FromSnapshot::Absent)
    }

    async fn open_head(
        &self,
        root: &str,
        key: &str,
        body: ObjectBody,
        at_least: u64,
        started: Instant,
    ) -> Result<FromSnapshot, AttemptError> {
        let size = body.meta.size;
        if size > MAX_HEAD {
            return Ok(FromSnapshot::Rejected(Rejected::new(key, Rejection::Damaged, "it is too long for a head")));
        }
        self.counters.enter(Phase::Queued);
        let estimate = size.saturating_mul(PER_HEAD_BYTE).max(at_least);
        let permit = if self.idle_only {
            self.lanes.admit_idle(estimate).ok_or(Error::Busy)?
        } else {
            self.lanes.admit(estimate).await
        };
        self.counters.enter(Phase::Reading);
        let _held = permit.hold(size.saturating_mul(PER_HEAD_BYTE));
        let bytes = body.read_all(MAX_HEAD).await.map_err(Error::from)?;
        self.counters.bytes(bytes.len() as u64);
        let head = match Head::read(bytes, &self.key) {
            Ok(head) => Arc::new(head),
            Err(error) => return Ok(FromSnapshot::Rejected(Rejected::of(key, &error))),
        };
        // What the tables weigh when they are open, and on their way: packed, and one batch of each.
        permit.add(head.about.weight.saturating_add(head.about.tables.iter().map(|table| table.size).sum()));
        permit.cover().map_err(|(held, error)| self.outgrown(held, error))?;
        let tables = match self.read_tables(root, &head).await {
            Ok(tables) => tables,
            Err(TableError::Rejected(rejected)) => return Ok(FromSnapshot::Rejected(rejected)),
            Err(TableError::Store(error)) => return Err(error.into()),
        };
        self.counters.enter(Phase::Finishing);
        let built = Arc::clone(&head);
        let opened = permit.run(move || Ok((built.open(&tables)?, built.inputs()?))).await?;
        let (opened, inputs) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(FromSnapshot::Rejected(Rejected::of(key, &error))),
        };
        let Some(session) = self.finish_snapshot(&head, opened, inputs, &permit, started).await else {
            return Ok(FromSnapshot::Rejected(Rejected::new(
                key,
                Rejection::Damaged,
                "it names objects of other sessions",
            )));
        };
        Ok(FromSnapshot::Opened(Box::new(session)))
    }

    /// Reads the tables of a head, and checks each as a whole.
    async fn read_tables(&self, root: &str, head: &Arc<Head>) -> Result<Vec<(TableFile, Bytes)>, TableError> {
        let keys = PersistedKeys::new(root, &self.key);
        let about = &head.about;
        self.counters.expect(about.tables.len() as u64, about.tables.iter().map(|table| table.size).sum());
        let mut named = Vec::new();
        for file in about.tables.iter().filter(|file| file.part <= MAX_PARTS).cloned() {
            // Of a table of a later version, nothing of this version depends.
            if let Some(table) = LargeTable::ALL.into_iter().find(|table| table.name() == file.name) {
                let key = keys.table(table, about.session.namespace_known, file.part);
                named.push((key, file));
            }
        }
        let reads = stream::iter(named).map(|(key, file)| self.read_table(key, file));
        reads.buffered(FETCHES).try_collect().await
    }

    async fn read_table(&self, key: String, file: TableFile) -> Result<(TableFile, Bytes), TableError> {
        let read = match self.store.read(&key, ReadRange::Full).await {
            // As many bytes as are promised, and one that would be too many.
            Ok(body) => body.read_all(file.size.saturating_add(1)).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => {
                self.counters.bytes(bytes.len() as u64);
                self.counters.file();
                match file.check(&bytes) {
                    Ok(()) => Ok((file, bytes)),
                    Err(error) => Err(TableError::Rejected(Rejected::new(&key, Rejection::Torn, error))),
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::TooLarge) => {
                Err(TableError::Rejected(Rejected::new(&key, Rejection::Torn, error)))
            }
            Err(error) => Err(TableError::Store(error.into())),
        }
    }

    /// Finishes an opened snapshot. Returns `None` if its head names objects of other sessions.
    async fn finish_snapshot(
        &self,
        head: &Head,
        opened: tables::Opened,
        inputs: Vec<Input>,
        permit: &Arc<LoadPermit>,
        started: Instant,
    ) -> Option<OpenSession> {
        let mut objects = replayed::objects(&self.places.roots, &self.key, &inputs)?;
        let (manifests, _) = self.read_own(&mut objects, permit).await;
        let nodes = std::mem::take(&mut objects.nodes);
        let (digest, newest) = (objects.digest(), objects.newest);
        let logs = objects.into_logs().named(Arc::new(LogNames::of(&manifests)));
        let records: BTreeMap<String, u64> =
            if nodes.manifests.is_empty() { BTreeMap::new() } else { opened.records_by_node };
        let proved = Proved::build(&opened.snapshot, records, &manifests, nodes, now());
        let (build, written_at) = (head.about.build.clone(), head.about.written_at.clone());
        let persisted = Persisted { build, written_at, raw: Raw::Whole, inputs: inputs.into() };
        let origin = Origin { kept: None, persisted: Some(persisted) };
        let snapshot = Arc::new(opened.snapshot);
        let session =
            OpenSession::new(self.key.clone(), snapshot, logs, digest, newest, 0, started.elapsed(), origin, permit);
        Some(session.proved(proved))
    }
}
