//! `/api/serve/applications/`: what Serve ran.
//!
//! The live dashboard asks the Serve controller, which is gone: a stored answer is the only source.
//! Source: `dashboard/modules/serve/serve_head.py`, `ServeInstanceDetails` in `serve/schema.py`.

use super::{Answer, Question, Refusal, redact, stored};
use crate::snapshot::Snapshot;
use serde_json::json;
use std::sync::Arc;

/// Answers `/api/serve/applications/`: without a stored one, what Ray says when Serve was never started.
pub fn applications(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut stored = stored::body(snapshot, "api/serve/applications")
        .unwrap_or_else(|| json!({"controller_info": {}, "proxies": {}, "applications": {}, "target_capacity": null}));
    if let Some(members) = stored.as_object_mut() {
        // The page looks whether the key is there, not what it holds.
        members.retain(|key, value| !(matches!(key.as_str(), "http_options" | "grpc_options") && value.is_null()));
    }
    if question.redact {
        redact::deep(&mut stored);
    }
    Ok(stored::reply(&stored))
}
