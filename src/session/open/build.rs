//! Loads a session, and keeps what comes of it.
//!
//! Owns what is kept: nothing that is larger than the budget leaves room for, nothing of a store that was replaced or of a
//! namespace that is not served any more, and nothing that shows less than what is kept already.

use super::{Sessions, lock};
use crate::metrics::sessions::Outcome;
use crate::session::Error;
use crate::session::cache::Kept;
use crate::session::freshness::{Built, Look};
use crate::session::load::{Load, OpenSession};
use crate::session::progress::Counters;
use crate::session::source::Source;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use tokio::time::Instant;

/// Why a session is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A request waits for it.
    Asked,
    /// It changed, or files could not be read: the kept one is given meanwhile.
    Rebuild,
    /// It may be asked for soon.
    Prewarm,
}

impl Sessions {
    /// Loads a session and keeps it.
    pub(super) async fn load(
        self: Arc<Self>,
        key: SessionKey,
        counters: Arc<Counters>,
        why: Why,
    ) -> Result<Arc<OpenSession>, Error> {
        let started = Instant::now();
        let source = self.source();
        let before = self.cache.peek(&key).map_or(0, |kept| lock(&kept.look).failures());
        let timeout = self.settings().loading.timeout;
        let late = |_| Error::TimedOut { key: key.clone(), after: timeout };
        let places = tokio::time::timeout(timeout, source.places(&key)).await.map_err(late)??;
        let load = Load {
            store: Arc::clone(&source.store),
            key: key.clone(),
            places,
            counters,
            admission: Arc::clone(&self.admission),
            metrics: Arc::clone(&self.metrics.sessions),
            timeout,
            idle_only: why == Why::Prewarm,
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
        if let Some(kept) = self.cache.peek(&key).filter(|kept| session.shows_less_than(&kept.session)) {
            tracing::warn!(
                session.key = %key,
                unread_files = session.unread_files,
                "files that were read before could not be read again: what was read before is kept"
            );
            session = kept.session.rather_than(&session);
        }
        let session = Arc::new(session);
        if self.ledger.missing(0, 0) > 0 {
            tracing::warn!(session.key = %key, "session is larger than cache.maxMemory leaves room for: not kept");
            self.metrics.sessions.not_cached();
        } else if self.belongs(&key, &source) {
            let look = Look::after(Built {
                at: Instant::now(),
                took: session.built_in,
                newest_age: session.newest_age(),
                incomplete: session.wants_more(),
                failures: before,
            });
            let kept = Arc::new(Kept::new(Arc::clone(&session), look));
            self.cache.keep(key.clone(), Arc::clone(&kept));
            self.check_again(&key, &kept, &source);
        }
        self.measure();
        if source.catalog.allows(&key) { Ok(session) } else { Err(Error::Unknown(key)) }
    }

    /// Settings may have changed while something was put into the cache: they let go of what they found there, so that
    /// is asked once more.
    pub(super) fn check_again(&self, key: &SessionKey, kept: &Arc<Kept>, source: &Arc<Source>) {
        if !self.belongs(key, source) {
            self.cache.forget(key, kept);
        }
    }

    /// Whether what was loaded from a source may be kept by the settings of this moment.
    fn belongs(&self, key: &SessionKey, source: &Arc<Source>) -> bool {
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
