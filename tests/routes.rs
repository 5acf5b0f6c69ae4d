//! Every route, asked of the real server over a real socket, on a bundled recorded session.
//!
//! Whole JSON answers are compared with committed snapshots; `cargo insta review` shows what changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

use common::client::{self, block_on, header, send};
use common::fixture;
use common::server::Server;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

#[path = "routes/access.rs"]
mod access;
mod common;
#[path = "routes/diff.rs"]
mod diff;
#[path = "routes/dropin.rs"]
mod dropin;
#[path = "routes/export.rs"]
mod export;
#[path = "routes/functions.rs"]
mod functions;
#[path = "routes/loading.rs"]
mod loading;
#[path = "routes/logs.rs"]
mod logs;
#[path = "routes/obituaries.rs"]
mod obituaries;
#[path = "routes/paths.rs"]
mod paths;
#[path = "routes/proof.rs"]
mod proof;
#[path = "routes/runs.rs"]
mod runs;
#[path = "routes/validators.rs"]
mod validators;
#[path = "routes/why.rs"]
mod why;

const SESSION: &str = "/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";
const NODE: &str = "a6c4b8c4ac754a791457accd697815acfd54fd0a64dc1fa060dd497c";

/// Errors name their request: with this header it is always the same one.
const TRACED: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

/// Returns the folder of the bundled session, unpacked once.
fn unpacked() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| fixture::unpacked("service")).path()
}

/// Returns the store and the dashboard's files, with a file outside them that no answer may have.
fn folders() -> [String; 2] {
    static FOLDERS: OnceLock<[String; 2]> = OnceLock::new();
    let folders = FOLDERS.get_or_init(|| {
        let folder = unpacked();
        let dashboard = folder.join("dashboard");
        std::fs::create_dir_all(dashboard.join("static/js")).unwrap();
        std::fs::write(dashboard.join("index.html"), "<!doctype html>dashboard").unwrap();
        std::fs::write(dashboard.join("static/js/main.js"), "1").unwrap();
        std::fs::write(folder.join("secret"), "secret").unwrap();
        [folder.join("storage"), dashboard].map(|path| path.to_str().unwrap().to_owned())
    });
    folders.clone()
}

/// Returns the address of the server of all tests of this binary.
fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(start)
}

/// Starts a server that ends with this process, and returns its address once its sessions are listed.
fn start() -> String {
    let [store, dashboard] = folders();
    block_on(async {
        let server = Server::start(&["--local-dir", &store, "--dashboard-dir", &dashboard], &[]).await;
        let ready = async || server.status("/readyz").await == 200;
        server.eventually("it is ready", Duration::from_secs(60), ready).await;
        Box::leak(Box::new(server)).address.clone()
    })
}

/// Status code, headers with lower-case names, and body of an answer.
type Reply = (u16, Vec<(String, String)>, String);

/// Sends a request to the server of all tests.
fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    exchange(base(), method, path, headers)
}

/// Sends a request to a server.
fn exchange(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = block_on(send(method, &format!("http://{address}{path}"), headers));
    let client::Reply { status, headers, body } = reply.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    (status, headers, body)
}

/// Does the same as [`ask`], with the path sent byte for byte.
fn ask_raw(path: &str) -> Reply {
    exchange_raw(base(), "GET", path, &[])
}

/// Does the same as [`exchange`] over a raw socket, because a client resolves `..` and `%2e%2e` in a path itself.
fn exchange_raw(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut connection = TcpStream::connect(address).unwrap();
    let headers: String = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head");
    let (head, body) = (String::from_utf8_lossy(&answer[..end]), &answer[end + 4..]);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let chunked = header(&headers, "transfer-encoding") == "chunked";
    let body = if chunked { unchunked(body) } else { body.to_vec() };
    (status, headers, String::from_utf8_lossy(&body).into_owned())
}

/// Returns the bytes of a chunked body.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(line) = body.windows(2).position(|bytes| bytes == b"\r\n") {
        let len = usize::from_str_radix(&String::from_utf8_lossy(&body[..line]), 16).unwrap();
        let chunk = &body[line + 2..];
        if len == 0 || chunk.len() < len + 2 {
            break;
        }
        bytes.extend_from_slice(&chunk[..len]);
        body = &chunk[len + 2..];
    }
    bytes
}

fn get(path: &str) -> (u16, String) {
    let (status, _, body) = ask("GET", path, &[]);
    (status, body)
}

