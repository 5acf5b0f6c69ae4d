//! The way to one session: returned from the cache, loaded, kept up to date, or loaded before it is requested.
//!
//! 1. A cached session is returned at once. If a check of the store is due, it runs in the background and ends with no
//!    change, with newer log files, or with a rebuild. Until then all callers get the session as it is; a failure leaves
//!    it as it is.
//! 2. Any other session is loaded, once for all callers. An error is cached for a while.
//!
//! Not cached are sessions that exceed the memory budget, and those of a replaced store or of a namespace that is no
//! longer served. A build that shows less than the cached one does not replace it.

mod check;

use super::cache::Cached;
use super::freshness::{Built, RefreshSchedule};
use super::load::{self, Load, LogObject, OpenSession};
use super::loader::{Joined, Waiting};
use super::progress::{Counters, Progress};
use super::source::Source;
use super::{Error, Sessions, logs};
use crate::liveness::State;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::logs::attempt_bytes::AttemptBytes;
use ray_history_metrics::sessions::Outcome;
use ray_history_settings::PersistMode;
use ray_history_tables::Input;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// An open session, or the progress of its load.
#[derive(Clone, Debug)]
pub enum Opening {
    /// The session is open.
    Ready(Arc<OpenSession>),
    /// The session is still being loaded. The load continues.
    Loading(Progress),
}

/// A digest of a session's stored objects. Equal to an earlier one if no file was added, changed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored(load::Digest);

impl Stored {
    /// Creates a digest for tests.
    #[cfg(feature = "testing")]
    pub fn of(what: u128) -> Self {
        Self(load::Digest { inputs: what, ..load::Digest::default() })
    }
}

/// The reason for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadReason {
    /// A request waits for the session.
    Asked,
    /// The session changed, or files could not be read. The cached one is returned meanwhile.
    Rebuild,
    /// The session may be requested soon.
    Prewarm,
}

