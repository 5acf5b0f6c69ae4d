//! Groups, globs and refusals.

use super::*;

const FILES: [&str; 14] = [
    "dashboard.log",
    "dashboard_agent.log",
    "events/event_GCS.log",
    "events/event_JOBS.log",
    "gcs_server.out",
    "log_monitor.log",
    "monitor.log",
    "python-core-driver-01000000ff_6101.log",
    "python-core-worker-ab_7.log",
    "raylet.out",
    "serve/deep/er.log",
    "serve/proxy.log",
    "worker-ab-ffffffff-10.out",
    "worker-ab-ffffffff-9.out",
];

fn listed(glob: &str) -> String {
    String::from_utf8(listing(&FILES, &LogGlob::parse(glob).unwrap()).into_bytes()).unwrap()
}

fn names(glob: &str) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_str(&listed(glob)).unwrap();
    let groups = answer["data"]["result"].as_object().unwrap().values();
    groups.flat_map(|names| names.as_array().unwrap()).map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn groups_names_in_natural_order() {
    insta::assert_snapshot!(listed("*"), @r#"{"result":true,"msg":"","data":{"result":{"dashboard":["dashboard.log"],"agent":["dashboard_agent.log"],"internal":["events/","log_monitor.log","serve/"],"gcs_server":["gcs_server.out"],"autoscaler":["monitor.log"],"driver":["python-core-driver-01000000ff_6101.log"],"core_worker":["python-core-worker-ab_7.log"],"raylet":["raylet.out"],"worker_out":["worker-ab-ffffffff-9.out","worker-ab-ffffffff-10.out"]}}}"#);
}

#[test]
fn glob_matches_one_level_like_pathlib() {
    for (glob, expected) in [
        ("events/*", vec!["events/event_GCS.log", "events/event_JOBS.log"]),
        ("./events//*GCS*", vec!["events/event_GCS.log"]),
        ("serve/*", vec!["serve/deep/", "serve/proxy.log"]),
        ("serve/**", vec!["serve/", "serve/deep/"]),
        ("*/", vec!["events/", "serve/"]),
        ("raylet.[eo]ut", vec!["raylet.out"]),
        ("raylet.[!o]ut", vec![]),
        ("raylet.{out,err}", vec![]),
        ("[raylet", vec![]),
        ("events", vec!["events/"]),
        ("nope*", vec![]),
    ] {
        assert_eq!(names(glob), expected, "{glob}");
    }
    assert_eq!(names("**/*.log").len(), 10);
}

#[test]
fn refuses_glob_that_leaves_the_logs_folder() {
    for glob in ["/etc/*", "../*", "events/../../*", "", ".", "a**b"] {
        assert!(matches!(LogGlob::parse(glob), Err(RayError::BadQuery(_))), "{glob}");
    }
}

#[test]
fn refuses_request_without_node_with_rays_text() {
    let refusal = ListingRequest::parse(&Snapshot::default(), &Query::default()).unwrap_err();
    assert_eq!(refusal.to_string(), "Both node id and node ip are not provided. Please provide at least one of them.");
}

#[test]
fn refuses_invalid_node_id_and_lists_nothing_without_files() {
    let list = |node: &str| {
        let query = Query::of(&[("node_id", node)]);
        let request = ListingRequest::parse(&Snapshot::default(), &query)?;
        Ok(String::from_utf8(request.answer(&[] as &[&str]).into_bytes()).unwrap())
    };
    let empty = r#"{"result":true,"msg":"","data":{"result":{}}}"#;
    assert_eq!(list(&"ab".repeat(28)), Ok(empty.to_owned()));
    assert_eq!(list("ff"), Err(RayError::Failed("Agent for node id: ff doesn't exist.".to_owned())));
}

#[test]
fn empty_folders_are_listed() {
    let files = ["nsight/", "old/", "old/deep/", "old/worker.out", "raylet.out"];
    let names = |glob: &str| {
        let bytes = listing(&files, &LogGlob::parse(glob).unwrap()).into_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let groups = answer["data"]["result"].as_object().unwrap().clone();
        groups.values().flat_map(|names| names.as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("*"), ["nsight/", "old/", "raylet.out"]);
    assert_eq!(names("old/*"), ["old/deep/", "old/worker.out"]);
    assert_eq!(names("*/"), ["nsight/", "old/"]);
}
