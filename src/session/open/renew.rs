//! Compares an open session with the store again, and brings it up to date. Until that has ended, everybody gets the
//! session as it is; what fails leaves it as it is.

use super::build::Why;
use super::{Sessions, lock};
use crate::metrics::sessions::FreshnessCheck;
use crate::session::Error;
use crate::session::cache::Kept;
use crate::session::load;
use crate::session::loader::Joined;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use tokio::time::Instant;

impl Sessions {
    /// Compares a kept session with the store, and brings it up to date.
    pub(super) async fn look(self: &Arc<Self>, key: &SessionKey, kept: Arc<Kept>) {
        let source = self.source();
        let timeout = self.settings().loading.timeout;
        let looked = async {
            let places = source.places(key).await?;
            Ok::<_, Error>(load::look(&source.store, key, &places).await?)
        };
        let found = match tokio::time::timeout(timeout, looked).await {
            Ok(Ok(found)) => found,
            failed => {
                let why = failed.map_or_else(
                    |_| "it took too long".to_owned(),
                    |failed| failed.err().map(|error| chain(&error)).unwrap_or_default(),
                );
                tracing::warn!(session.key = %key, error = why, "an open session could not be compared with the store");
                self.metrics.sessions.freshness_checked(FreshnessCheck::Failed);
                return lock(&kept.look).failed(Instant::now());
            }
        };
        let open = &kept.session;
        if open.has_changed(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            if lock(&kept.look).may_rebuild(Instant::now()) {
                self.rebuild(key, kept).await;
            }
        } else if open.wants_more() && lock(&kept.look).may_retry(Instant::now()) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            self.rebuild(key, kept).await;
        } else if open.shows_other_logs_than(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Logs);
            let mut look = *lock(&kept.look);
            let session = Arc::new(open.with(found));
            look.done(Instant::now(), session.newest_age());
            let new = Arc::new(Kept::new(session, look));
            self.cache.replace(key, &kept, Arc::clone(&new));
            self.check_again(key, &new, &source);
        } else {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Same);
            lock(&kept.look).done(Instant::now(), load::age(found.newest));
        }
    }

    /// Builds again what is kept. Nobody holds it here meanwhile: its memory may be what the load waits for.
    async fn rebuild(self: &Arc<Self>, key: &SessionKey, kept: Arc<Kept>) {
        let before = Arc::downgrade(&kept);
        drop(kept);
        let built = match self.start(key, Why::Rebuild) {
            Ok(Joined::Ready(_)) => Ok(()),
            Ok(Joined::Waiting(load)) => load.end().await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = built {
            tracing::warn!(session.key = %key, error = %chain(&error), "an open session could not be built again; it stays as it is");
        }
        // Gone when it was replaced, or had to make room. It stays where the load failed.
        if let Some(kept) = before.upgrade() {
            lock(&kept.look).failed(Instant::now());
        }
    }
}
