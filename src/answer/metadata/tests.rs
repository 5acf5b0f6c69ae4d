use super::*;
use crate::answer::test_events::{self, snapshot};

fn asked(ask: fn(&Arc<Snapshot>) -> Result<Answer, Refusal>, snapshot: Snapshot) -> Value {
    serde_json::from_slice(&ask(&Arc::new(snapshot)).unwrap().into_bytes()).unwrap()
}

fn bare() -> Snapshot {
    Snapshot { session_name: "session_2026-11-23_04-41-33_821800_9153".into(), ..Snapshot::default() }
}

#[test]
fn the_time_zone_comes_from_a_stored_answer_a_log_with_two_clocks_or_the_head_s_start() {
    assert_eq!(asked(timezone, bare()), json!({"offset": null, "value": null}));

    let mut local = (*snapshot()).clone();
    assert!(local.nodes.iter().any(|node| node.is_head && node.id.hex() == test_events::HEAD));
    assert_eq!(asked(timezone, local.clone()), json!({"offset": "+00:00", "value": "Europe/London"}));
    local.session_name = "session_2026-11-23_04-41-33_821800_9153".into();
    assert_eq!(asked(timezone, local.clone()), json!({"offset": "+05:30", "value": "Asia/Kolkata"}));
    local.session_name = "session_2026-11-22_15-11-33_821800_9153".into();
    assert_eq!(asked(timezone, local.clone()), json!({"offset": "-08:00", "value": "America/Los_Angeles"}));
    local.session_name = "session_2026-11-22_23-04-33_821800_9153".into();
    assert_eq!(offset_minutes(&local), None, "seven minutes between a name and a start are no zone");

    let mut logged = bare();
    logged.facts.zone.learn(7_200_000, 0);
    assert_eq!(asked(timezone, logged), json!({"offset": "+02:00", "value": "Asia/Amman"}));

    let mut stored = bare();
    stored.endpoints.insert("timezone".into(), r#"{"offset": "-03:30", "value": "America/St_Johns"}"#.into());
    assert_eq!(offset_minutes(&stored), Some(-210));
    for odd in ["", "+", "+99:00", "-9223372036854775807:59", "+05:60", "é05:30"] {
        assert_eq!(parse_offset(odd), None, "{odd}");
    }
    assert_eq!(asked(timezone, stored)["value"], "America/St_Johns");
}

#[test]
fn versions_that_nobody_noted_are_null_or_empty() {
    assert_eq!(asked(cluster_metadata, bare())["data"], json!({"rayVersion": null, "pythonVersion": null}));
    let mut known = bare();
    let log = "2026-11-22 23:11:34,846\tINFO monitor.py:731 -- Ray version: 2.54.1\n";
    known.facts.read("n", "monitor.log", log.as_bytes());
    assert_eq!(asked(cluster_metadata, known.clone())["data"]["rayVersion"], "2.54.1");
    let version = asked(version, known);
    assert_eq!(version["ray_version"], "2.54.1");
    assert_eq!(version["session_name"], "session_2026-11-23_04-41-33_821800_9153");
}

#[test]
fn clients_get_a_version_that_they_can_compare_whatever_is_stored() {
    let ask = |stored: Value| {
        let mut snapshot = bare();
        let body = json!({"result": true, "data": {"rayVersion": stored}}).to_string();
        snapshot.endpoints.insert("api/v0/cluster_metadata".into(), body.into());
        asked(version, snapshot)["ray_version"].clone()
    };
    for version in ["2.60.0", "3.0.0.dev0", "2.9.0rc1", "2.55.1+cu12.local", "2.9.3.post1"] {
        assert_eq!(ask(version.into()), version);
    }
    for odd in
        [json!(""), json!(null), json!(2.6), json!("nightly"), json!("2.60.0 (dirty)"), json!("2..6"), json!("2.6+")]
    {
        assert_eq!(ask(odd.clone()), SERVED_VERSION, "{odd}");
    }
    assert_eq!(asked(version, bare())["ray_version"], SERVED_VERSION);
}
