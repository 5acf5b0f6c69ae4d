//! The sessions of a store: opens them, keeps them, and compares them with the store again.
//!
//! Owns how catalog, cache, loader, admission and freshness work together:
//!
//! 1. A session that is kept is given at once. When a look at the store is due, one is taken beside; it ends with
//!    nothing, with newer log files, or with a rebuild, and until then everybody gets the session as it is.
//! 2. Any other is loaded, once for everybody who asks; an error is held for a while.
//!
//! Must never know HTTP, and must never keep a session longer than its bounds allow.

use super::admission::Admission;
use super::cache::Cache;
use super::freshness::Look;
use super::load::{self, OpenSession};
use super::loader::{Joined, Loader, Waiting};
use super::memory::{self, Evict, Ledger, Memory};
use super::progress::Progress;
use super::quiet::Quiet;
use super::source::Source;
use super::{Error, logs};
use crate::liveness::{Liveness, State};
use crate::metrics::Metrics;
use crate::settings::Settings;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_core::ray_api::log_request::AttemptBytes;
use ray_history_storage::{ErrorKind, Storage};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod build;
mod renew;
mod stored;

pub use stored::Stored;

use build::Why;

/// A session that is open, or how far its load is.
#[derive(Clone, Debug)]
pub enum Opening {
    /// It is open.
    Ready(Arc<OpenSession>),
    /// It is still being loaded; the load goes on.
    Loading(Progress),
}

/// What is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Open sessions that are kept.
    pub sessions: usize,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Bytes of open sessions, kept or still in use, and of loads.
    pub used_bytes: u64,
    /// `cache.maxMemory`.
    pub limit_bytes: u64,
}

/// All stored sessions, and those of them that are open.
#[derive(Debug)]
pub struct Sessions {
    source: watch::Sender<Arc<Source>>,
    settings: RwLock<Arc<Settings>>,
    liveness: Liveness,
    metrics: Metrics,
    cache: Arc<Cache>,
    ledger: Arc<Ledger>,
    answers: Arc<Ledger>,
    admission: Arc<Admission>,
    loader: Loader<Arc<OpenSession>>,
    stop: CancellationToken,
}

