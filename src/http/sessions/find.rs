//! Finds stored sessions in the listing, and opens them.
//!
//! A request starts a load if needed; nothing in this module cancels one.

use crate::http::error::Error;
use crate::http::state::State;
use crate::session::catalog::{Entry, Listing};
use crate::session::{self, OpenSession, Opening};
use ray_history_core::base::name::{ClusterId, SessionKey};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a poll for a load that is nearly done or has not started.
const POLL: Duration = Duration::from_millis(50);

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

/// Starts the load of a session if it is not open, and waits at most `POLL` for it.
pub(in crate::http) async fn begin(state: &State, key: &SessionKey) -> Result<Opening, session::Error> {
    if let Some(progress) = state.sessions.progress(key) {
        return Ok(Opening::Loading(progress));
    }
    state.sessions.open_within(key, POLL).await
}

/// Opens a session, waiting for at most the request timeout.
pub(in crate::http) async fn open(state: &State, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
    match state.sessions.open_within(key, state.sessions.settings().loading.request_timeout).await? {
        Opening::Ready(session) => Ok(session),
        Opening::Loading(progress) => Err(Error::Loading(progress)),
    }
}
