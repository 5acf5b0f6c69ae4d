use super::*;
use serde_json::{Value, json};

/// The example of the format's description.
fn example() -> Value {
    json!({"format": "ray-history/manifest/1", "spool": "0199", "boot": 2, "sequence": 417,
        "written": "2026-11-29T10:00:00.5Z", "flushedTo": "2026-11-29T10:00:00Z",
        "collector": {"version": "0.1.0", "flushSeconds": 10.0, "logSeconds": 30.0, "systemLogSeconds": 300.0,
            "heartbeatSeconds": 165.0},
        "state": "closed", "reason": "pod ended",
        "identity": {"namespace": "ml", "cluster": "train", "owner": {"kind": "RayJob", "name": "nightly"},
            "session": "session_2026-11-29_09-00-00_000000_1", "node": "a9", "role": "head",
            "pod": {"name": "train-head", "uid": "u", "node": "k"}},
        "events": {"batches": 377, "records": 8597, "repeated": 1, "quarantined": 0, "refused": 0,
            "sealed": {"objects": 12, "bytes": 912_345, "records": 8000, "digest": "0123456789abcdef0123456789abcdef"},
            "growing": [{"key": "job_events/01000000/a.jsonl.gz", "size": 4711, "records": 597}]},
        "ray": [{"pid": 812, "from": "2026-11-29T09:00:01Z", "at": "2026-11-29T09:59:59Z", "received": 8600,
            "published": 8597, "filtered": 3, "dropped": {}, "addFailures": 0, "publishFailures": 0, "quiet": true}],
        "logs": {"files": 217, "bytes": 379_004,
            "settled": {"objects": 210, "bytes": 370_000, "digest": "00000000000000000000000000000000"},
            "segments": {"first": 31, "last": 34}, "ended": {"raylet.rotated.7-18.out": "raylet.out.1"},
            "folders": ["nsight/", "old/"], "lost": [{"path": "a", "from": 0, "to": 9, "why": "w"}], "skipped": []},
        "endpoints": {"api/jobs/": {"at": "2026-11-29T09:59:59Z", "bytes": 812, "sha256": "00"}}})
}

#[test]
fn a_manifest_is_written_as_the_format_says() {
    let example = example();
    let manifest = Manifest::parse(example.to_string().as_bytes()).unwrap();
    assert_eq!((manifest.state, manifest.reason), (State::Closed, Some(Reason::PodEnded)));
    assert_eq!(manifest.written, 1_795_946_400_500_000_000);
    assert_eq!(serde_json::from_slice::<Value>(&manifest.to_bytes()).unwrap(), example);
}

#[test]
fn a_manifest_without_members_or_with_more_is_read() {
    let mut least = Manifest::parse(br#"{"format": "ray-history/manifest/1"}"#).unwrap();
    assert_eq!(least, Manifest { format: FORMAT.into(), ..Manifest::default() });
    least.reason = Some(Reason::Other);
    let more = br#"{"format": "ray-history/manifest/1", "state": "resting", "reason": "eclipse",
        "later": [{"a": 1}], "identity": {"role": "edge", "zone": "a"}, "written": null}"#;
    assert_eq!(Manifest::parse(more).unwrap(), least);
}

#[test]
fn what_is_no_manifest_of_this_version_is_not_understood() {
    let format = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err();
    assert_eq!(
        format(r#"{"format": "ray-history/manifest/2"}"#),
        NotUnderstood::Format("ray-history/manifest/2".into())
    );
    assert_eq!(format("{}"), NotUnderstood::Format(String::new()));
    let of = |member: &str| format!(r#"{{"format": "{FORMAT}", {member}}}"#);
    let deep = of(&format!("\"later\": {}", "[".repeat(100_000)));
    for damaged in
        ["", "null", "[]", "{", &of(r#""boot": -1"#), &of(r#""written": "yesterday""#), &of(r#""ray": 1"#), &deep]
    {
        assert!(matches!(format(damaged), NotUnderstood::Damaged(_)), "{}", &damaged[..damaged.len().min(80)]);
    }
    let long = " ".repeat(MAX_BYTES as usize + 1);
    assert_eq!(format(&long), NotUnderstood::TooLong(MAX_BYTES + 1));
}

#[test]
fn an_agent_is_even_when_no_event_is_on_its_way() {
    let agent = |received, published, filtered, dropped| {
        let dropped = [("TASK_LIFECYCLE_EVENT".to_owned(), dropped)].into();
        AgentCounters { received, published, filtered, dropped, ..AgentCounters::default() }
    };
    assert!(agent(1227, 1206, 21, 0).is_even());
    assert!(agent(1227, 1200, 21, 6).is_even());
    assert!(!agent(1227, 1205, 21, 0).is_even());
    assert!(!agent(1227, 1206, 21, 6).is_even());
    assert!(!agent(1, u64::MAX, 2, 0).is_even());
    assert!(AgentCounters { add_failures: 3, ..agent(1230, 1200, 21, 6) }.is_even(), "three were not taken");
    assert!(!AgentCounters { add_failures: 3, ..agent(1227, 1200, 21, 6) }.is_even());
}
