//! `/api/v0/platform_events`: Events of Kubernetes, as Ray's dashboard would have collected them.
//!
//! Ray 2.56 and later collects them only if `RAY_DASHBOARD_INGEST_PLATFORM_EVENTS` is set. Those of an obituary take the
//! same form (`platform_event.proto`), so Ray's own page shows them. An obituary keeps no uids, so an event that both
//! sources have is known by its object, reason and message.

use super::nodes;
use crate::json::JsonWriter;
use crate::{Answer, pieces};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use foldhash::quality::FixedState;
use ray_history_core::base::numbers::without_numbers;
use ray_history_core::base::stored_json;
use ray_history_core::base::time::{Nanos, parse_rfc3339};
use ray_history_core::snapshot::Snapshot;
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasher;

/// Events of an answer, the newest.
const MAX: usize = 1_000;

/// Events of Kubernetes of one kind about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesEvent {
    /// The time of the last one.
    pub at: Nanos,
    /// The number of them.
    pub count: i64,
    /// `true` if it warns.
    pub is_warning: bool,
    /// The kind of the object.
    pub object_kind: String,
    /// The name of the object.
    pub object_name: String,
    /// The reason.
    pub reason: String,
    /// The program that reports it.
    pub component: String,
    /// The text, by which the event is known.
    pub message: String,
    /// The text that is shown.
    pub shown: String,
}

/// The fields of a stored event by which it is known.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Stored<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow, alias = "platform_event")]
    platform_event: StoredEvent<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct StoredEvent<'a> {
    #[serde(borrow, alias = "object_kind")]
    object_kind: Cow<'a, str>,
    #[serde(borrow, alias = "object_name")]
    object_name: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// Answers with the events that a session stored and those of its cluster's obituary, the newest first.
