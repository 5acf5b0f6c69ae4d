//! Answers that the live dashboard gave and a collector kept, by URL without its leading `/`.
//!
//! What no event and no log tells comes from here alone; `placement_groups`, `serve`, `data`, `train` and `metadata`
//! say what they do where nothing was kept.

use super::Answer;
use crate::base::stored_json;
use crate::snapshot::Snapshot;
use serde_json::Value;

/// A stored answer, parsed; damaged ones count as not stored.
pub(super) fn body(snapshot: &Snapshot, url: &str) -> Option<Value> {
    stored_json::value(snapshot.endpoints.get(url)?)
}

/// A document as an answer.
pub(super) fn reply(value: &Value) -> Answer {
    Answer::json(value.to_string().into_bytes())
}
