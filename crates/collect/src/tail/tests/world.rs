//! A session folder, a store that may be away or slow, and a tail between them.

use super::reader::Stored;
use crate::destinations::Destinations;
use crate::identity::{Raylet, SessionFolder};
use crate::tail::{Settings, Tail};
use crate::upload::Sink;
use async_trait::async_trait;
use bytes::Bytes;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Error, ErrorKind};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

pub(super) const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
pub(super) const SPOOL: &str = "0199";

/// A store in memory.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) inner: MemoryWriter,
    pub(super) is_away: AtomicBool,
    pub(super) refuses_deletes: AtomicBool,
    /// Milliseconds that a write takes before it takes effect, and again until its answer is there.
    pub(super) slow_ms: AtomicU64,
    pub(super) writes: AtomicU64,
}

pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Arc<Store>,
    pub(super) settings: Settings,
    sessions: watch::Sender<Arc<[SessionFolder]>>,
}

impl Store {
    async fn wait(&self, key: &str) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_millis(self.slow_ms.load(Ordering::Relaxed))).await;
        if self.is_away.load(Ordering::Relaxed) { Err(Error::new(ErrorKind::Unavailable, key)) } else { Ok(()) }
    }
}

#[async_trait]
impl StorageWrite for Store {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        self.wait(key).await?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let put = self.inner.put(key, bytes, condition).await;
        self.wait(key).await.and(put)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.wait(key).await?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let put = self.inner.put_file(key, file, len).await;
        self.wait(key).await.and(put)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        if self.refuses_deletes.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::PermissionDenied, key));
        }
        self.inner.delete(key).await
    }
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("session/logs/old")).unwrap();
        let (sessions, _) = watch::channel(Arc::from([]));
        let world = Self { folder, store: Arc::default(), settings, sessions };
        world.name_node("ab");
        world
    }

    /// Makes `node` the node of the folder.
    pub(super) fn name_node(&self, node: &str) {
        self.sessions.send_replace(Arc::from([SessionFolder {
            name: session(),
            path: self.folder.path().join("session"),
            node: Some(node.to_owned()),
            former_nodes: Vec::new(),
            metrics_port: None,
            raylet: Raylet::Alive,
            latest: true,
        }]));
    }

    /// Starts a collector, which goes on from the state files.
    pub(super) fn tail(&self) -> Tail {
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let destinations = Destinations::new("log/", Some(cluster), None, self.sessions.subscribe());
        let store: Arc<dyn StorageWrite> = Arc::<Store>::clone(&self.store);
        Tail::new(self.settings, SPOOL, &self.folder.path().join("state"), Sink::new(store), destinations)
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.store.inner.0
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.folder.path().join("session/logs")
    }

    pub(super) fn append(&self, path: &str, bytes: &[u8]) {
        append(&self.logs().join(path), bytes);
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.logs().join(from), self.logs().join(to)).unwrap();
    }

    /// Returns what a reader finds of a node.
    pub(super) async fn stored(&self, node: &str) -> Stored {
        Stored::read(self.memory(), &format!("log/cluster-history/raycluster/ml/train/{SESSION}/{node}/")).await
    }
}

pub(super) fn session() -> SessionName {
    SessionName::parse(SESSION).unwrap()
}

pub(super) fn append(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}
