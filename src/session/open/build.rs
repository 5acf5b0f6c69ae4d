//! Loads a session and caches the result.
//!
//! Not cached are sessions that exceed the memory budget, and those of a replaced store or of a namespace that is no
//! longer served. A build that shows less than the cached one does not replace it.

use super::Sessions;
use crate::metrics::sessions::Outcome;
use crate::session::Error;
use crate::session::cache::Cached;
use crate::session::freshness::{Built, RefreshSchedule};
use crate::session::load::{Load, OpenSession};
use crate::session::progress::Counters;
use crate::session::source::Source;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use tokio::time::Instant;

/// The reason for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadReason {
    /// A request waits for the session.
    Asked,
    /// The session changed, or files could not be read. The cached one is returned meanwhile.
    Rebuild,
    /// The session may be requested soon.
    Prewarm,
}

impl Sessions {
    /// Loads a session and caches it.
    pub(super) async fn load(
        self: Arc<Self>,
        key: SessionKey,
        counters: Arc<Counters>,
        reason: LoadReason,
    ) -> Result<Arc<OpenSession>, Error> {
        let started = Instant::now();
        let source = self.source();
        let before = self.cache.peek(&key).map_or(0, |cached| cached.schedule.lock().failures());
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
            timeout,
            idle_only: reason == LoadReason::Prewarm,
        };
        let loaded = load.run().await;
        self.metrics.sessions.loaded(outcome(&loaded), started.elapsed());
        let mut session = loaded.inspect_err(
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
        if let Some(cached) = self.cache.peek(&key).filter(|cached| session.shows_less_than(&cached.session)) {
            tracing::warn!(
                session.key = %key,
                unread_files = session.unread_files,
                "files could not be read again; the previous state of the session is kept"
            );
            session = cached.session.kept_over(&session);
        }
        let session = Arc::new(session);
        if self.budget.shortfall(0, 0) > 0 {
            tracing::warn!(
                session.key = %key,
                "session does not fit into cache.maxMemory with the sessions in use; it is not cached"
            );
            self.metrics.sessions.not_cached();
        } else if self.may_be_cached(&key, &source) {
            let schedule = RefreshSchedule::after(Built {
                at: Instant::now(),
                took: session.built_in,
                newest_age: session.newest_age(),
                incomplete: session.has_unread_files(),
                failures: before,
            });
            let cached = Arc::new(Cached::new(Arc::clone(&session), schedule));
            self.cache.insert(key.clone(), Arc::clone(&cached));
            self.recheck(&key, &cached, &source);
        }
        self.update_metrics();
        if source.catalog.allows(&key) { Ok(session) } else { Err(Error::Unknown(key)) }
    }

    /// Removes a session that was just cached, if settings changed meanwhile so that it must not be.
    pub(super) fn recheck(&self, key: &SessionKey, cached: &Arc<Cached>, source: &Arc<Source>) {
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
