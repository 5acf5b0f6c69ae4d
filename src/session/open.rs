//! The sessions that are open: loads one at the first request for it and keeps it.
//!
//! One load per session: every request that comes meanwhile waits for the same result and the same error, and a client
//! that leaves cancels nothing, because the load runs in a task of its own. A failed load is forgotten, so that the
//! next request tries again. Nothing is evicted yet.

use super::catalog::{Catalog, Listing};
use super::load::{self, OpenSession};
use super::name::{Owner, SessionKey};
use super::progress::{Counters, Progress};
use super::{Error, logs};
use crate::layout::Root;
use crate::liveness::{Liveness, State};
use crate::storage::Storage;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Where a session's objects may be.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) roots: Vec<Root>,
    pub(super) owner: Option<Owner>,
    pub(super) marked: bool,
}

/// A session that is open, or how far its load is.
#[derive(Clone, Debug)]
pub enum Opening {
    /// It is open.
    Ready(Arc<OpenSession>),
    /// It is still being loaded; the load goes on.
    Loading(Progress),
}

type Loaded = Result<Arc<OpenSession>, Error>;

/// All stored sessions, and those of them that are open.
#[derive(Debug)]
pub struct Sessions {
    store: Arc<dyn Storage>,
    catalog: Catalog,
    liveness: Liveness,
    open: Mutex<HashMap<SessionKey, watch::Receiver<Option<Loaded>>>>,
}

impl Sessions {
    /// The sessions of a store.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        let catalog = Catalog::new(Arc::clone(&store), roots);
        Self { store, catalog, liveness: Liveness::default(), open: Mutex::default() }
    }

    /// The last listing.
    pub fn listing(&self) -> Arc<Listing> {
        self.catalog.listing()
    }

    /// Lists again.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        Ok(self.catalog.refresh().await?)
    }

    /// Opens a session: at once when it is open, after its load otherwise.
    pub async fn open(self: &Arc<Self>, key: &SessionKey) -> Loaded {
        let mut waiting = match self.waiting(key) {
            Some(waiting) => waiting,
            None => self.start(key).await?,
        };
        let loaded = waiting.wait_for(Option::is_some).await.map_err(|_| Error::Broken)?;
        loaded.clone().unwrap_or(Err(Error::Broken))
    }

    /// Opens a session, waiting at most so long.
    pub async fn open_within(self: &Arc<Self>, key: &SessionKey, wait: Duration) -> Result<Opening, Error> {
        match tokio::time::timeout(wait, self.open(key)).await {
            Ok(opened) => Ok(Opening::Ready(opened?)),
            Err(_) => Ok(Opening::Loading(self.progress(key).unwrap_or_else(|| Counters::start().now()))),
        }
    }

    /// How far the load of a session is, if one runs. Starts nothing.
    pub fn progress(&self, _key: &SessionKey) -> Option<Progress> {
        None
    }

    /// What is known about the life of a session's cluster.
    pub fn state(&self, key: &SessionKey) -> State {
        self.liveness.state(key)
    }

    /// Opens a log file of an open session.
    pub async fn read_log(&self, file: &load::LogObject, wanted: logs::LogRange) -> Result<logs::LogBody, Error> {
        logs::read(&self.store, file, wanted).await
    }

    fn waiting(&self, key: &SessionKey) -> Option<watch::Receiver<Option<Loaded>>> {
        self.lock().get(key).cloned()
    }

    async fn start(self: &Arc<Self>, key: &SessionKey) -> Result<watch::Receiver<Option<Loaded>>, Error> {
        let entry = match self.listing().find(key).cloned() {
            Some(entry) => entry,
            // It may be newer than the listing.
            None => self.refresh().await?.find(key).cloned().ok_or_else(|| Error::Unknown(key.clone()))?,
        };
        let places = Places { roots: self.catalog.roots().to_vec(), owner: entry.owner, marked: entry.marked };
        let mut open = self.lock();
        if let Some(waiting) = open.get(key) {
            return Ok(waiting.clone());
        }
        let (result, waiting) = watch::channel(None);
        open.insert(key.clone(), waiting.clone());
        drop(open);
        let (sessions, key) = (Arc::clone(self), key.clone());
        tokio::spawn(async move {
            let started = std::time::Instant::now();
            // The inner task turns a panic into an error of this load only.
            let load = tokio::spawn({
                let (store, key) = (Arc::clone(&sessions.store), key.clone());
                async move { load::load(store, key, &places).await }
            });
            let loaded = load.await.unwrap_or(Err(Error::Broken)).map(Arc::new);
            match &loaded {
                Ok(session) => tracing::info!(
                    session.key = %key,
                    duration_ms = started.elapsed().as_millis() as u64,
                    tasks = session.snapshot.tasks.len(),
                    size_bytes = session.snapshot.weight(),
                    "session loaded"
                ),
                Err(error) => {
                    tracing::warn!(session.key = %key, error = %error, "session could not be loaded");
                    sessions.lock().remove(&key);
                }
            }
            let _ = result.send(Some(loaded));
        });
        Ok(waiting)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, watch::Receiver<Option<Loaded>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
