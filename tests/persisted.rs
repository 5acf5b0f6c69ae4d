//! Answers from a persisted session are, byte for byte, those from raw data, and those from a portable file say the same:
//! recorded sessions are asked everything, persisted or exported by the command, and asked again by a new server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod common;

use common::client::block_on;
use common::fixture;
use common::server::Server;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Everything that Ray's dashboard asks of a session, and what we add.
const ASKED: [&str; 34] = [
    "/api/v0/tasks?limit=10000&detail=1",
    "/api/v0/tasks?limit=10000&detail=1&exclude_driver=false",
    "/api/v0/tasks?limit=7&filter_keys=state&filter_predicates=%3D&filter_values=FAILED",
    "/api/v0/tasks/summarize",
    "/api/v0/tasks/summarize?summary_by=lineage",
    "/api/v0/tasks/timeline",
    "/api/v0/tasks/timeline?download=1",
    "/api/v0/actors?limit=10000&detail=1",
    "/api/v0/actors/summarize",
    "/logical/actors",
    "/api/v0/nodes?limit=10000&detail=1",
    "/nodes?view=summary",
    "/nodes?view=hostNameList",
    "/api/v0/jobs?limit=10000&detail=1",
    "/api/jobs/",
    "/api/v0/workers?limit=10000&detail=1",
    "/api/v0/runtime_envs?limit=10000&detail=1",
    "/api/v0/placement_groups?limit=10000&detail=1",
    "/api/v0/objects?limit=10000",
    "/api/v0/objects/summarize",
    "/api/v0/cluster_metadata",
    "/api/v0/cluster_events",
    "/api/cluster_status",
    "/api/serve/applications/",
    "/api/data/datasets/01000000",
    "/api/train/v2/runs/v1",
    "/events",
    "/timezone",
    "/api/version",
    "/api/v0/cluster_events/platform",
    "/api/v0/runtime_env_redaction",
    "/api/v0/authentication_mode",
    "/api/grafana_health",
    "/api/prometheus_health",
];

/// Asks a server about all of its sessions. Headers with the time or the number of a request are left out.
async fn answers(flags: &[&str]) -> BTreeMap<String, (u16, String)> {
    let server = Server::start(flags, &[]).await;
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("it is ready", Duration::from_secs(60), ready).await;
    let list = server.json("/api/history/v1/sessions?limit=1000").await.unwrap();
    let mut all = BTreeMap::new();
    for session in list["sessions"].as_array().unwrap() {
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        let name = format!("{}/{}/{}", text("namespace"), text("cluster"), text("session"));
        let mut paths: Vec<String> = ASKED.iter().map(|path| format!("/sessions/{name}{path}")).collect();
        // With the same name, a trace is the same for both.
        let asked = async |path: &str| {
            let trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            let reply = server.send("GET", path, &[trace]).await.unwrap();
            (reply.status, reply.body)
        };
        let (_, nodes) = asked(&format!("/sessions/{name}/api/v0/nodes?detail=1")).await;
        let nodes: Value = serde_json::from_str(&nodes).unwrap_or_default();
        let nodes = nodes["data"]["result"]["result"].as_array().cloned().unwrap_or_default();
        for node in nodes.iter().filter_map(|node| node["node_id"].as_str()) {
            paths.push(format!("/sessions/{name}/nodes/{node}"));
            paths.push(format!("/sessions/{name}/api/v0/logs?node_id={node}&glob=**"));
            paths.push(format!("/sessions/{name}/api/v0/logs/file?node_id={node}&filename=raylet.out&lines=50"));
        }
        paths.push(format!("/api/history/v1/sessions/{name}/failures"));
        for path in paths {
            let answer = asked(&path).await;
            all.insert(path, answer);
        }
    }
    let opened = server.metric("ray_history_opened_total", "from=\"snapshot\"").await;
    all.insert("opened".to_owned(), (u16::from(opened > 0.0), String::new()));
    all
}

