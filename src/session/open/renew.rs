//! Compares an open session with the store and brings it up to date. Until that has ended, callers get the session as
//! it is; a failure leaves it as it is.

use super::build::LoadReason;
use super::{Sessions, lock};
use crate::metrics::sessions::FreshnessCheck;
use crate::session::Error;
use crate::session::cache::Cached;
use crate::session::load;
use crate::session::loader::Joined;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use tokio::time::Instant;

impl Sessions {
    /// Compares a cached session with the store and brings it up to date.
    pub(super) async fn check_store(self: &Arc<Self>, key: &SessionKey, cached: Arc<Cached>) {
        let source = self.source();
        let timeout = self.settings().loading.timeout;
        let relisted = async {
            let places = source.places(key).await?;
            Ok::<_, Error>(load::relist(&source.store, key, &places).await?)
        };
        let found = match tokio::time::timeout(timeout, relisted).await {
            Ok(Ok(found)) => found,
            failed => {
                let why = failed.map_or_else(
                    |_| "it took too long".to_owned(),
                    |failed| failed.err().map(|error| chain(&error)).unwrap_or_default(),
                );
                tracing::warn!(session.key = %key, error = why, "an open session could not be compared with the store");
                self.metrics.sessions.freshness_checked(FreshnessCheck::Failed);
                return lock(&cached.schedule).failed(Instant::now());
            }
        };
        let open = &cached.session;
        if open.has_changed(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            if lock(&cached.schedule).may_rebuild(Instant::now()) {
                self.rebuild(key, cached).await;
            }
        } else if open.has_unread_files() && lock(&cached.schedule).may_retry(Instant::now()) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            self.rebuild(key, cached).await;
        } else if open.has_other_logs(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Logs);
            let mut schedule = *lock(&cached.schedule);
            let session = Arc::new(open.with_logs(found));
            schedule.done(Instant::now(), session.newest_age());
            let new = Arc::new(Cached::new(session, schedule));
            self.cache.replace(key, &cached, Arc::clone(&new));
            self.recheck(key, &new, &source);
        } else {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Same);
            lock(&cached.schedule).done(Instant::now(), load::age(found.newest));
        }
    }

    /// Rebuilds a cached session. Holds no reference to it meanwhile, because the load may wait for its memory.
    async fn rebuild(self: &Arc<Self>, key: &SessionKey, cached: Arc<Cached>) {
        let before = Arc::downgrade(&cached);
        drop(cached);
        let built = match self.start(key, LoadReason::Rebuild) {
            Ok(Joined::Ready(_)) => Ok(()),
            Ok(Joined::Waiting(load)) => load.wait().await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = built {
            tracing::warn!(
                session.key = %key,
                error = %chain(&error),
                "an open session could not be rebuilt; it stays as it was"
            );
        }
        // The session is gone if it was replaced or evicted. It is still there if the load failed.
        if let Some(cached) = before.upgrade() {
            lock(&cached.schedule).failed(Instant::now());
        }
    }
}
