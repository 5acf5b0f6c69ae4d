//! Lists an open session again: has anything changed since it was built?

use super::Digest;
use super::objects::{self, LogIndex, Places};
use super::pages::Pages;
use ray_history_core::base::name::SessionKey;
use ray_history_storage::{Error, Storage};
use std::sync::Arc;

/// What is stored now.
pub(in crate::session) struct Found {
    /// Of everything listed.
    pub(in crate::session) digest: Digest,
    /// Where log files lie now.
    pub(in crate::session) logs: LogIndex,
    /// When the newest object was written, in nanoseconds since 1970.
    pub(in crate::session) newest: Option<i64>,
}

/// Lists everything, reads nothing.
pub(in crate::session) async fn look(
    store: &Arc<dyn Storage>,
    key: &SessionKey,
    places: &Places,
) -> Result<Found, Error> {
    let prefixes = objects::prefixes(&**store, key, places).await?;
    let mut pages = Pages::first(Arc::clone(store), prefixes).await?;
    pages.rest().await?;
    let (digest, newest) = (pages.objects.digest(), pages.objects.newest);
    Ok(Found { digest, newest, logs: pages.objects.into_logs() })
}