/// Persists all sessions of a folder, with the values of variables.
fn persist(folder: &Path, store: &Path) -> String {
    let document = serde_json::json!({
        "apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory", "metadata": {"name": "x", "namespace": "y"},
        "spec": {"storage": {"local": {"path": store}}, "persist": {"environments": "Clear"}},
    });
    let file = folder.join("history.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let command = Command::new(env!("CARGO_BIN_EXE_ray-history"))
        .args(["persist", "--dead-after", "24h", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
    String::from_utf8(command.stdout).unwrap()
}

#[test]
fn persisted_sessions_answer_as_their_raw_data_does() {
    for name in ["service", "hard-2.60", "day-2.57", "kube-sessions"] {
        let folder = fixture::unpacked(name);
        let store = folder.path().join("storage");
        let flags = ["--local-dir", store.to_str().unwrap()];
        let mut raw = block_on(answers(&flags));
        let told = persist(folder.path(), &store);
        assert!(told.lines().all(|line| line.contains("persisted, ")), "{told}");
        let mut persisted = block_on(answers(&flags));
        assert_eq!((raw.remove("opened").unwrap().0, persisted.remove("opened").unwrap().0), (0, 1), "{name}");
        for (path, answer) in raw {
            let other = persisted.remove(&path);
            assert!(other.as_ref() == Some(&answer), "{name} {path}:\n{answer:?}\n{other:?}");
        }
        assert_eq!(persisted, BTreeMap::new());
        let again = persist(folder.path(), &store);
        assert_eq!(again, "", "nothing is left to do");
    }
}

/// Returns the meaning of an answer: where values are hidden, spaces and the order of environments are not those of raw data.
fn meaning(path: &str, (status, body): &(u16, String)) -> (u16, Value) {
    let mut answer: Value = serde_json::from_str(body).unwrap_or_else(|_| body.clone().into());
    if path.contains("/runtime_envs") {
        answer["data"]["result"]["result"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    (*status, answer)
}

/// Runs a command of the program on a store, and returns what it prints.
fn command(arguments: &[&str], store: &Path, flags: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_ray-history"))
        .args(arguments)
        .arg("--local-dir")
        .arg(store)
        .args(flags)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Exports all sessions of a store, each into a file.
fn export(store: &Path, folder: &Path, flags: &[&str]) -> Vec<String> {
    let names = command(&["list", "-o", "name"], store, &[]);
    let export = |(number, name): (usize, &str)| {
        let file = folder.join(format!("{number}.rayhistory")).to_str().unwrap().to_owned();
        let told = command(&["export", name, "--output", &file], store, flags);
        assert!(told.contains("rayhistory: ") && told.contains(" bytes"), "{told}");
        file
    };
    names.lines().enumerate().map(export).collect()
}

#[test]
fn portable_files_answer_as_their_raw_data_does() {
    for name in ["service", "hard-2.60", "kube-sessions"] {
        let folder = fixture::unpacked(name);
        let store = folder.path().join("storage");
        let redacted = ["--redaction", "always"];
        let mut raw = block_on(answers(&[&redacted[..], &["--local-dir", store.to_str().unwrap()]].concat()));
        raw.remove("opened");
        let from_raw = export(&store, folder.path(), &["--logs", "all"]);
        persist(folder.path(), &store);
        let again = folder.path().join("again");
        std::fs::create_dir(&again).unwrap();
        let from_snapshot = export(&store, &again, &["--logs", "all"]);
        for files in [from_raw, from_snapshot] {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let mut portable = block_on(answers(&[&redacted[..], &files].concat()));
            assert_eq!(portable.remove("opened").unwrap().0, 1);
            for (path, answer) in &raw {
                let other = portable.remove(path);
                let same = other.as_ref().map(|other| meaning(path, other)) == Some(meaning(path, answer));
                assert!(same, "{name} {path}:\n{answer:?}\n{other:?}");
            }
            assert_eq!(portable, BTreeMap::new());
        }
    }
}
