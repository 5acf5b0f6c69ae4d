//! An obituary as it is shown: what came from logs is for those who may read the logs of the namespace.

use super::obituary::{may_quote_a_log, quotes_a_log};
use ray_history_obituary::document::Document;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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
    // KubeRay quotes the termination message of the head in a condition of its cluster.
    for condition in items(fields.get_mut("conditions")) {
        remove(condition, "message", "conditions[].message");
    }
    for pod in items(fields.get_mut("pods")) {
        for condition in items(pod.get_mut("conditions")) {
            remove(condition, "message", "pods[].conditions[].message");
        }
        for container in items(pod.get_mut("containers")) {
            for waited in items(container.get_mut("waited")) {
                remove(waited, "message", "pods[].containers[].waited[].message");
            }
            for ended in items(container.get_mut("ended")) {
                remove(ended, "message", "pods[].containers[].ended[].message");
            }
        }
    }
    for (event, told) in items(fields.get_mut("events")).zip(document.facts.events.iter()) {
        if quotes_a_log(told) {
            remove(event, "note", "events[].note");
        }
    }
    for (run, told) in items(fields.get_mut("runs")).zip(&document.runs) {
        for (list, causes) in [("causes", &told.causes), ("noticed", &told.noticed)] {
            for (cause, told) in items(run.get_mut(list)).zip(causes) {
                for (evidence, told) in items(cause.get_mut("evidence")).zip(&told.evidence) {
                    if may_quote_a_log(&document.facts, told) {
                        remove(evidence, "says", "runs[].causes[].evidence[].says");
                    }
                }
            }
        }
    }
    if fields.remove("submitterLog").is_some_and(|log| !log.is_null()) {
        left_out.insert("submitterLog");
    }
    // Fields of a later version may hold texts of logs.
    for name in document.unknown.keys() {
        if fields.remove(name).is_some_and(|value| !value.is_null()) {
            left_out.insert("fields of a later version");
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
                {"name": "ray-head", "ended": [{"id": "1", "at": "2026-11-22T10:00:00Z", "reason": "Error", "message": SECRET}],
                    "waited": [{"reason": "RunContainerError", "message": SECRET, "from": "2026-11-22T10:00:00Z",
                        "to": "2026-11-22T10:00:00Z"}]}
            ], "conditions": [{"type": "Ready", "reason": "ContainersNotReady", "message": SECRET, "at": "2026-11-22T10:00:00Z"}]}],
            "runs": [{"causes": [{"code": "SubmissionFailed", "certainty": "certain", "evidence": [
                {"about": "RayJob nightly", "says": format!("Failed FAILED SubmissionFailed: failed: {SECRET}")},
                {"about": "Pod head", "says": format!("ray-head ended: Error, exit code 1, {SECRET}")},
                {"about": "RayCluster c", "at": "2026-11-22T10:00:00Z", "says": format!("DeletedHeadPod: {SECRET}")},
                {"about": "RayCluster c", "at": "2026-11-22T10:00:00Z", "says": "Created: a head pod"}
            ]}]}],
            "events": [
                {"about": "RayCluster c", "reason": "DeletedHeadPod", "note": SECRET, "at": "2026-11-22T10:00:00Z",
                    "first": "2026-11-22T10:00:00Z"},
                {"about": "RayCluster c", "reason": "Created", "note": "a head pod", "at": "2026-11-22T10:00:00Z",
                    "first": "2026-11-22T10:00:00Z"}
            ],
            "conditions": [{"about": "RayCluster c", "at": "2026-11-22T10:00:00Z", "type": "HeadPodReady",
                "status": "False", "reason": "Error", "message": format!("ray-head: {SECRET}")}],
            "submitterLog": {"at": "2026-11-22T10:00:00Z", "pod": "nightly-x", "container": "ray-job-submitter", "text": SECRET},
            "ofLaterVersions": SECRET
        });
        Document::read(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn texts_of_logs_are_for_those_who_may_read_logs() {
        let document = document();
        let whole = shown(&document, true).to_string();
        assert_eq!(whole.matches(SECRET).count(), 11, "{whole}");
        let bare = shown(&document, false);
        assert!(!bare.to_string().contains(SECRET), "{bare}");
        assert_eq!(bare.to_string().matches("a head pod").count(), 2, "{bare}");
        assert_eq!(bare["leftOut"]["fields"].as_array().unwrap().len(), 9, "{bare}");
    }

    #[test]
    fn nothing_is_said_where_nothing_is_left_out() {
        let mut document = document();
        document.facts.attempts = ray_history_obituary::join::Table::default();
        document.facts.pods = ray_history_obituary::join::Table::default();
        document.facts.events = ray_history_obituary::join::Table::default();
        document.facts.conditions = ray_history_obituary::join::Table::default();
        document.unknown.clear();
        document.submitter_log = None;
        document.runs.clear();
        assert_eq!(shown(&document, false), shown(&document, true));
    }
}
