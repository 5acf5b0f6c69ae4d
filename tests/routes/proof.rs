//! The report of a session whose collector writes manifests.

use super::*;
use flate2::read::MultiGzDecoder;
use ray_history_manifest::{AgentCounters, Digest, FORMAT, Manifest, Reason, Role, SealedFiles, SettledLogs, State};
use std::path::PathBuf;

/// Returns the files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Returns the number and the digest of a node's files in some of its folders.
fn digest(node: &Path, folders: &[&str]) -> (u64, Digest) {
    let mut digest = Digest::default();
    let found: Vec<PathBuf> = folders.iter().flat_map(|folder| files(&node.join(folder))).collect();
    for file in &found {
        let below = file.strip_prefix(node).unwrap().to_str().unwrap();
        digest.add(below, file.metadata().unwrap().len());
    }
    (found.len() as u64, digest)
}

/// Returns the number of events that are stored of a node.
fn records(node: &Path) -> u64 {
    let mut lines = 0;
    for file in files(&node.join("job_events")).into_iter().chain(files(&node.join("node_events"))) {
        let mut text = String::new();
        MultiGzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
        lines += text.lines().filter(|line| !line.trim().is_empty()).count() as u64;
    }
    lines
}

/// Returns a closed manifest of all that is stored of a node.
fn manifest(node: &Path) -> Manifest {
    let (stored, at) = (records(node), 1_795_419_000_000_000_000);
    let (objects, of_events) = digest(node, &["job_events", "node_events"]);
    let (logs, of_logs) = digest(node, &["logs"]);
    let mut manifest = Manifest {
        format: FORMAT.into(),
        written: at,
        flushed_to: at,
        state: State::Closed,
        reason: Some(Reason::PodEnded),
        ray: vec![AgentCounters { at, received: stored, published: stored, quiet: true, ..AgentCounters::default() }],
        ..Manifest::default()
    };
    manifest.events.records = stored;
    manifest.events.sealed = SealedFiles { objects, records: stored, digest: of_events, ..SealedFiles::default() };
    manifest.logs.settled = SettledLogs { objects: logs, digest: of_logs, ..SettledLogs::default() };
    manifest
}

/// Returns the session with manifests of all nodes, those of one of them changed.
fn with_manifests(change: impl Fn(&mut Manifest)) -> tempfile::TempDir {
    let folder = fixture::unpacked("service");
    let storage = folder.path().join("storage");
    let session = storage.join("cluster-history/rayservice/ml-serving");
    let nodes: Vec<PathBuf> = files(&session)
        .iter()
        .filter_map(|file| Some(file.to_str()?.split_once("/logs/raylet.out")?.0.into()))
        .collect();
    assert!(!nodes.is_empty(), "{}", session.display());
    for node in nodes {
        let mut written = manifest(&node);
        if node.ends_with(NODE) {
            written.identity.role = Role::Head;
            change(&mut written);
        }
        let own = node.join("ray-history/spool");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("manifest.json"), written.to_bytes()).unwrap();
    }
    folder
}

/// Starts a server of a folder, and waits until it is ready.
async fn serve(folder: &tempfile::TempDir) -> Server {
    let storage = folder.path().join("storage");
    let server = Server::start(&["--local-dir", storage.to_str().unwrap()], &[]).await;
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("it is ready", Duration::from_secs(60), ready).await;
    server
}

/// Returns what the report says of a session with manifests.
fn reported(change: impl Fn(&mut Manifest)) -> Value {
    let folder = with_manifests(change);
    let below = SESSION.strip_prefix("/sessions/").unwrap();
    block_on(async {
        let server = serve(&folder).await;
        let report = send("GET", &format!("http://{}/api/history/v1/sessions/{below}", server.address), &[]).await;
        let report = report.unwrap();
        let name = |name: &str| header(&report.headers, name).to_owned();
        let headers =
            [name("x-ray-history-state"), name("x-ray-history-completeness"), name("x-ray-history-complete-to")];
        let body: Value = serde_json::from_str(&report.body).unwrap();
        let of = |members: &[&str]| -> Value {
            members
                .iter()
                .map(|name| ((*name).to_owned(), body[*name].clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({"headers": headers, "report": of(&["state", "completeness", "completeTo", "gaps", "proof"]),
            "stateFrom": body["session"]["stateFrom"], "ended": body["session"]["ended"]})
    })
}

#[test]
fn a_report_has_the_proof() {
    insta::assert_json_snapshot!("proof_complete", reported(|_| ()));
    let silent = |manifest: &mut Manifest| {
        manifest.state = State::Open;
        manifest.reason = None;
        manifest.collector.flush_seconds = 10.0;
    };
    insta::assert_json_snapshot!("proof_complete_to", reported(silent));
    let dropped = |manifest: &mut Manifest| {
        let counters = &mut manifest.ray[0];
        counters.received += 975;
        counters.dropped = [("TASK_DEFINITION_EVENT".to_owned(), 900), ("TASK_LIFECYCLE_EVENT".into(), 75)].into();
    };
    insta::assert_json_snapshot!("proof_gaps", reported(dropped));
    insta::assert_json_snapshot!(
        "proof_unknown",
        reported(|manifest| manifest.format = "ray-history/manifest/9".into())
    );
}

/// State, completeness and owner of a session that nobody opened and no API server knows: in the JSON, its filters and on
/// the page.
#[test]
fn a_list_knows_and_filters_what_manifests_say() {
    let folder = with_manifests(|_| ());
    block_on(async {
        let server = serve(&folder).await;
        let get = async |path: &str| {
            let answer = send("GET", &format!("http://{}{path}", server.address), &[]).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            answer.body
        };
        let list = async |query: &str| -> Value {
            serde_json::from_str(&get(&format!("/api/history/v1/sessions?{query}")).await).unwrap()
        };
        let read = async || list("completeness=complete").await["total"] == 1;
        server.eventually("the manifests are read", Duration::from_secs(60), read).await;
        let found = list("state=dead&completeness=complete").await;
        let session = &found["sessions"][0];
        let words = ["state", "stateFrom", "completeness"].map(|name| session[name].as_str().unwrap().to_owned());
        assert_eq!(words, ["dead", "manifest", "complete"], "{found}");
        assert_eq!((&session["owner"]["kind"], &session["owner"]["name"]), (&json!("rayservice"), &json!("recsys")));
        assert!(session["completeTo"].is_string() && found["unread"].is_null(), "{found}");
        for query in ["state=live", "state=unknown", "completeness=gaps", "state=dead&completeness=complete-to"] {
            assert_eq!(list(query).await["total"], 0, "{query}");
        }
        let page = get("/sessions/?state=dead&completeness=complete").await;
        for text in [">dead<", ">complete<", "The collector of its head closed its manifest.", "recsys"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!get("/sessions/?state=unknown").await.contains("The collector of its head"));
    });
}