#[test]
fn every_route_of_a_session_answers_as_it_did() {
    let actor = "95dc1b332ebca5ff19fc82c303000000";
    let routes = [
        ("nodes_summary", "/nodes?view=summary".to_owned()),
        ("nodes_host_names", "/nodes?view=hostNameList".into()),
        ("nodes_bogus", "/nodes?view=bogus".into()),
        ("node", format!("/nodes/{NODE}")),
        ("actor", format!("/logical/actors/{actor}")),
        ("actors_by_id", format!("/logical/actors?ids={actor}")),
        ("actor_unknown", "/logical/actors/ff".into()),
        ("jobs", "/api/jobs/".into()),
        ("job", "/api/jobs/train-exp1".into()),
        ("job_unknown", "/api/jobs/nope".into()),
        ("job_logs", "/api/jobs/serve-deploy/logs".into()),
        ("state_tasks", "/api/v0/tasks?limit=2".into()),
        ("state_tasks_detail", "/api/v0/tasks?limit=2&detail=1".into()),
        ("state_tasks_bad_filter", "/api/v0/tasks?filter_keys=bogus&filter_predicates=%3D&filter_values=1".into()),
        ("state_tasks_bad_limit", "/api/v0/tasks?limit=10001".into()),
        ("state_actors", "/api/v0/actors?limit=2&detail=1".into()),
        ("state_actors_summary", "/api/v0/actors/summarize".into()),
        ("state_nodes", "/api/v0/nodes?detail=1".into()),
        ("state_jobs", "/api/v0/jobs?detail=1".into()),
        ("state_workers", "/api/v0/workers?limit=3&detail=1".into()),
        ("state_objects", "/api/v0/objects".into()),
        ("state_objects_summary", "/api/v0/objects/summarize".into()),
        ("state_runtime_envs", "/api/v0/runtime_envs?detail=1".into()),
        ("state_placement_groups", "/api/v0/placement_groups?detail=1".into()),
        ("task_summary", "/api/v0/tasks/summarize".into()),
        ("task_summary_lineage", "/api/v0/tasks/summarize?summary_by=lineage".into()),
        ("logs", format!("/api/v0/logs?node_id={NODE}&glob=serve/*")),
        ("logs_without_node", "/api/v0/logs".into()),
        ("events", "/events".into()),
        ("cluster_status", "/api/cluster_status?format=1".into()),
        ("serve", "/api/serve/applications/".into()),
        ("datasets", "/api/data/datasets/05000000".into()),
        ("cluster_metadata", "/api/v0/cluster_metadata".into()),
        ("timezone", "/timezone".into()),
        ("version", "/api/version".into()),
        ("grafana_health", "/api/grafana_health".into()),
        ("authentication_mode", "/api/authentication_mode".into()),
        ("unknown", "/api/v0/nope".into()),
    ];
    for (name, path) in routes {
        let (status, headers, body) = ask("GET", &format!("{SESSION}{path}"), &[TRACED]);
        let body = serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body));
        let seen = json!({"path": path, "status": status, "type": header(&headers, "content-type"), "body": body});
        insta::assert_json_snapshot!(name, seen);
    }
}

