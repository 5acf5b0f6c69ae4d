//! The sessions of a store: opens them, caches them, and keeps them up to date.
//!
//! Combines catalog, cache, loader, admission and freshness:
//!
//! 1. A cached session is returned at once. If a check of the store is due, it runs in the background and ends with no
//!    change, with newer log files, or with a rebuild. Until then all callers get the session as it is.
//! 2. Any other session is loaded, once for all callers. An error is cached for a while.
//!
//! Knows nothing of HTTP, and keeps no session longer than its bounds allow.

use super::cache::Cache;
use super::load::{self, OpenSession};
use super::load_permit::Lanes;
use super::loader::{Joined, Loader, Waiting};
use super::low_priority::LowPriorityRuntime;
use super::memory::{self, Evict, MemoryBudget, Reservation};
use super::progress::Progress;
use super::source::Source;
use super::{Error, logs};
use crate::liveness::{State, Watched};
use crate::metrics::Metrics;
use crate::settings::Settings;
use parking_lot::RwLock;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_core::ray_api::log_request::AttemptBytes;
use ray_history_storage::{self as storage, ErrorKind, Storage};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod build;
mod renew;
mod stored;

pub use stored::Stored;

use build::LoadReason;

/// An open session, or the progress of its load.
#[derive(Clone, Debug)]
pub enum Opening {
    /// The session is open.
    Ready(Arc<OpenSession>),
    /// The session is still being loaded. The load continues.
    Loading(Progress),
}

/// The memory usage of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Number of cached sessions.
    pub sessions: usize,
    /// Bytes of the cached sessions.
    pub kept_bytes: u64,
    /// Bytes of open sessions, cached or still in use, and of loads.
    pub used_bytes: u64,
    /// The value of `cache.maxMemory` in bytes.
    pub limit_bytes: u64,
}

/// All stored sessions, and the open ones among them.
#[derive(Debug)]
pub struct Sessions {
    source: watch::Sender<Arc<Source>>,
    settings: RwLock<Arc<Settings>>,
    watched: Watched,
    metrics: Metrics,
    cache: Arc<Cache>,
    budget: Arc<MemoryBudget>,
    answer_budget: Arc<MemoryBudget>,
    lanes: Arc<Lanes>,
    loader: Loader<Arc<OpenSession>>,
    stop: CancellationToken,
}

