//! An obituary as it is shown: what came from logs is for those who may read the logs of the namespace.

use ray_history_obituary::document::Document;
use ray_history_obituary::text::one_line;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Bytes of the words of an evidence.
const SAYS: usize = 400;

/// Returns a document as JSON. Unless `shows_logs`, texts that came from logs are left out, and `leftOut` says so.
pub(in crate::http) fn shown(document: &Document, shows_logs: bool) -> Value {
    let mut shown = serde_json::to_value(document).unwrap_or_default();
    if !shows_logs && let Value::Object(fields) = &mut shown {
        let left_out = without_logs(fields, document);
        if !left_out.is_empty() {
            fields.insert("leftOut".to_owned(), json!({"fields": left_out, "needs": "the right to read logs"}));
        }
    }
    shown
}

/// Removes texts of logs, and returns the paths of their fields.
fn without_logs(fields: &mut Map<String, Value>, document: &Document) -> BTreeSet<&'static str> {
    let mut left_out = BTreeSet::new();
    let mut remove = |item: &mut Value, name: &str, path: &'static str| {
        if let Value::Object(item) = item
            && item.remove(name).is_some_and(|text| !text.is_null())
        {
            left_out.insert(path);
        }
    };
    for attempt in items(fields.get_mut("attempts")) {
        remove(attempt, "message", "attempts[].message");
    }
    for pod in items(fields.get_mut("pods")) {
        for container in items(pod.get_mut("containers")) {
            for ended in items(container.get_mut("ended")) {
                remove(ended, "message", "pods[].containers[].ended[].message");
            }
        }
    }
    if fields.remove("submitterLog").is_some_and(|text| !text.is_null()) {
        left_out.insert("submitterLog");
    }
    // Evidence repeats what a RayJob says of itself, its message included.
    let words: BTreeSet<String> = document
        .facts
        .attempts
        .iter()
        .map(|attempt| &attempt.state)
        .filter(|state| !state.message.is_empty())
        .map(|state| {
            let says = format!("{} {} {}: {}", state.deployment_status, state.job_status, state.reason, state.message);
            one_line(&says, SAYS)
        })
        .collect();
    for run in items(fields.get_mut("runs")) {
        for list in ["causes", "noticed"] {
            for cause in items(run.get_mut(list)) {
                for evidence in items(cause.get_mut("evidence")) {
                    let repeats = evidence["says"].as_str().is_some_and(|says| words.contains(says));
                    if repeats && let Value::Object(evidence) = evidence {
                        evidence.remove("says");
                        left_out.insert("runs[].causes[].evidence[].says");
                    }
                }
            }
        }
    }
    left_out
}

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wandb key 0123456789";

    fn document() -> Document {
        let text = json!({
            "schema": "ray-history/obituary/v1",
            "object": {"kind": "RayJob", "namespace": "ml", "name": "nightly", "uid": "u"},
            "attempts": [{"job": "u", "cluster": "c", "deploymentStatus": "Failed", "jobStatus": "FAILED",
                "reason": "SubmissionFailed", "message": format!("failed: {SECRET}")}],
            "pods": [{"uid": "p", "name": "head", "containers": [
                {"name": "ray-head", "ended": [{"id": "1", "at": "2026-11-22T10:00:00Z", "reason": "Error", "message": SECRET}]}
            ]}],
            "runs": [{"causes": [{"code": "SubmissionFailed", "certainty": "certain", "evidence": [
                {"about": "RayJob nightly", "says": format!("Failed FAILED SubmissionFailed: failed: {SECRET}")},
                {"about": "Pod head", "says": "ray-head ended: Error, exit code 1"}
            ]}]}],
            "submitterLog": SECRET
        });
        Document::read(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn texts_of_logs_are_for_those_who_may_read_logs() {
        let document = document();
        let whole = shown(&document, true).to_string();
        assert_eq!(whole.matches(SECRET).count(), 4, "{whole}");
        let bare = shown(&document, false);
        assert!(!bare.to_string().contains(SECRET), "{bare}");
        assert!(bare.to_string().contains("ray-head ended: Error, exit code 1"), "{bare}");
        assert_eq!(bare["leftOut"]["fields"].as_array().unwrap().len(), 4, "{bare}");
    }

    #[test]
    fn nothing_is_said_where_nothing_is_left_out() {
        let mut document = document();
        document.facts.attempts = ray_history_obituary::join::Table::default();
        document.facts.pods = ray_history_obituary::join::Table::default();
        document.unknown.clear();
        document.runs.clear();
        assert_eq!(shown(&document, false), shown(&document, true));
    }
}
