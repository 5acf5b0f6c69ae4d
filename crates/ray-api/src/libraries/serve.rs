//! `/api/serve/applications/`: the applications of Ray Serve.
//!
//! The live dashboard queries the Serve controller, which is gone: a stored response is the only source.
//! Source: `dashboard/modules/serve/serve_head.py`, `ServeInstanceDetails` in `serve/schema.py`.

use crate::redact::Redactor;
use crate::{Answer, Query, RayError, stored};
use ray_history_core::base::stored_json;
use ray_history_core::snapshot::Snapshot;
use serde_json::json;
use std::sync::Arc;

const URL: &str = "api/serve/applications";
/// Longest stored response, in bytes, from which null options are removed; the tree of a longer one takes many times
/// its size.
pub const MAX_TREE: usize = 256 << 10;

/// Answers `/api/serve/applications/`: without a stored response, with Ray's answer for Serve that was never started.
pub fn applications(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let stored = snapshot.endpoint(URL);
    let read = stored.filter(|stored| stored.len() <= MAX_TREE).and_then(stored_json::value);
    let mut shown = match (read, stored) {
        (Some(read), _) => read,
        (None, Some(_)) => return Ok(stored::answer(snapshot, URL, query.redact).unwrap_or_else(never_started)),
        (None, None) => return Ok(never_started()),
    };
    if let Some(members) = shown.as_object_mut() {
        // The page tests whether the key exists, not its value.
        members.retain(|key, value| !(matches!(key.as_str(), "http_options" | "grpc_options") && value.is_null()));
    }
    let shown = shown.to_string();
    Ok(Answer::json(if query.redact { Redactor::of_document().all(&shown) } else { shown.into_bytes() }))
}

fn never_started() -> Answer {
    stored::reply(&json!({"controller_info": {}, "proxies": {}, "applications": {}, "target_capacity": null}))
}
