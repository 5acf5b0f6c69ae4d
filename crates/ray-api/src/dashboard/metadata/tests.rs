use super::*;
use crate::test_events::{self, snapshot};

fn get(endpoint: fn(&Arc<Snapshot>) -> Result<Answer, RayError>, snapshot: Snapshot) -> Value {
    serde_json::from_slice(&endpoint(&Arc::new(snapshot)).unwrap().into_bytes()).unwrap()
}

fn bare() -> Snapshot {
    Snapshot { session_name: "session_2026-11-23_04-41-33_821800_9153".into(), ..Snapshot::default() }
}

/// The time zone comes from a stored response, a log with two clocks, or the head's start.
#[test]
fn time_zone_has_three_sources() {
    assert_eq!(get(timezone, bare()), json!({"offset": null, "value": null}));

    let mut local = (*snapshot()).clone();
    assert!(local.nodes.iter().any(|node| node.is_head && node.id.hex() == test_events::HEAD));
    assert_eq!(get(timezone, local.clone()), json!({"offset": "+00:00", "value": "Europe/London"}));
    local.session_name = "session_2026-11-23_04-41-33_821800_9153".into();
    assert_eq!(get(timezone, local.clone()), json!({"offset": "+05:30", "value": "Asia/Kolkata"}));
    local.session_name = "session_2026-11-22_15-11-33_821800_9153".into();
    assert_eq!(get(timezone, local.clone()), json!({"offset": "-08:00", "value": "America/Los_Angeles"}));
    local.session_name = "session_2026-11-22_23-04-33_821800_9153".into();
    assert_eq!(local.zone_minutes(), None, "no zone differs by seven minutes");

    let mut logged = bare();
    logged.facts.zone.learn(7_200_000, 0);
    assert_eq!(get(timezone, logged), json!({"offset": "+02:00", "value": "Asia/Amman"}));

    let mut stored = bare();
    stored.endpoints.insert("timezone".into(), r#"{"offset": "-03:30", "value": "America/St_Johns"}"#.into());
    assert_eq!(stored.zone_minutes(), Some(-210));
    assert_eq!(get(timezone, stored)["value"], "America/St_Johns");
}

#[test]
fn unrecorded_versions_are_null() {
    assert_eq!(get(cluster_metadata, bare())["data"], json!({"rayVersion": null, "pythonVersion": null}));
    let mut known = bare();
    let log = "2026-11-22 23:11:34,846\tINFO monitor.py:731 -- Ray version: 2.54.1\n";
    known.facts.read("n", "monitor.log", log.as_bytes());
    assert_eq!(get(cluster_metadata, known.clone())["data"]["rayVersion"], "2.54.1");
    let version = get(version, known);
    assert_eq!(version["ray_version"], "2.54.1");
    assert_eq!(version["session_name"], "session_2026-11-23_04-41-33_821800_9153");
}

#[test]
fn version_is_always_comparable() {
    let version_for = |stored: Value| {
        let mut snapshot = bare();
        let body = json!({"result": true, "data": {"rayVersion": stored}}).to_string();
        snapshot.endpoints.insert("api/v0/cluster_metadata".into(), body.into());
        get(version, snapshot)["ray_version"].clone()
    };
    for version in ["2.60.0", "3.0.0.dev0", "2.9.0rc1", "2.55.1+cu12.local", "2.9.3.post1"] {
        assert_eq!(version_for(version.into()), version);
    }
    for odd in
        [json!(""), json!(null), json!(2.6), json!("nightly"), json!("2.60.0 (dirty)"), json!("2..6"), json!("2.6+")]
    {
        assert_eq!(version_for(odd.clone()), SERVED_VERSION, "{odd}");
    }
    assert_eq!(get(version, bare())["ray_version"], SERVED_VERSION);
}
