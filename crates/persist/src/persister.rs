//! Writes what is persisted of one session.

use super::outcome::{Error, Outcome, Written};
use bytes::Bytes;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{FleetKeys, LargeTable, PersistedKeys};
use ray_history_metrics::persist::File;
use ray_history_session::{Sessions, ToPersist};
use ray_history_storage::{ErrorKind, ReadRange, Storage};
use ray_history_storage_write::{If, Put, StorageWrite};
use ray_history_tables::{self as tables, Build, Content, Head, MAX_HEAD, Options, TablePart, Writer};
use std::sync::Arc;

/// Tries against another writer of the same table.
const TRIES: u32 = 3;

/// Writes what is persisted of sessions.
#[derive(Debug)]
pub struct Persister {
    /// The store, to read back what was written.
    pub reader: Arc<dyn Storage>,
    /// The same store.
    pub writer: Arc<dyn StorageWrite>,
    /// The options of tables.
    pub options: Options,
    /// The program and the replica.
    pub author: Writer,
    /// `true` if news of each head is left for rollups.
    pub fleet: bool,
}

/// The head that is there.
enum Before {
    Absent,
    /// One that cannot be read, or whose build another one may replace.
    Replaceable {
        etag: String,
        tables: Vec<(LargeTable, u32)>,
    },
    /// Nothing is to be written.
    Keep(Outcome),
}

impl Persister {
    /// Persists a session, unless that is done, or would show less.
    ///
    /// # Errors
    /// Fails if the store does, or if what it stored is not what was written.
    pub async fn persist(&self, sessions: &Arc<Sessions>, what: ToPersist) -> Result<Outcome, Error> {
        let what = Arc::new(what);
        let content = self.content(&what);
        let build = run(move || Build::new(content)).await?;
        let keys = PersistedKeys::new(&what.root, &what.session.key);
        let (tag, before) = match self.before(&keys, &build, &what).await? {
            Before::Keep(outcome) => return Ok(outcome),
            Before::Absent => (None, Vec::new()),
            Before::Replaceable { etag, tables } => (Some(etag), tables),
        };
        let (mut build, mut written, mut parts) = (build, Written::default(), Vec::new());
        loop {
            let (next, rest) = run(move || (build.next_table(), build)).await?;
            build = rest;
            let Some(part) = next else { break };
            let TablePart { table, part, bytes } = part?;
            let file = match table {
                LargeTable::Tasks => File::Tasks,
                LargeTable::ProfileEvents => File::ProfileEvents,
                LargeTable::Actors => File::Actors,
            };
            written.bytes.push((file, bytes.len() as u64));
            if !self.put_table(&keys.table(table, what.namespace_known, part), bytes.into()).await? {
                return Ok(Outcome::Conflict);
            }
            parts.push((table, part));
        }
        if !sessions.is_unchanged(&what).await? {
            return Ok(Outcome::Changed);
        }
        let head = Bytes::from(run(move || build.head()).await??);
        written.bytes.push((File::Head, head.len() as u64));
        let condition = tag.as_deref().map_or(If::Absent, If::Unchanged);
        if !put(&*self.writer, &keys.head(), head.clone(), condition).await? {
            return Ok(Outcome::Conflict);
        }
        if self.fleet {
            self.leave_news(&what.root, &what.session.key).await;
        }
        self.read_back(&keys, &what.session.key, &head, what.namespace_known).await?;
        // Parts that the head before had, and this one has not.
        for (table, part) in before.into_iter().filter(|part| !parts.contains(part)) {
            self.writer.delete(&keys.table(table, what.namespace_known, part)).await?;
        }
        Ok(Outcome::Written(written))
    }

