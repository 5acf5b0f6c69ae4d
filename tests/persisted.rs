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
use std::path::{Path, PathBuf};
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

/// Runs a subcommand of `snapshot` on a folder, and returns the exit code, and what it printed on both streams.
fn snapshot(store: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
    let done = command.arg("snapshot").args(args).arg("--local-dir").arg(store).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

/// Returns the files below a folder whose names end so.
fn files_below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_persisted_session_is_shown_and_verified() {
    let folder = fixture::unpacked("service");
    let store = folder.path().join("storage");
    let told = persist(folder.path(), &store);
    let session = told.split_whitespace().next().unwrap();
    let persisted = store.join("ray-history/v1");
    let verified = || snapshot(&store, &["verify", session]);

    let (code, shown, _) = snapshot(&store, &["show", session]);
    assert_eq!(code, 0);
    for part in [session, "\nbuild ", " attempts, ", "tasks 0 ", "nodes.parquet "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let (_, json, _) = snapshot(&store, &["show", "--json", session]);
    let about: Value = serde_json::from_str(&json).unwrap();
    assert!(shown.contains(about["build"].as_str().unwrap()), "{json}");

    let tables = files_below(&persisted.join("tables"), ".parquet");
    let heads = files_below(&persisted.join("snapshots"), ".rhs");
    assert_eq!((tables.len(), heads.len()), (3, 1));
    let (code, said, _) = verified();
    assert_eq!((code, said.matches("whole ").count()), (0, 4), "{said}");

    for file in tables.iter().chain(&heads) {
        let before = std::fs::read(file).unwrap();
        let key = file.strip_prefix(&store).unwrap().to_str().unwrap();
        let mut flipped = before.clone();
        // In a page of a table; of a head, the first one of its members.
        let at = before.windows(4).position(|word| word == b"PAR1").unwrap() + 8;
        flipped[at] ^= 1;
        let mut longer = before.clone();
        longer.push(0);
        for damaged in [&flipped, &longer, &before[..before.len() - 1].to_vec()] {
            if file == &heads[0] && damaged == &longer {
                continue; // A ZIP may have a byte after its end.
            }
            std::fs::write(file, damaged).unwrap();
            let (code, _, error) = verified();
            assert_eq!(code, 1, "{error}");
            assert!(error.contains(&format!("{key} is damaged: ")), "{key}: {error}");
        }
        std::fs::remove_file(file).unwrap();
        let (code, _, error) = verified();
        let missing = if file == &heads[0] { "nothing is persisted" } else { "it is missing" };
        assert!(code == 1 && error.contains(missing), "{key}: {error}");
        std::fs::write(file, before).unwrap();
    }
    assert_eq!(verified().0, 0);
    assert_eq!(snapshot(&store, &["verify", "no-session"]).0, 2);
}

/// Runs the program with a folder in front of its path, and returns its exit code and what it printed.
fn run(path: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
    let output = command.args(arguments).env("PATH", path).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn rollups_of_a_folder_are_shown_and_asked() {
    let folder = fixture::unpacked("kube-sessions");
    let store = folder.path().join("storage");
    let place = ["--local-dir", store.to_str().unwrap()];
    let nothing = run(folder.path(), &["query", "FROM runs", place[0], place[1]]);
    assert_eq!(nothing.0, Some(1), "{nothing:?}");
    let persist = ["persist", "--dead-after", "24h", "--fleet", place[0], place[1]];
    let (code, told, error) = run(folder.path(), &persist);
    assert_eq!(code, Some(0), "{error}");
    let sessions = told.lines().filter(|line| line.contains("persisted, ")).count();
    assert!(sessions > 1 && told.contains("rollups have the rows"), "{told}");
    // Again: nothing is left to do.
    assert_eq!(run(folder.path(), &persist), (Some(0), String::new(), String::new()));
    block_on(async {
        let server = Server::start(&place, &[]).await;
        let ready = async || server.status("/readyz").await == 200;
        server.eventually("it is ready", Duration::from_secs(60), ready).await;
        for table in ["runs", "jobs", "nodes", "functions", "failures"] {
            let whole = server.json(&format!("/api/history/v1/fleet/{table}?limit=10000")).await.unwrap();
            let whole = whole["rows"].as_array().unwrap().clone();
            let (mut pages, mut after) = (Vec::new(), String::new());
            loop {
                let page = server.json(&format!("/api/history/v1/fleet/{table}?limit=3{after}")).await.unwrap();
                pages.extend(page["rows"].as_array().unwrap().clone());
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={}", next.replace('%', "%25"));
            }
            assert_eq!(pages, whole, "{table}");
            assert!(table != "runs" || whole.len() == sessions, "{whole:?}");
        }
        for bad in ["runs?limit=0", "runs?from=x", "runs?after=x", "runs?x=1", "tasks"] {
            assert_eq!(server.status(&format!("/api/history/v1/fleet/{bad}")).await, 400, "{bad}");
        }
    });
    // Without duckdb the views are printed, and with it they are handed over.
    let (code, printed, error) = run(folder.path(), &["query", "FROM runs;", place[0], place[1]]);
    assert_eq!(code, Some(2), "{error}");
    assert!(
        printed.contains("CREATE OR REPLACE VIEW tasks AS") && printed.trim_end().ends_with("\nFROM runs;"),
        "{printed}"
    );
    assert!(error.contains("duckdb"), "{error}");
    let fake = folder.path().join("duckdb");
    std::fs::write(&fake, "#!/bin/sh\nprintf '%s|' \"$@\"\nexit 7\n").unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (code, asked, error) = run(folder.path(), &["query", "FROM runs;", place[0], place[1]]);
    assert_eq!((code, error.as_str()), (Some(7), ""));
    assert_eq!(
        asked.trim_start_matches("-c|").trim_end_matches('|'),
        printed.replace(";\n\nFROM", ";\nFROM").trim_end()
    );
}