#[test]
fn secrets_are_hidden_from_browsers_alone() {
    let path = format!("{SESSION}/api/jobs/train-exp1");
    let (_, _, shown) = ask("GET", &path, &[]);
    assert!(shown.contains(r#""RAY_TRAIN_V2_ENABLED":"1""#), "{shown}");
    for header in [
        ("User-Agent", "Mozilla/5.0"),
        ("Referer", "http://x/"),
        ("Origin", "http://x"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-New", "x"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x"),
    ] {
        let (_, _, hidden) = ask("GET", &path, &[header]);
        assert!(hidden.contains(r#""RAY_TRAIN_V2_ENABLED":"<redacted>""#), "{header:?}: {hidden}");
    }
}

#[test]
fn an_unknown_session_is_404_with_a_link_to_the_list() {
    for path in [
        "/sessions/ml-serving/recsys-raycluster-9d4kq/not_a_session/api/jobs/",
        "/sessions/ml-serving/nobody/session_2026-11-23_07-07-14_513426_5513/nodes?view=summary",
        "/sessions/ml-serving/nobody/latest/",
        "/sessions/ml-serving/recsys-raycluster-9d4kq/..%2F..%2Fsecret/",
    ] {
        let (status, body) = get(path);
        assert_eq!(status, 404, "{path}");
        assert!(body.contains("/sessions/"), "{body}");
    }
}

#[test]
fn no_path_leaves_the_folders_that_are_served() {
    for path in [
        "/static/../../secret",
        "/static/%2e%2e/%2e%2e/secret",
        "/static/..%2f..%2fsecret",
        "/static/%00",
        &format!("/api/v0/logs/file?node_id={NODE}&filename=../../../../secret"),
        &format!("/api/v0/logs/file?node_id={NODE}&filename=/etc/passwd"),
    ] {
        let (status, _, body) = ask_raw(&format!("{SESSION}{path}"));
        assert!(status >= 400, "{path}: {status}");
        assert!(!body.contains("secret") || body.contains("not found"), "{path}: {body}");
    }
    assert_eq!(get(&format!("{SESSION}/static/js/main.js")), (200, "1".into()));
}

#[test]
fn the_dashboard_is_served_below_the_session_with_its_slash() {
    let (status, headers, _) = ask("GET", SESSION, &[]);
    assert_eq!((status, header(&headers, "location")), (307, "session_2026-11-23_07-07-14_513426_5513/"));
    let (status, headers, body) = ask("GET", &format!("{SESSION}/"), &[]);
    assert_eq!((status, header(&headers, "cache-control")), (200, "no-store"));
    assert!(body.contains("dashboard"));
    let latest = "/sessions/ml-serving/recsys-raycluster-9d4kq/latest/api/jobs/";
    let (status, headers, _) = ask("GET", latest, &[]);
    assert_eq!(status, 307);
    assert_eq!(header(&headers, "location"), format!("../../../../../../{}/api/jobs/", &SESSION[1..]));
}

#[test]
fn history_can_only_be_read() {
    assert_eq!(ask("POST", &format!("{SESSION}/api/jobs/"), &[]).0, 405);
    let (status, headers, body) = ask("HEAD", &format!("{SESSION}/api/jobs/"), &[]);
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(header(&headers, "content-type").starts_with("application/json"));
}

#[test]
fn logs_are_found_by_file_actor_and_submission() {
    let last = |query: &str| {
        let (status, headers, body) = ask("GET", &format!("{SESSION}/api/v0/logs/file?{query}"), &[]);
        assert_eq!((status, header(&headers, "content-type")), (200, "text/plain"), "{body}");
        assert!(header(&headers, "content-disposition").starts_with("attachment"));
        body
    };
    let whole = last(&format!("node_id={NODE}&filename=job-driver-serve-deploy.log&lines=-1"));
    let two = last(&format!("node_id={NODE}&filename=job-driver-serve-deploy.log&lines=2"));
    assert!(whole.ends_with(&two) && two.lines().count() == 2, "{two}");
    assert_eq!(last("submission_id=serve-deploy&lines=-1"), whole);
    assert!(!last("actor_id=95dc1b332ebca5ff19fc82c303000000&suffix=err&lines=-1").is_empty());
    let (status, body) = get(&format!("{SESSION}/api/v0/logs/file?node_id={NODE}&filename=nope.out"));
    assert_eq!(status, 500);
    assert!(body.contains("nope.out"));
}

#[test]
fn the_sessions_page_lists_the_session_and_escapes_texts() {
    let (status, headers, body) = ask("GET", "/sessions/", &[]);
    assert_eq!(status, 200);
    assert!(header(&headers, "content-security-policy").contains("default-src 'none'"));
    assert!(body.contains("ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513/"));
    let (_, clusters) = get("/clusters");
    let clusters: Value = serde_json::from_str(&clusters).unwrap();
    assert_eq!(clusters[0]["ownerName"], "recsys");
}

#[test]
fn the_report_has_no_known_gaps() {
    let (status, body) = get(&format!("/api/history/v1{SESSION}"));
    assert_eq!(status, 200, "{body}");
    let report: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(report["completeness"], "no-known-gaps", "{body}");
    assert_eq!(report["report"]["damagedRecords"]["count"], 0);
}

/// The headers of a WebSocket's handshake.
const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn a_websocket_is_opened_for_programs_and_for_own_pages_alone() {
    let path = format!("{SESSION}/api/jobs/serve-deploy/logs/tail");
    let own = format!("http://{}", base());
    for (headers, status) in [
        (&[][..], 101),
        (&[("Origin", own.as_str())], 101),
        (&[("Origin", "https://evil.example.com")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", "https://evil.example.com"), ("X-Forwarded-Host", "evil.example.com")], 403),
    ] {
        let (seen, _, body) = ask("GET", &path, &[&HANDSHAKE, headers].concat());
        assert_eq!(seen, status, "{headers:?}: {body}");
    }
}

#[test]
fn every_answer_has_one_nosniff_header() {
    let long = format!("/livez?{}", "x".repeat(17 << 10));
    let session = format!("{SESSION}/");
    let (tasks, script) = (format!("{SESSION}/api/v0/tasks"), format!("{SESSION}/static/js/main.js"));
    for path in
        ["/livez", "/readyz", "/metrics", "/sessions/", "/sessions/bar.js", "/nope", &session, &tasks, &script, &long]
    {
        let (status, headers, _) = ask("GET", path, &[]);
        let values: Vec<_> = headers.iter().filter(|(name, _)| name == "x-content-type-options").collect();
        assert!(matches!(&values[..], [(_, value)] if value == "nosniff"), "{status} {path:.40}: {values:?}");
    }
}
