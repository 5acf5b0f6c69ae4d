//! Loads that requests begin: the small JSON that pages poll, and waiting for the end of one.
//!
//! Asking starts the load; nothing here ends one.

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

/// How long the answer to a poll may wait for a load that is nearly done, or has not begun.
const POLL: Duration = Duration::from_millis(50);

/// Starts the load of a session if it is not open, and tells how far it is. Never waits for it: made to be polled.
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
        (status = 200, description = "Where it is; a failed load is told here too", body = Status),
        (status = 404, description = "No such session", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = super::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn progress(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let status = match begin(call.state, &key).await {
        Ok(Opening::Ready(session)) => match &session.nothing_read {
            // Its logs can be read, and nothing else.
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

/// Starts the load of a session, if it is not open; waits for nothing that takes long.
pub(super) async fn begin(state: &State, key: &SessionKey) -> Result<Opening, crate::session::Error> {
    if let Some(progress) = state.sessions.progress(key) {
        return Ok(Opening::Loading(progress));
    }
    state.sessions.open_within(key, POLL).await
}

/// Opens a session, waiting as long as a client is likely to.
pub(super) async fn open(state: &State, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
    match state.sessions.open_within(key, state.sessions.settings().loading.request_timeout).await? {
        Opening::Ready(session) => Ok(session),
        Opening::Loading(progress) => Err(Error::Loading(progress)),
    }
}