impl Sessions {
    /// Creates the sessions of a store with default settings, unknown states, and metrics of their own.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        Self::with(store, roots, Arc::default(), Watched::default(), Metrics::default())
    }

    /// Creates an instance without sessions.
    #[cfg(test)]
    pub fn of_nothing() -> Self {
        Self::new(Arc::new(ray_history_storage::memory::Memory::default()), Vec::new())
    }

    /// Replaces the store by an empty one.
    #[cfg(test)]
    pub fn replace_with_nothing(&self) {
        self.replace_store(Arc::new(ray_history_storage::memory::Memory::default()), Vec::new());
    }

    /// Creates the sessions of a store.
    pub fn with(
        store: Arc<dyn Storage>,
        roots: Vec<Root>,
        settings: Arc<Settings>,
        watched: Watched,
        metrics: Metrics,
    ) -> Self {
        let source = Source::new(store, roots, &settings.clusters.namespaces, &metrics.catalog);
        let stop = CancellationToken::new();
        let (of_sessions, of_answers) = memory::split(settings.cache.max_memory);
        let budget = MemoryBudget::new(of_sessions);
        let cache = Arc::new(Cache::new(settings.cache.max_sessions, Arc::clone(&metrics.sessions)));
        let max_concurrent = settings.loading.max_concurrent;
        let lanes = Arc::new(Lanes::new(max_concurrent, Arc::clone(&budget), Arc::clone(&cache) as _));
        Self {
            source: watch::Sender::new(Arc::new(source)),
            settings: RwLock::new(settings),
            watched,
            metrics,
            cache,
            budget,
            answer_budget: MemoryBudget::new(of_answers),
            lanes,
            loader: Loader::new(stop.clone()),
            stop,
        }
    }

    /// Gives loads threads of their own, at a lower priority than those that answer requests.
    pub fn with_low_priority_loads(mut self) -> io::Result<Self> {
        self.loader.load_on(LowPriorityRuntime::start()?);
        Ok(self)
    }

    /// Opens a session: returns at once if it is cached, otherwise after its load.
    pub async fn open(self: &Arc<Self>, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
        match self.find_or_load(key)? {
            Joined::Ready(session) => Ok(session),
            Joined::Waiting(load) => {
                let _waiting = self.metrics.sessions.waiting();
                self.wait_for_load(key, load).await
            }
        }
    }

    /// Opens a session, waiting at most for `wait`.
    pub async fn open_within(self: &Arc<Self>, key: &SessionKey, wait: Duration) -> Result<Opening, Error> {
        match self.find_or_load(key)? {
            Joined::Ready(session) => Ok(Opening::Ready(session)),
            Joined::Waiting(load) => {
                let (_waiting, counters) = (self.metrics.sessions.waiting(), load.counters());
                match tokio::time::timeout(wait, self.wait_for_load(key, load)).await {
                    Ok(opened) => Ok(Opening::Ready(opened?)),
                    Err(_) => Ok(Opening::Loading(self.progress(key).unwrap_or_else(|| counters.now()))),
                }
            }
        }
    }

    /// Waits for a load. A low-priority load that gave way is started again, because a request waits for it now.
    async fn wait_for_load(
        self: &Arc<Self>,
        key: &SessionKey,
        mut load: Waiting<Arc<OpenSession>>,
    ) -> Result<Arc<OpenSession>, Error> {
        loop {
            match load.wait().await {
                Err(Error::Busy) => match self.start(key, LoadReason::Asked)? {
                    Joined::Ready(session) => return Ok(session),
                    Joined::Waiting(next) => load = next,
                },
                ended => return ended,
            }
        }
    }

    /// Returns the session, or a waiter for its load.
    fn find_or_load(self: &Arc<Self>, key: &SessionKey) -> Result<Joined<Arc<OpenSession>>, Error> {
        let cached = self.lookup_cached(key);
        self.metrics.sessions.cache_lookup(cached.is_some());
        cached.map_or_else(|| self.start(key, LoadReason::Asked), |session| Ok(Joined::Ready(session)))
    }

    /// Waits for memory that an answer is going to hold. An answer that needs more than the whole budget gets all of
    /// it.
    pub async fn hold(&self, bytes: u64) -> Reservation {
        self.answer_budget.reserve(bytes).await
    }

    /// Returns the progress of a session's load, if one runs. Starts nothing.
    pub fn progress(&self, key: &SessionKey) -> Option<Progress> {
        self.loader.progress(key)
    }

    /// Returns the session if it is open. Starts nothing.
    pub fn peek(&self, key: &SessionKey) -> Option<Arc<OpenSession>> {
        Some(Arc::clone(&self.cache.peek(key)?.session))
    }

    /// Returns the error of a session's last load while it is cached. Starts nothing.
    pub fn held(&self, key: &SessionKey) -> Option<Error> {
        self.loader.cached_error(key)
    }

    /// Returns all open sessions, in no order.
    pub fn all_open(&self) -> Vec<Arc<OpenSession>> {
        self.cache.all().into_iter().map(|cached| Arc::clone(&cached.session)).collect()
    }

    /// Loads a session before it is requested, if that disturbs nothing: no load waits, a slot stays free, and no
    /// cached session has to be evicted. Returns `true` if the session is open now.
    pub async fn prewarm(self: &Arc<Self>, key: &SessionKey) -> bool {
        if self.cache.peek(key).is_some() {
            return true;
        }
        if self.cache.len() >= self.settings().cache.max_sessions {
            return false;
        }
        match self.start(key, LoadReason::Prewarm) {
            Ok(Joined::Ready(_)) => true,
            Ok(Joined::Waiting(load)) => load.wait().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Returns the known state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        self.watched.state(key)
    }

    /// Returns the current settings.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// Applies settings without dropping anything that still fits.
    pub fn apply(&self, settings: Arc<Settings>) {
        let (of_sessions, of_answers) = memory::split(settings.cache.max_memory);
        self.budget.resize(of_sessions);
        self.answer_budget.resize(of_answers);
        self.lanes.resize(settings.loading.max_concurrent);
        self.cache.resize(settings.cache.max_sessions);
        self.cache.evict(self.budget.shortfall(0, 0));
        let source = self.source();
        if source.catalog.limit_to(&settings.clusters.namespaces) {
            self.cache.retain(|key| source.catalog.allows(key));
        }
        *self.settings.write() = settings;
        self.update_metrics();
    }

    /// Serves another store from now on. Open sessions of the old store are dropped; requests that use them still
    /// complete.
    pub fn replace_store(&self, store: Arc<dyn Storage>, roots: Vec<Root>) {
        let source = Source::new(store, roots, &self.settings().clusters.namespaces, &self.metrics.catalog);
        self.source.send_replace(Arc::new(source));
        self.loader.reset();
        self.cache.clear();
    }

    /// Clears cached errors and lists the sessions at once, because the store may have recovered.
    pub async fn try_again(&self) {
        self.loader.clear_errors();
        if let Err(error) = self.retry_listing().await {
            tracing::warn!(error = %chain(&error), "sessions could not be listed; the last listing is kept");
        }
    }

    /// Returns the current memory usage.
    pub fn usage(&self) -> Usage {
        Usage {
            sessions: self.cache.len(),
            kept_bytes: self.cache.bytes(),
            used_bytes: self.budget.used() + self.answer_budget.used(),
            limit_bytes: self.budget.total() + self.answer_budget.total(),
        }
    }

    /// Returns the number of loads that run or wait for a permit.
    pub fn loads_running(&self) -> usize {
        self.loader.running()
    }

    /// Waits until no load runs.
    pub async fn idle(&self) {
        self.loader.idle().await;
    }

    /// Ends all loads and starts no more. Waiters get `Error::Stopping`.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Drops sessions that were not used for `cache.ttl`. To be called periodically.
    pub fn tidy(&self) {
        if let Some(ttl) = self.settings().cache.ttl {
            self.cache.expire(ttl);
        }
        self.update_metrics();
    }

    /// Opens consecutive parts of log files of an open session; with `lines`, only that many last lines.
    pub async fn read_log(&self, parts: &[logs::LogPart], lines: Option<u64>) -> Result<logs::LogBody, Error> {
        let read = logs::read(&self.source().store, parts, lines).await;
        let name = |error: &storage::Error| error.key().rsplit('/').next().unwrap_or_default().to_owned();
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::LogGone(name(&error)),
            ErrorKind::PreconditionFailed => Error::LogChanging(name(&error)),
            _ => error.into(),
        })
    }

    /// Finds the output of an attempt in the stored generations of its log, newest first. Returns `None` if it is not
    /// stored.
    pub async fn parts_of(
        &self,
        attempt: &AttemptBytes,
        generations: &[&load::LogObject],
    ) -> Result<Option<Vec<logs::LogPart>>, Error> {
        Ok(logs::parts_of(&self.source().store, attempt, generations).await?)
    }

    /// Returns the session if it is cached. Starts a check of the store in the background if one is due.
    fn lookup_cached(self: &Arc<Self>, key: &SessionKey) -> Option<Arc<OpenSession>> {
        let cached = self.cache.get(key)?;
        if cached.schedule.lock().try_begin(Instant::now()) {
            let (sessions, cached, key) = (Arc::clone(self), Arc::clone(&cached), key.clone());
            self.loader.spawn_background(async move { sessions.check_store(&key, cached).await });
        }
        Some(Arc::clone(&cached.session))
    }

    /// Joins or starts the load of a session.
    fn start(self: &Arc<Self>, key: &SessionKey, reason: LoadReason) -> Result<Joined<Arc<OpenSession>>, Error> {
        let ready = || if reason == LoadReason::Rebuild { None } else { self.peek(key) };
        self.loader.join(key, ready, |counters| {
            let (sessions, key) = (Arc::clone(self), key.clone());
            async move { sessions.load(key, counters, reason).await }
        })
    }

    fn update_metrics(&self) {
        let usage = self.usage();
        self.metrics.sessions.memory(usage.used_bytes, usage.limit_bytes);
        let cached = self.cache.all();
        let gaps = cached.iter().filter(|cached| cached.session.has_gaps(self.standing(&cached.session.key))).count();
        self.metrics.sessions.gaps(gaps);
    }

    /// Runs a future to its end even if the caller stops waiting for it.
    pub(super) async fn run_detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.loader.run_detached(work).await
    }

    pub(super) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source.borrow())
    }

    /// Returns a receiver of the current and every later source.
    pub(super) fn sources(&self) -> watch::Receiver<Arc<Source>> {
        self.source.subscribe()
    }

    /// Returns the states of all sessions, for the watches to update.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

#[cfg(test)]
mod tests;
