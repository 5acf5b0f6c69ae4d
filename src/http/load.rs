//! Loads that requests start: the load status that pages poll, and waiting for a load to end.
//!
//! A request starts a load if needed; nothing in this module cancels one.

use super::call::Call;
use super::error::Error;
use super::path::session_key;
use super::progress::Status;
use super::state::State;
use crate::session::{OpenSession, Opening};
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use ray_history_core::base::name::SessionKey;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a poll for a load that is nearly done or has not started.
const POLL: Duration = Duration::from_millis(50);

/// Starts the load of a session if it is not open, and returns its progress. Does not wait for the load; meant for
/// polling.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/load",
    operation_id = "loadSession",
    tag = "sessions",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
    ),
    responses(
        (status = 200, description = "Progress of the load, including a failed one", body = Status),
        (status = 404, description = "No such session", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = super::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn progress(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let status = match begin(call.state, &key).await {
        Ok(Opening::Ready(session)) => match &session.nothing_read {
            // Only its logs can be read.
            Some(error) => Status::failed(Error::Session(error.clone()).to_string()),
            None => Status::READY,
        },
        Ok(Opening::Loading(progress)) => Status::loading(&progress),
        Err(error @ (crate::session::Error::Unknown(_) | crate::session::Error::Storage(_))) => {
            return Err(error.into());
        }
        Err(error) => Status::failed(Error::Session(error).to_string()),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(status))
}

/// Starts the load of a session if it is not open, and waits at most `POLL` for it.
pub(super) async fn begin(state: &State, key: &SessionKey) -> Result<Opening, crate::session::Error> {
    if let Some(progress) = state.sessions.progress(key) {
        return Ok(Opening::Loading(progress));
    }
    state.sessions.open_within(key, POLL).await
}

/// Opens a session, waiting for at most the request timeout.
pub(super) async fn open(state: &State, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
    match state.sessions.open_within(key, state.sessions.settings().loading.request_timeout).await? {
        Opening::Ready(session) => Ok(session),
        Opening::Loading(progress) => Err(Error::Loading(progress)),
    }
}
