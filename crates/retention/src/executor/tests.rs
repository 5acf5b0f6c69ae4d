//! The executor on a store in memory, with a clock that tests move.

mod deleting;
mod folder;
mod marking;
mod stopping;
mod stores;

use super::*;
use crate::candidate::{Proof, State};
use crate::plan::Why;
use crate::settings::{Mode, Rule, Settings};
use crate::time::{DAY, HOUR};
use crate::tombstone::{Phase, Tombstone};
use crate::{Kept, keys};
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionName};
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error, ErrorKind};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put};
use std::collections::BTreeMap;
use std::fs::File;
use tokio::time::Instant;

const BEGIN: Nanos = 20_000 * DAY;
const SESSION: &str = "session_2026-11-22_23-11-33_821800_1";
/// The folder of the first session.
const FOLDER: &str = "cluster-history/raycluster/ml/train0/session_2026-11-22_23-11-33_821800_1/";

#[derive(Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    fn now(&self) -> Nanos {
        BEGIN + self.0.elapsed().as_nanos() as Nanos
    }
}

/// A writer that fails as it is told, and notes what it deleted.
#[derive(Debug, Default)]
struct Writer {
    inner: MemoryWriter,
    faults: Mutex<BTreeMap<String, (ErrorKind, u32)>>,
    deleted: Mutex<Vec<String>>,
    /// Documents that others put just before ours.
    faster: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Documents that are written, and whose answer is lost.
    lost: Mutex<Vec<String>>,
    /// Time of the first deletion.
    first: Mutex<Option<Instant>>,
    puts: Mutex<u64>,
}

impl Writer {
    fn arm(&self, key: &str, kind: ErrorKind, times: u32) {
        self.faults.lock().insert(key.to_owned(), (kind, times));
    }