impl Sessions {
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
        if let Some(error) = self.deleted(key) {
            return Err(error);
        }
        let cached = self.lookup_cached(key);
        self.metrics.sessions.cache_lookup(cached.is_some());
        cached.map_or_else(|| self.start(key, LoadReason::Asked), |session| Ok(Joined::Ready(session)))
    }

    /// Returns the progress of a session's load, if one runs. Starts nothing.
    pub fn progress(&self, key: &SessionKey) -> Option<Progress> {
        self.loader.progress(key)
    }

    /// Returns the session if it is open. Starts nothing.
    pub fn peek(&self, key: &SessionKey) -> Option<Arc<OpenSession>> {
        Some(Arc::clone(&self.cache.peek(key)?.session))
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

    /// Returns the digest of a session's stored objects, or `None` if there are none. Loads nothing.
    pub async fn stored(&self, key: &SessionKey) -> Result<Option<Stored>, Error> {
        let found = self.relist(&self.source(), key).await?;
        Ok((found.digest != load::Digest::default()).then_some(Stored(found.digest)))
    }

    /// Lists the objects of a session again, within `loading.timeout`.
    async fn relist(&self, source: &Source, key: &SessionKey) -> Result<load::Relisted, Error> {
        let after = self.settings().loading.timeout;
        let relisted = async {
            let places = source.places(key).await?;
            Ok(load::relist(&source.store, key, &places).await?)
        };
        tokio::time::timeout(after, relisted).await.map_err(|_| Error::TimedOut { key: key.clone(), after })?
    }

    /// Lists the objects of a session one by one, within `loading.timeout`.
    pub(super) async fn list_inputs(
        &self,
        source: &Source,
        key: &SessionKey,
    ) -> Result<(Vec<Input>, load::Relisted), Error> {
        let after = self.settings().loading.timeout;
        let listed = async {
            let places = source.places(key).await?;
            Ok(load::inputs(&source.store, key, &places).await?)
        };
        tokio::time::timeout(after, listed).await.map_err(|_| Error::TimedOut { key: key.clone(), after })?
    }

    /// Opens consecutive parts of log files of an open session; with `lines`, only that many last lines.
    pub async fn read_log(&self, parts: &[logs::LogPart], lines: Option<u64>) -> Result<logs::LogBody, Error> {
        let store = load::log_store(&self.source().store, parts.iter().map(|part| &part.file));
        logs::read(&store, parts, lines).await.map_err(Error::of_log)
    }

    /// Reads many log files of an open session, one after the other.
    pub fn read_logs(&self, files: Arc<[logs::select::LogFile]>) -> logs::blocks::LogBlocks {
        let store = load::log_store(&self.source().store, files.iter().map(|file| &file.object));
        logs::blocks::LogBlocks::new(store, files)
    }

    /// Finds the output of an attempt in the stored generations of its log, newest first. Returns `None` if it is not
    /// stored.
    pub async fn parts_of(
        &self,
        attempt: &AttemptBytes,
        generations: &[&LogObject],
    ) -> Result<Option<Vec<logs::LogPart>>, Error> {
        let store = load::log_store(&self.source().store, generations.iter().copied());
        logs::parts_of(&store, attempt, generations).await.map_err(Error::of_log)
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

    /// Builds a session from raw data.
    pub(super) async fn rebuilt(self: &Arc<Self>, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
        match self.start(key, LoadReason::Rebuild)? {
            Joined::Ready(session) => Ok(session),
            Joined::Waiting(load) => load.wait().await,
        }
    }

    /// Joins or starts the load of a session.
    fn start(self: &Arc<Self>, key: &SessionKey, reason: LoadReason) -> Result<Joined<Arc<OpenSession>>, Error> {
        let ready = || if reason == LoadReason::Rebuild { None } else { self.peek(key) };
        self.loader.join(key, ready, |counters| {
            let (sessions, key) = (Arc::clone(self), key.clone());
            async move { sessions.load(key, counters, reason).await }
        })
    }

    /// Loads a session and caches it.
    async fn load(
        self: Arc<Self>,
        key: SessionKey,
        counters: Arc<Counters>,
        reason: LoadReason,
    ) -> Result<Arc<OpenSession>, Error> {
        let started = Instant::now();
        let source = self.source();
        let failures = self.cache.peek(&key).map_or(0, |cached| cached.schedule.lock().failures());
        let timeout = self.settings().loading.timeout;
        let timed_out = |_| Error::TimedOut { key: key.clone(), after: timeout };
        let places = tokio::time::timeout(timeout, source.places(&key)).await.map_err(timed_out)??;
        let load = Load {
            store: Arc::clone(&source.store),
            key: key.clone(),
            places,
            counters,
            lanes: Arc::clone(&self.lanes),
            metrics: Arc::clone(&self.metrics.sessions),
            persist_metrics: Arc::clone(&self.metrics.persist),
            timeout,
            idle_only: reason == LoadReason::Prewarm,
            keeps_facts: self.settings().persist.mode != PersistMode::Off,
            // What has changed since is in the raw data.
            reads_snapshot: reason != LoadReason::Rebuild && self.state(&key) != State::Live,
        };
        let loaded = load.run().await;
        self.metrics.sessions.loaded(outcome(&loaded), started.elapsed());
        let session = loaded.inspect_err(
            |error| tracing::warn!(session.key = %key, error = %chain(error), "session could not be loaded"),
        )?;
        tracing::info!(
            session.key = %key,
            duration_ms = started.elapsed().as_millis() as u64,
            tasks = session.snapshot.tasks.len(),
            size_bytes = session.bytes(),
            unread_files = session.unread_files,
            "session loaded"
        );
        let session = self.keep(&key, session, &source, failures);
        self.keep_facts(&source, &session);
        self.update_metrics();
        if source.catalog.allows(&key) { Ok(session) } else { Err(Error::Unknown(key)) }
    }

    /// Caches a loaded session, if it may be cached; `failures` counts earlier failures to read its files. Returns what is
    /// shown from now on: the previous build, if that shows more.
    fn keep(&self, key: &SessionKey, loaded: OpenSession, source: &Arc<Source>, failures: u32) -> Arc<OpenSession> {
        let shows_more = self.cache.peek(key).filter(|cached| loaded.shows_less_than(&cached.session));
        let session = Arc::new(match shows_more {
            Some(cached) => {
                tracing::warn!(
                    session.key = %key,
                    unread_files = loaded.unread_files,
                    "files could not be read again; the previous state of the session is kept"
                );
                let kept = cached.session.kept_over(&loaded);
                // Its memory is free before the budget is looked at.
                drop(loaded);
                kept
            }
            None => loaded,
        });
        if self.budget.shortfall(0, 0) > 0 {
            tracing::warn!(
                session.key = %key,
                "session does not fit into cache.maxMemory with the sessions in use; it is not cached"
            );
            self.metrics.sessions.not_cached();
        } else if self.may_be_cached(key, source) {
            let schedule = RefreshSchedule::after(Built {
                at: Instant::now(),
                took: session.built_in,
                newest_age: session.newest_age(),
                incomplete: session.has_unread_files(),
                failures,
            });
            let cached = Arc::new(Cached::new(Arc::clone(&session), schedule));
            self.cache.insert(key.clone(), Arc::clone(&cached));
            self.recheck(key, &cached, source);
        }
        session
    }

    /// Removes a session that was just cached, if settings changed meanwhile so that it must not be.
    fn recheck(&self, key: &SessionKey, cached: &Arc<Cached>, source: &Arc<Source>) {
        if !self.may_be_cached(key, source) {
            self.cache.remove(key, cached);
        }
    }

    /// Returns `true` if a session of this source may be cached under the current settings.
    fn may_be_cached(&self, key: &SessionKey, source: &Arc<Source>) -> bool {
        Arc::ptr_eq(source, &self.source()) && source.catalog.allows(key)
    }
}

fn outcome(loaded: &Result<OpenSession, Error>) -> Outcome {
    match loaded {
        Ok(session) if session.unread_files == 0 => Outcome::Whole,
        Ok(_) => Outcome::Incomplete,
        Err(Error::TimedOut { .. }) => Outcome::TimedOut,
        Err(Error::TooLarge { .. }) => Outcome::TooLarge,
        Err(Error::Stopping) => Outcome::Stopped,
        Err(_) => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests;
