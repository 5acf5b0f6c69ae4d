//! How far a session is on its way into memory: the small JSON that pages poll, and waiting for a load.
//!
//! Owns the words `queued`, `loading`, `ready`, `failed`. Asking starts the load; nothing here ends one.

use super::State;
use super::error::Error;
use super::path::session_key;
use super::routes::Call;
use crate::session::{OpenSession, Opening, Phase, Progress, SessionKey};
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// How long the answer to a poll may wait for a load that is nearly done, or has not begun.
const POLL: Duration = Duration::from_millis(50);

/// Where a session is on its way into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LoadStage)]
pub(super) enum Stage {
    /// It waits for its turn.
    Queued,
    /// It is being read.
    Loading,
    /// It is open: questions are answered at once.
    Ready,
    /// It could not be loaded; asking again later tries again.
    Failed,
}

/// The load of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoadStatus)]
pub(super) struct Status {
    /// Where it is.
    pub(super) state: Stage,
    /// Whether it lists, waits, reads or finishes; only while it is queued or loading.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "reading")]
    pub(super) phase: Option<&'static str>,
    /// Files read to their end, readable or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files_done: Option<u64>,
    /// Files to read; 0 until they have been listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files_total: Option<u64>,
    /// Stored bytes read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_done: Option<u64>,
    /// Stored bytes to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_total: Option<u64>,
    /// When it was first asked for, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-24T12:00:00Z")]
    pub(super) started_at: Option<String>,
    /// Why it failed, in words for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Status {
    const READY: Self = Self {
        state: Stage::Ready,
        phase: None,
        files_done: None,
        files_total: None,
        bytes_done: None,
        bytes_total: None,
        started_at: None,
        error: None,
    };

    /// Of a load that runs.
    pub(super) fn loading(progress: &Progress) -> Self {
        let started = jiff::Timestamp::try_from(progress.started_at).unwrap_or_default();
        Self {
            state: if progress.phase == Phase::Queued { Stage::Queued } else { Stage::Loading },
            phase: Some(progress.phase.as_str()),
            files_done: Some(progress.files_done),
            files_total: Some(progress.files_total),
            bytes_done: Some(progress.bytes_done),
            bytes_total: Some(progress.bytes_total),
            started_at: Some(started.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
            error: None,
        }
    }

    /// Of a load that failed.
    pub(super) fn failed(error: String) -> Self {
        Self { state: Stage::Failed, error: Some(error), ..Self::READY }
    }
}

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
        (status = 404, description = "No such session", body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = super::openapi::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn progress(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let status = match begin(call.state, &key).await {
        Ok(Opening::Ready(_)) => Status::READY,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::SystemTime;

    #[test]
    fn a_load_is_told_with_its_progress_and_an_end_without() {
        let progress = Progress {
            phase: Phase::Reading,
            files_done: 3,
            files_total: 8,
            bytes_done: 30,
            bytes_total: 80,
            started_at: SystemTime::UNIX_EPOCH,
        };
        let told = |state: &str, phase: &str| {
            json!({"state": state, "phase": phase, "filesDone": 3, "filesTotal": 8, "bytesDone": 30, "bytesTotal": 80,
                "startedAt": "1970-01-01T00:00:00.000Z"})
        };
        let queued = Progress { phase: Phase::Queued, ..progress };
        for (status, expected) in [
            (Status::loading(&progress), told("loading", "reading")),
            (Status::loading(&queued), told("queued", "queued")),
            (Status::READY, json!({"state": "ready"})),
            (Status::failed("why".into()), json!({"state": "failed", "error": "why"})),
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), expected);
        }
    }
}