pub fn joined(snapshot: &Snapshot, namespace: &str, cluster: &str, events: &[KubernetesEvent]) -> Answer {
    let mut known = HashSet::new();
    let mut rows: Vec<(Nanos, Cow<'_, str>)> = Vec::new();
    for record in &snapshot.platform_events {
        let stored: Stored<'_> = stored_json::read_borrowed(record).unwrap_or_default();
        let event = &stored.platform_event;
        known.insert(identity(&event.object_kind, &event.object_name, &event.reason, &event.message));
        let at = if stored.timestamp.is_ascii() { parse_rfc3339(&stored.timestamp) } else { None };
        rows.push((at.unwrap_or_default(), Cow::Borrowed(&**record)));
    }
    for event in events {
        let identity = identity(&event.object_kind, &event.object_name, &event.reason, &event.message);
        if known.insert(identity.clone()) {
            rows.push((event.at, Cow::Owned(record(snapshot, namespace, cluster, event, &identity))));
        }
    }
    rows.sort_by(|a, b| (Reverse(a.0), &a.1).cmp(&(Reverse(b.0), &b.1)));
    rows.truncate(MAX);
    let mut w: JsonWriter = pieces::writer(rows.len());
    nodes::begin(&mut w, "");
    w.key("events");
    w.begin_array();
    for (_, row) in &rows {
        w.raw(row.as_bytes());
    }
    w.end_array();
    nodes::end(&mut w);
    Answer::json(w.into_bytes())
}

/// Returns what is the same of an event however often it was told: numbers differ.
fn identity(kind: &str, name: &str, reason: &str, message: &str) -> [String; 4] {
    [kind.to_owned(), name.to_owned(), reason.to_owned(), without_numbers(message)]
}

fn record(
    snapshot: &Snapshot,
    namespace: &str,
    cluster: &str,
    event: &KubernetesEvent,
    identity: &[String; 4],
) -> String {
    // Ray takes the Event's uid, which is not kept: the same event has the same id in every answer.
    let half = |seed: u64| FixedState::with_seed(seed).hash_one(identity).to_be_bytes();
    let id = BASE64_STANDARD.encode([half(1), half(2)].concat());
    let at = jiff::Timestamp::from_nanosecond(event.at.into()).unwrap_or_default();
    let custom = if event.count > 1 { json!({"count": event.count.to_string()}) } else { json!({}) };
    json!({
        "eventId": id,
        "sourceType": "CLUSTER_LIFECYCLE",
        "eventType": "PLATFORM_EVENT",
        "timestamp": at.to_string(),
        "severity": if event.is_warning { "WARNING" } else { "INFO" },
        "message": event.shown,
        "sessionName": snapshot.session_name,
        "nodeId": "",
        "platformEvent": {
            "source": {
                "platform": "KUBERNETES",
                "component": event.component,
                "metadata": {"namespace": namespace, "ray_cluster_name": cluster},
            },
            "objectKind": event.object_kind,
            "objectName": event.object_name,
            "message": event.shown,
            "reason": event.reason,
            "customFields": custom,
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn event(at: Nanos, name: &str, message: &str) -> KubernetesEvent {
        KubernetesEvent {
            at: 1_795_389_120_000_000_000 + at * 1_000_000_000,
            count: 3,
            is_warning: true,
            object_kind: "Pod".into(),
            object_name: name.into(),
            reason: "BackOff".into(),
            component: "kubelet".into(),
            message: message.into(),
            shown: message.into(),
        }
    }

    fn answered(snapshot: &Snapshot, events: &[KubernetesEvent]) -> Vec<Value> {
        let answer = joined(snapshot, "team", "c", events).into_bytes();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["result"], true);
        answer["data"]["events"].as_array().unwrap().clone()
    }

    #[test]
    fn events_have_rays_form_the_newest_first() {
        let snapshot = Snapshot { session_name: "session_x".into(), ..Snapshot::default() };
        let shown = answered(&snapshot, &[event(1, "a", "<b>one\"</b>"), event(2, "b", "two")]);
        let times: Vec<_> = shown.iter().map(|event| event["timestamp"].as_str().unwrap()).collect();
        assert_eq!(times, ["2026-11-22T23:12:02Z", "2026-11-22T23:12:01Z"]);
        let mut first = shown[1].clone();
        assert_eq!(BASE64_STANDARD.decode(first["eventId"].take().as_str().unwrap()).unwrap().len(), 16);
        assert_eq!(
            first,
            json!({
                "eventId": null, "sourceType": "CLUSTER_LIFECYCLE", "eventType": "PLATFORM_EVENT",
                "timestamp": "2026-11-22T23:12:01Z", "severity": "WARNING", "message": "<b>one\"</b>",
                "sessionName": "session_x", "nodeId": "",
                "platformEvent": {
                    "source": {"platform": "KUBERNETES", "component": "kubelet",
                        "metadata": {"namespace": "team", "ray_cluster_name": "c"}},
                    "objectKind": "Pod", "objectName": "a", "message": "<b>one\"</b>", "reason": "BackOff",
                    "customFields": {"count": "3"}}})
        );
        assert_eq!(
            answered(&snapshot, &[event(1, "a", "x")])[0]["eventId"],
            answered(&snapshot, &[event(9, "a", "x")])[0]["eventId"]
        );
    }

    #[test]
    fn stored_events_are_not_told_twice() {
        let stored = r#"{"timestamp":"2026-11-22T23:12:05Z","eventId":"own","platformEvent":{"objectKind":"Pod","objectName":"a","reason":"BackOff","message":"back-off 20s"}}"#;
        let snapshot = Snapshot { platform_events: vec![stored.into(), r#"{"odd":1}"#.into()], ..Snapshot::default() };
        let shown = answered(&snapshot, &[event(1, "a", "back-off 40s"), event(7, "b", "back-off 40s")]);
        let ids: Vec<_> = shown.iter().map(|event| event["eventId"].as_str().unwrap_or("odd")).collect();
        assert_eq!((ids.len(), ids[1], ids[2]), (3, "own", "odd"));
        let many: Vec<_> = (0..2_000).map(|n| event(n, &format!("p{n}"), "x")).collect();
        let shown = answered(&snapshot, &many);
        assert_eq!((shown.len(), shown[0]["timestamp"].as_str()), (MAX, Some("2026-11-22T23:45:19Z")));
    }
}
