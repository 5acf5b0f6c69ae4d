//! Compares an open session with the store and brings it up to date. Until that has ended, callers get the session as
//! it is; a failure leaves it as it is.

use super::build::Why;
use super::{Sessions, lock};
use crate::base::chain::chain;
use crate::base::name::SessionKey;
use crate::metrics::sessions::Look as LookFound;
use crate::session::Error;
use crate::session::cache::Kept;
use crate::session::load;
use crate::session::loader::Joined;
use std::sync::Arc;
use tokio::time::Instant;

impl Sessions {
    /// Compares a cached session with the store and brings it up to date.
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
                self.metrics.sessions.looked(LookFound::Failed);
                return lock(&kept.look).failed(Instant::now());
            }
        };
        let open = &kept.session;
        if open.has_changed(&found.digest) {
            self.metrics.sessions.looked(LookFound::Changed);
            if lock(&kept.look).may_rebuild(Instant::now()) {
                self.rebuild(key, kept).await;
            }
        } else if open.wants_more() && lock(&kept.look).may_retry(Instant::now()) {
            self.metrics.sessions.looked(LookFound::Changed);
            self.rebuild(key, kept).await;
        } else if open.shows_other_logs_than(&found.digest) {
            self.metrics.sessions.looked(LookFound::Logs);
            let mut look = *lock(&kept.look);
            let session = Arc::new(open.with(found));
            look.done(Instant::now(), session.newest_age());
            let new = Arc::new(Kept::new(session, look));
            self.cache.replace(key, &kept, Arc::clone(&new));
            self.check_again(key, &new, &source);
        } else {
            self.metrics.sessions.looked(LookFound::Same);
            lock(&kept.look).done(Instant::now(), load::age(found.newest));
        }
    }

    /// Rebuilds a cached session. Holds no reference to it meanwhile, because the load may wait for its memory.
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
        // The session is gone if it was replaced or evicted. It is still there if the load failed.
        if let Some(kept) = before.upgrade() {
            lock(&kept.look).failed(Instant::now());
        }
    }
}
