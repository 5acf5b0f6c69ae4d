//! The load status of a session, as sent to clients.
//!
//! Defines the states `queued`, `loading`, `ready` and `failed`.

use ray_history_session::{Phase, Progress};
use serde::Serialize;
use utoipa::ToSchema;

/// The stage of a session's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LoadStage)]
pub(in crate::http) enum Stage {
    /// It waits for a load slot.
    Queued,
    /// It is being read.
    Loading,
    /// It is open, and requests are answered at once.
    Ready,
    /// It could not be loaded; a later request tries again.
    Failed,
}

/// The load status of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoadStatus)]
pub(in crate::http) struct Status {
    /// Stage of the load.
    pub(in crate::http) state: Stage,
    /// Current phase: listing, queued, reading or finishing; only while it is queued or loading.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "reading")]
    pub(in crate::http) phase: Option<&'static str>,
    /// Files finished, readable or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) files_done: Option<u64>,
    /// Files to read; 0 until they have been listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) files_total: Option<u64>,
    /// Stored bytes read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) bytes_done: Option<u64>,
    /// Stored bytes to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) bytes_total: Option<u64>,
    /// Time of the first request, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-24T12:00:00Z")]
    pub(in crate::http) started_at: Option<String>,
    /// Reason of the failure, for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) error: Option<String>,
}

impl Status {
    /// Status of an open session.
    pub(in crate::http) const READY: Self = Self {
        state: Stage::Ready,
        phase: None,
        files_done: None,
        files_total: None,
        bytes_done: None,
        bytes_total: None,
        started_at: None,
        error: None,
    };

    /// Returns the status of a running load.
    pub(in crate::http) fn loading(progress: &Progress) -> Self {
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

    /// Returns the status of a failed load.
    pub(in crate::http) fn failed(error: String) -> Self {
        Self { state: Stage::Failed, error: Some(error), ..Self::READY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::SystemTime;

    #[test]
    fn only_running_loads_have_progress() {
        let progress = Progress {
            phase: Phase::Reading,
            files_done: 3,
            files_total: 8,
            bytes_done: 30,
            bytes_total: 80,
            started_at: SystemTime::UNIX_EPOCH,
        };
        let running = |state: &str, phase: &str| {
            json!({"state": state, "phase": phase, "filesDone": 3, "filesTotal": 8, "bytesDone": 30, "bytesTotal": 80,
                "startedAt": "1970-01-01T00:00:00.000Z"})
        };
        let queued = Progress { phase: Phase::Queued, ..progress };
        for (status, expected) in [
            (Status::loading(&progress), running("loading", "reading")),
            (Status::loading(&queued), running("queued", "queued")),
            (Status::READY, json!({"state": "ready"})),
            (Status::failed("why".into()), json!({"state": "failed", "error": "why"})),
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), expected);
        }
    }
}