    fn content(&self, what: &Arc<ToPersist>) -> Content {
        let session = &what.session;
        Content {
            key: session.key.clone(),
            namespace_known: what.namespace_known,
            owner: what.owner.clone(),
            snapshot: Arc::clone(&session.snapshot),
            inputs: what.inputs.clone(),
            facts: what.facts(),
            records_by_node: what.records_by_node(),
            options: self.options,
            author: self.author.clone(),
            written_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// Reads the head that is there, and decides whether it may be replaced.
    async fn before(&self, keys: &PersistedKeys<'_>, build: &Build, what: &ToPersist) -> Result<Before, Error> {
        let body = match self.reader.read(&keys.head(), ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Before::Absent),
            Err(error) => return Err(error.into()),
        };
        // A store without tags has no conditions either; its readers check every hash.
        let etag = body.meta.etag.clone().unwrap_or_default();
        let bytes = body.read_all(MAX_HEAD).await?;
        let damaged = Before::Replaceable { etag: etag.clone(), tables: Vec::new() };
        let head = match Head::read(bytes, &what.session.key) {
            Ok(head) => head,
            Err(tables::Error::Newer(_)) => return Ok(Before::Keep(Outcome::Conflict)),
            Err(tables::Error::Malformed { .. }) => return Ok(damaged),
        };
        if head.about.build == build.id() {
            return Ok(Before::Keep(Outcome::Same));
        }
        let Ok(inputs) = head.inputs() else { return Ok(damaged) };
        let records = what.session.snapshot.completeness.records;
        if tables::compare(&inputs, &what.inputs).gone > 0 || head.about.inputs.records > records {
            return Ok(Before::Keep(Outcome::Thinner));
        }
        let table = |name: &str| LargeTable::ALL.into_iter().find(|table| table.name() == name);
        let tables = head.about.tables.iter().filter_map(|file| Some((table(&file.name)?, file.part)));
        Ok(Before::Replaceable { etag, tables: tables.collect() })
    }

    /// Puts a table in the place of what lies there. Returns `false` if another writer replaces it again and again.
    async fn put_table(&self, key: &str, bytes: Bytes) -> Result<bool, Error> {
        let mut there: Option<String> = None;
        for _ in 0..TRIES {
            let condition = there.as_deref().map_or(If::Absent, If::Unchanged);
            if put(&*self.writer, key, bytes.clone(), condition).await? {
                return Ok(true);
            }
            there = match self.reader.read(key, ReadRange::Between(0, 1)).await {
                Ok(body) => body.meta.etag,
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(false)
    }

    /// Leaves word that a head was written. Without it the session comes into rollups a day later.
    async fn leave_news(&self, root: &str, key: &SessionKey) {
        let news = FleetKeys::new(root).news_of(key);
        if let Err(error) = self.writer.put(&news, Bytes::new(), If::Any).await {
            tracing::warn!(key = news, error = %chain(&error), "news of a head could not be written");
        }
    }

    /// Reads back the head and one table, and compares both with what was written.
    async fn read_back(
        &self,
        keys: &PersistedKeys<'_>,
        session: &SessionKey,
        written: &Bytes,
        namespace_known: bool,
    ) -> Result<(), Error> {
        let key = keys.head();
        let stored = self.reader.read(&key, ReadRange::Full).await?.read_all(MAX_HEAD).await?;
        if stored != *written {
            return Err(Error::NotAsWritten { key });
        }
        let head = Head::read(stored, session)?;
        let Some(file) = head.about.tables.iter().min_by_key(|file| file.size) else { return Ok(()) };
        let Some(table) = LargeTable::ALL.into_iter().find(|table| table.name() == file.name) else { return Ok(()) };
        let key = keys.table(table, namespace_known, file.part);
        let bytes = self.reader.read(&key, ReadRange::Full).await?.read_all(file.size + 1).await?;
        file.check(&bytes).map_err(|_| Error::NotAsWritten { key })
    }
}

/// Puts an object; returns `false` if the condition does not hold.
pub(super) async fn put(writer: &dyn StorageWrite, key: &str, bytes: Bytes, condition: If<'_>) -> Result<bool, Error> {
    match writer.put(key, bytes, condition).await {
        Ok(Put::Written) => Ok(true),
        Ok(Put::Refused) => Ok(false),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Runs a computation on a thread that may block.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Broken)
}