impl Sessions {
    /// The sessions of a store, with default settings, nobody who knows which live, and metrics of their own.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        Self::with(store, roots, Arc::default(), Liveness::default(), Metrics::default())
    }

    /// No sessions.
    #[cfg(test)]
    pub fn of_nothing() -> Self {
        Self::new(Arc::new(ray_history_storage::memory::Memory::default()), Vec::new())
    }

    /// Replaces the store by one that holds nothing.
    #[cfg(test)]
    pub fn replace_with_nothing(&self) {
        self.replace_store(Arc::new(ray_history_storage::memory::Memory::default()), Vec::new());
    }

    /// The sessions of a store.
    pub fn with(
        store: Arc<dyn Storage>,
        roots: Vec<Root>,
        settings: Arc<Settings>,
        liveness: Liveness,
        metrics: Metrics,
    ) -> Self {
        let source = Source::new(store, roots, &settings.clusters.namespaces, &metrics.catalog);
        let stop = CancellationToken::new();
        let (of_sessions, of_answers) = memory::parts(settings.cache.max_memory);
        let ledger = Ledger::new(of_sessions);
        let cache = Arc::new(Cache::new(settings.cache.max_sessions, Arc::clone(&metrics.sessions)));
        let max_concurrent = settings.loading.max_concurrent;
        let admission = Arc::new(Admission::new(max_concurrent, Arc::clone(&ledger), Arc::clone(&cache) as _));
        Self {
            source: watch::Sender::new(Arc::new(source)),
            settings: RwLock::new(settings),
            liveness,
            metrics,
            cache,
            ledger,
            answers: Ledger::new(of_answers),
            admission,
            loader: Loader::new(stop.clone()),
            stop,
        }
    }

    /// The same, but loads have threads of their own, at a lower priority than those that answer.
    pub fn with_quiet_loads(mut self) -> io::Result<Self> {
        self.loader.load_on(Quiet::start()?);
        Ok(self)
    }

    /// Opens a session: at once when it is kept, after its load otherwise.
    pub async fn open(self: &Arc<Self>, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
        match self.ask(key)? {
            Joined::Ready(session) => Ok(session),
            Joined::Waiting(load) => {
                let _waiting = self.metrics.sessions.waiting();
                self.end(key, load).await
            }
        }
    }

    /// Opens a session, waiting at most so long.
    pub async fn open_within(self: &Arc<Self>, key: &SessionKey, wait: Duration) -> Result<Opening, Error> {
        match self.ask(key)? {
            Joined::Ready(session) => Ok(Opening::Ready(session)),
            Joined::Waiting(load) => {
                let (_waiting, counters) = (self.metrics.sessions.waiting(), load.counters());
                match tokio::time::timeout(wait, self.end(key, load)).await {
                    Ok(opened) => Ok(Opening::Ready(opened?)),
                    Err(_) => Ok(Opening::Loading(self.progress(key).unwrap_or_else(|| counters.now()))),
                }
            }
        }
    }

    /// The end of a load. One that gave way because nobody waited for it is begun again for who does now.
    async fn end(
        self: &Arc<Self>,
        key: &SessionKey,
        mut load: Waiting<Arc<OpenSession>>,
    ) -> Result<Arc<OpenSession>, Error> {
        loop {
            match load.end().await {
                Err(Error::Busy) => match self.start(key, Why::Asked)? {
                    Joined::Ready(session) => return Ok(session),
                    Joined::Waiting(next) => load = next,
                },
                ended => return ended,
            }
        }
    }

    /// The session, or a place among those who wait for it.
    fn ask(self: &Arc<Self>, key: &SessionKey) -> Result<Joined<Arc<OpenSession>>, Error> {
        let kept = self.kept(key);
        self.metrics.sessions.cache_lookup(kept.is_some());
        kept.map_or_else(|| self.start(key, Why::Asked), |session| Ok(Joined::Ready(session)))
    }

    /// Waits for memory that an answer is going to hold; an answer that needs more than all of it gets all of it.
    pub async fn hold(&self, bytes: u64) -> Memory {
        self.answers.wait(bytes).await
    }

    /// How far the load of a session is, if one runs. Starts nothing.
    pub fn progress(&self, key: &SessionKey) -> Option<Progress> {
        self.loader.progress(key)
    }

    /// The session, if it is open. Starts nothing.
    pub fn peek(&self, key: &SessionKey) -> Option<Arc<OpenSession>> {
        Some(Arc::clone(&self.cache.peek(key)?.session))
    }

    /// The error with which the last load of a session ended, while it is held. Starts nothing.
    pub fn held(&self, key: &SessionKey) -> Option<Error> {
        self.loader.held(key)
    }

    /// All open sessions, in no order.
    pub fn all_open(&self) -> Vec<Arc<OpenSession>> {
        self.cache.all().into_iter().map(|kept| Arc::clone(&kept.session)).collect()
    }

    /// Loads a session that nobody has asked for yet, if that disturbs nobody: no load waits, a slot stays free, and
    /// nothing that is kept would have to go. Tells whether it is open or being loaded now.
    pub async fn prewarm(self: &Arc<Self>, key: &SessionKey) -> bool {
        if self.cache.peek(key).is_some() {
            return true;
        }
        if self.cache.len() >= self.settings().cache.max_sessions {
            return false;
        }
        match self.start(key, Why::Prewarm) {
            Ok(Joined::Ready(_)) => true,
            Ok(Joined::Waiting(load)) => load.end().await.is_ok(),
            Err(_) => false,
        }
    }

    /// What is known about the life of a session's cluster.
    pub fn state(&self, key: &SessionKey) -> State {
        self.liveness.state(key)
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts settings in force, without dropping what still fits.
    pub fn apply(&self, settings: Arc<Settings>) {
        let (of_sessions, of_answers) = memory::parts(settings.cache.max_memory);
        self.ledger.resize(of_sessions);
        self.answers.resize(of_answers);
        self.admission.resize(settings.loading.max_concurrent);
        self.cache.resize(settings.cache.max_sessions);
        self.cache.evict(self.ledger.missing(0, 0));
        let source = self.source();
        if source.catalog.limit_to(&settings.clusters.namespaces) {
            self.cache.retain(|key| source.catalog.allows(key));
        }
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.measure();
    }

    /// Serves another store from now on. What is open came from the old one and is forgotten; requests that use it
    /// still end well.
    pub fn replace_store(&self, store: Arc<dyn Storage>, roots: Vec<Root>) {
        let source = Source::new(store, roots, &self.settings().clusters.namespaces, &self.metrics.catalog);
        self.source.send_replace(Arc::new(source));
        self.loader.begin_anew();
        self.cache.clear();
    }

    /// The store may answer again: what failed is forgotten, and the sessions are listed at once.
    pub async fn try_again(&self) {
        self.loader.forget();
        let source = self.source();
        if let Err(error) = self.apart(async move { Ok(source.catalog.try_again().await?) }).await {
            tracing::warn!(error = %chain(&error), "sessions could not be listed; the last listing is kept");
        }
    }

    /// What is held in memory.
    pub fn usage(&self) -> Usage {
        Usage {
            sessions: self.cache.len(),
            kept_bytes: self.cache.bytes(),
            used_bytes: self.ledger.used() + self.answers.used(),
            limit_bytes: self.ledger.total() + self.answers.total(),
        }
    }

    /// How many loads run or wait for their turn.
    pub fn loads_running(&self) -> usize {
        self.loader.running()
    }

    /// Completes when no load runs any more.
    pub async fn idle(&self) {
        self.loader.idle().await;
    }

    /// Ends all loads, and starts none any more: who waits is told that the server stops.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Lets go of what nobody asks for (`cache.ttl`); to be called now and then.
    pub fn tidy(&self) {
        if let Some(ttl) = self.settings().cache.ttl {
            self.cache.expire(ttl);
        }
        self.measure();
    }

    /// Opens parts of log files of an open session, one behind the other; with `lines`, their last lines only.
    pub async fn read_log(&self, parts: &[logs::LogPart], lines: Option<u64>) -> Result<logs::LogBody, Error> {
        let read = logs::read(&self.source().store, parts, lines).await;
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::LogGone(error.key().rsplit('/').next().unwrap_or_default().to_owned()),
            _ => error.into(),
        })
    }

    /// Finds the output of an attempt in the stored generations of its log, newest first; none where it is not stored.
    pub async fn parts_of(
        &self,
        attempt: &AttemptBytes,
        generations: &[&load::LogObject],
    ) -> Result<Option<Vec<logs::LogPart>>, Error> {
        Ok(logs::parts_of(&self.source().store, attempt, generations).await?)
    }

    /// The session, if it is kept. Takes a look at the store beside, when one is due.
    fn kept(self: &Arc<Self>, key: &SessionKey) -> Option<Arc<OpenSession>> {
        let kept = self.cache.get(key)?;
        if lock(&kept.look).begin(Instant::now()) {
            let (sessions, kept, key) = (Arc::clone(self), Arc::clone(&kept), key.clone());
            self.loader.beside(async move { sessions.look(&key, kept).await });
        }
        Some(Arc::clone(&kept.session))
    }

    /// Joins or starts the load of a session.
    fn start(self: &Arc<Self>, key: &SessionKey, why: Why) -> Result<Joined<Arc<OpenSession>>, Error> {
        let ready = || if why == Why::Rebuild { None } else { self.peek(key) };
        self.loader.join(key, ready, |counters| {
            let (sessions, key) = (Arc::clone(self), key.clone());
            async move { sessions.load(key, counters, why).await }
        })
    }

    fn measure(&self) {
        let usage = self.usage();
        self.metrics.sessions.memory(usage.used_bytes, usage.limit_bytes);
        let kept = self.cache.all();
        let gaps = kept.iter().filter(|kept| kept.session.has_gaps(self.standing(&kept.session.key))).count();
        self.metrics.sessions.gaps(gaps);
    }

    /// Runs something to its end, whoever stops waiting for it.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.loader.apart(work).await
    }

    pub(super) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source.borrow())
    }

    /// The source from now on, whenever it is replaced.
    pub(super) fn sources(&self) -> watch::Receiver<Arc<Source>> {
        self.source.subscribe()
    }

    pub(super) fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

fn lock(look: &Mutex<Look>) -> MutexGuard<'_, Look> {
    look.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