    fn request(&self, key: &str) -> Result<(), Error> {
        match self.faults.lock().get_mut(key) {
            Some((kind, times)) if *times > 0 => {
                *times -= 1;
                Err(Error::new(*kind, key))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl StorageWrite for Writer {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        self.request(key)?;
        *self.puts.lock() += 1;
        if let Some(other) = self.faster.lock().remove(key) {
            self.inner.0.put(key, other);
        }
        let put = self.inner.put(key, bytes, condition).await;
        if self.lost.lock().iter().any(|lost| lost == key) { Err(Error::new(ErrorKind::Unavailable, key)) } else { put }
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.inner.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.request(key)?;
        self.deleted.lock().push(key.to_owned());
        self.first.lock().get_or_insert_with(Instant::now);
        self.inner.delete(key).await
    }
}

/// A bucket with sessions, and what the server knows of them.
struct Bucket {
    memory: Arc<Memory>,
    writer: Arc<Writer>,
    executor: Executor,
    known: Sessions,
    settings: Settings,
}

/// Something that happens to a bucket.
type Change = fn(&mut Bucket);

#[derive(Default)]
struct Sessions {
    all: Mutex<BTreeMap<SessionKey, Candidate>>,
    acts: Mutex<Vec<String>>,
    stops: Arc<Mutex<bool>>,
    /// Stops when this session is asked for.
    stops_at: Mutex<Option<SessionKey>>,
    /// Happens once, when a deletion has begun.
    begun: Mutex<Option<Box<dyn Fn() + Send>>>,
}

#[async_trait]
impl Known for Sessions {
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String> {
        if self.stops_at.lock().as_ref() == Some(key) {
            *self.stops.lock() = true;
        }
        self.all.lock().get(key).cloned().ok_or_else(|| "gone".to_owned())
    }

    fn goes_on(&self) -> bool {
        !*self.stops.lock()
    }

    fn acted(&self, act: &Act) {
        self.acts.lock().push(act.to_string());
        let is_begun = matches!(act, Act::Begun { .. });
        if let Some(begun) = is_begun.then(|| self.begun.lock().take()).flatten() {
            begun();
        }
    }
}

fn marker(number: usize) -> String {
    format!("cluster-metadata/raycluster/ml_train{number}/{SESSION}")
}

fn folder(number: usize) -> String {
    format!("cluster-history/raycluster/ml/train{number}/{SESSION}/")
}

fn key(number: usize) -> SessionKey {
    let cluster = ClusterId { namespace: "ml".into(), name: format!("train{number}") };
    SessionKey { cluster, session: SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap() }
}

impl Bucket {
    /// Sessions that ended forty days ago, with so many objects each.
    fn new(sessions: usize, objects: usize) -> Self {
        let memory = Arc::new(Memory::default());
        let writer = Arc::new(Writer { inner: MemoryWriter(Arc::clone(&memory)), ..Writer::default() });
        let clock = Arc::new(Ticks(Instant::now()));
        let rule = Rule { max_age: Some(Duration::from_secs(30 * 86_400)), ..Rule::default() };
        let settings = Settings { mode: Mode::Delete, rules: vec![rule], max_share: 100, ..Settings::default() };
        let known = Sessions::default();
        for number in 0..sessions {
            let key = key(number);
            let SessionKey { cluster: ClusterId { namespace, name }, session } = &key;
            let folder = format!("cluster-history/raycluster/{namespace}/{name}/{session}/");
            let old = BEGIN - 40 * DAY;
            memory.put_modified(format!("cluster-metadata/raycluster/{namespace}_{name}/{session}"), "", old);
            for object in 2..objects {
                memory.put_modified(format!("{folder}n/logs/worker-{object}.out"), "log", old);
            }
            memory.put_modified(folder, "", old);
            let session = Candidate {
                namespace_known: true,
                state: State::Dead,
                proof: Some(Proof::WatchSaw),
                first_listed: Some(BEGIN - 2 * DAY),
                is_watched: true,
                ..Candidate::new(key.clone())
            };
            known.all.lock().insert(key, session);
        }
        let store = Arc::clone(&memory);
        let executor = Executor::new(store, Some(Arc::clone(&writer) as _), vec![Root::new("")], clock);
        Self { memory, writer, executor, known, settings }
    }

    async fn run(&mut self) -> Run {
        self.tried().await.unwrap()
    }

    async fn tried(&mut self) -> Result<Run, RunOutcome> {
        let sessions = self.known.all.lock().values().cloned().collect();
        self.executor.run(&self.settings, "1", sessions, &self.known).await
    }

    /// A new process, which remembers nothing.
    fn restart(&mut self) {
        let (store, writer) = (Arc::clone(&self.executor.store), self.executor.writer.clone());
        self.executor = Executor::new(store, writer, vec![Root::new("")], Arc::clone(&self.executor.clock));
    }

    /// Changes what is known of a session.
    fn set(&self, number: usize, change: impl FnOnce(&mut Candidate)) {
        change(self.known.all.lock().get_mut(&key(number)).unwrap());
    }

    async fn left(&self) -> Vec<String> {
        let all = self.memory.list_all("cluster-", Delimiter::None).await.unwrap();
        all.objects.into_iter().map(|object| object.key).collect()
    }

    async fn tombstone(&self, number: usize) -> Option<Tombstone> {
        let bytes = self.memory.read_all(&keys::tombstone("", &key(number)), 10_000).await.ok()?;
        Some(Tombstone::read(&bytes).unwrap())
    }

    async fn phase(&self, number: usize) -> Option<Phase> {
        self.tombstone(number).await.map(|tombstone| tombstone.phase)
    }
}

async fn pass(time: Nanos) {
    tokio::time::sleep(Duration::from_nanos(time.cast_unsigned())).await;
}

/// Lets listings of the first session fail.
fn close_first(bucket: &mut Bucket) {
    let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
    faulty.arm(FOLDER, Fault::Always(ErrorKind::PermissionDenied));
    bucket.executor.store = faulty;
}
