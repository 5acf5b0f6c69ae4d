//! Opening of sessions by requests.
//!
//! A request starts a load if needed; nothing in this module cancels one.

use crate::http::error::Error;
use crate::http::state::State;
use crate::session::{self, OpenSession, Opening};
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a poll for a load that is nearly done or has not started.
const POLL: Duration = Duration::from_millis(50);

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
