//! Lookups of stored sessions in the listing.

use crate::http::error::Error;
use crate::http::state::State;
use crate::session;
use crate::session::catalog::{Entry, Listing};
use ray_history_core::base::name::{ClusterId, SessionKey};

/// Searches the listing, then a fresh one, because the session may be newer than the last listing. An outage is an
/// error and not `None`.
pub(in crate::http) async fn look_up<T>(
    state: &State,
    search: impl Fn(&Listing) -> Option<T>,
) -> Result<Option<T>, session::Error> {
    if let Some(found) = search(&state.sessions.listing()) {
        return Ok(Some(found));
    }
    Ok(search(&*state.sessions.fresh_listing().await?))
}

/// Returns the newest session of a cluster, or an error if none is stored.
pub(in crate::http) async fn latest(state: &State, cluster: &ClusterId) -> Result<Entry, Error> {
    let found = look_up(state, |listing| listing.latest(cluster)).await?;
    found.ok_or_else(|| Error::NothingNamed("cluster", cluster.name.clone()))
}

/// Returns the entry of a session, or an error if it is not stored.
pub(in crate::http) async fn entry(state: &State, key: &SessionKey) -> Result<Entry, session::Error> {
    state.sessions.find(key).await?.ok_or_else(|| session::Error::Unknown(key.clone()))
}
