//! Endpoints that describe the dashboard itself and return the same for every dead session.

use super::nodes;
use crate::json::JsonWriter;
use crate::{Answer, Body, RayError, TEXT, pieces};
use ray_history_core::snapshot::Snapshot;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// Returns the answer of a fixed URL below a session, or `None` for any other URL.
pub fn fixed(path: &str) -> Option<Answer> {
    let value: Value = match path {
        "api/authentication_mode" => json!({"authentication_mode": "disabled"}),
        // A dead session has no process to profile.
        "api/profiling_enabled" => json!({"result": true, "msg": "", "data": {"profilingEnabled": false,
            "profilingDefaults": {"native": false, "subprocesses": false, "idle": false, "leaks": false,
            "tracePythonAllocators": false, "cpuDuration": 5, "memoryDuration": 10, "maxDuration": 60,
            "cpuFormat": "flamegraph", "memoryFormat": "flamegraph", "pyspyNativeSupported": true}}}),
        // Hides every metrics panel: Grafana cannot be linked to a dead cluster.
        "api/grafana_health" => json!({"result": true, "msg": "Grafana is disabled",
            "data": {"grafanaHost": "DISABLED"}}),
        "api/prometheus_health" => json!({"result": false, "msg": "prometheus healthcheck failed.",
            "data": {"reason": "metrics of a dead session are not served"}}),
        "usage_stats_enabled" => json!({"result": true, "msg": "Fetched usage stats enabled",
            "data": {"usageStatsEnabled": false, "usageStatsPromptEnabled": false}}),
        "api/component_activities" => json!({"driver": {"is_active": "INACTIVE",
            "reason": "the session is over", "timestamp": 0.0, "last_activity_at": null}}),
        "api/gcs_healthz" => return Some(text("success")),
        _ => return None,
    };
    Some(Answer::json(value.to_string().into_bytes()))
}

fn text(body: &'static str) -> Answer {
    Answer { content_type: TEXT, attachment: None, body: Body::Whole(Cow::Borrowed(body.as_bytes())) }
}

/// Answers `/api/v0/runtime_env_redaction`, by which the page decides whether to mention that values are hidden.
pub fn redaction(hidden: bool) -> Answer {
    let value = json!({"result": true, "msg": "", "data": {"redactionEnabled": hidden}});
    Answer::json(value.to_string().into_bytes())
}

/// Answers `/api/v0/platform_events`.
///
/// Without collected events it returns 404 as Ray does, which hides the page.
pub fn platform_events(snapshot: &Arc<Snapshot>) -> Result<Answer, RayError> {
    if snapshot.platform_events.is_empty() {
        return Err(RayError::NotFound("404: Not Found".to_owned()));
    }
    let (rows, snapshot) = (snapshot.platform_events.len(), Arc::clone(snapshot));
    let mut head = pieces::writer(rows);
    nodes::begin(&mut head, "");
    head.key("events");
    head.begin_array();
    let row = move |row: usize, w: &mut JsonWriter| {
        // The fold has already made it strict JSON.
        if let Some(event) = snapshot.platform_events.get(row) {
            w.raw(event.as_bytes());
        }
    };
    Ok(pieces::answer(head, 0..rows, row, |w| {
        w.end_array();
        nodes::end(w);
    }))
}

/// Returns the error of the profiling endpoints below `/worker/` and `/task/`, which need a running process.
pub fn profiling() -> RayError {
    RayError::Forbidden("Profiling needs a running process; this session is over.".to_owned())
}
