//! Why runs ended: rows of a ledger and documents in a folder, as lists, pages and documents show them.

use super::*;
use ray_history_obituary::cause::Outcome;
use ray_history_obituary::document::Document;
use ray_history_obituary::ledger::{Ledger, Piece, Row};
use ray_history_obituary::time::Time;

const NAME: &str = "session_2026-11-23_07-07-14_513426_5513";
/// Words of a log.
pub(crate) const SECRET: &str = "killed while it held the secret of the log";
const CLUSTER: &str = "train-raycluster-9d4kq";

/// Returns the document of a cluster whose head ran out of memory, or of one whose image was never there.
fn document(namespace: &str, name: &str, session: Option<&str>) -> Document {
    let uid = format!("uid-of-{name}");
    let sessions = session.map(|session| (format!("{name}/{session}"), json!("2026-11-23T07:07:14Z")));
    let container = if session.is_some() {
        json!({"name": "ray-head", "main": true, "lastReady": "2026-11-23T07:08:00Z", "ended": [{
            "id": "1", "at": "2026-11-23T08:00:00Z", "reason": "OOMKilled", "exit": 137,
            "message": SECRET
        }]})
    } else {
        json!({"name": "ray-head", "main": true, "waited": [{
            "reason": "ErrImagePull", "message": "no such image", "from": "2026-11-23T07:07:00Z", "to": "2026-11-23T08:00:00Z"
        }]})
    };
    let text = json!({
        "schema": "ray-history/obituary/v1", "revision": 3, "final": true, "writer": "server-0",
        "object": {"kind": "RayCluster", "namespace": namespace, "name": name, "uid": uid},
        "outcome": "Failed",
        "runs": [{
            "cluster": name, "headPod": "head-pod", "from": "2026-11-23T07:07:00Z", "to": "2026-11-23T08:00:00Z",
            "sessions": session.into_iter().collect::<Vec<_>>(), "outcome": "Failed",
            "causes": [if session.is_some() {
                json!({"code": "HeadOOM", "certainty": "certain", "subject": "pod", "values": {"limit": "8Gi"}})
            } else {
                json!({"code": "ImagePull", "certainty": "certain", "subject": "pod", "values": {"image": "nowhere/ray:1"}})
            }]
        }],
        "objects": [{"kind": "RayCluster", "namespace": namespace, "name": name, "uid": uid}],
        "pods": [{"uid": "head-pod", "name": format!("{name}-head"), "cluster": name, "role": "head", "containers": [container]}],
        "sessions": sessions.into_iter().collect::<serde_json::Map<_, _>>(),
    });
    Document::read(text.to_string().as_bytes()).unwrap()
}

/// Puts the obituaries of a cluster whose head ran out of memory, and of a run without a session, into a folder.
pub(crate) fn put_ledger(folder: &Path, namespace: &str, cluster: &str) {
    let put = |key: String, bytes: Vec<u8>| {
        let path = folder.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let mut ledger = Ledger::default();
    // Uids are of one object in all namespaces.
    let broken = if namespace == "ml" { "broken-image".to_owned() } else { format!("broken-image-of-{namespace}") };
    for document in [document(namespace, cluster, Some(NAME)), document(namespace, &broken, None)] {
        let bytes = document.to_bytes().unwrap();
        for row in Row::of(&document, bytes.len() as u64) {
            assert_eq!(row.outcome, Outcome::Failed);
            ledger.add(row);
        }
        put(document.object.key("").unwrap(), bytes);
    }
    let mut rows = ledger.write().unwrap();
    rows.extend(b"{\"torn");
    let piece = Piece::now(Time::parse("2026-11-23T08:01:00Z").unwrap(), &format!("server-{namespace}")).unwrap();
    put(piece.key(""), rows);
}

/// Returns a folder with one session, its obituary, and that of a run without a session.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join(format!("cluster-metadata/raycluster/ml_{CLUSTER}"));
    std::fs::create_dir_all(&marker).unwrap();
    std::fs::write(marker.join(NAME), "").unwrap();
    put_ledger(folder.path(), "ml", CLUSTER);
    folder
}

async fn served(folder: &TempDir) -> Server {
    let server = Server::start(&["--local-dir", folder.path().to_str().unwrap()], &[]).await;
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("it is ready", Duration::from_secs(60), ready).await;
    let read = async || server.json("/api/history/v1/obituaries").await.unwrap()["total"] == 2;
    server.eventually("the ledger is read", Duration::from_secs(60), read).await;
    server
}

#[test]
fn the_list_shows_causes_and_runs_without_a_session() {
    let folder = store();
    block_on(async {
        let server = served(&folder).await;
        let list = async |query: &str| server.json(&format!("/api/history/v1/sessions{query}")).await.unwrap();
        let all = list("").await;
        assert_eq!((&all["total"], &all["withoutSession"]), (&json!(2), &json!(1)), "{all}");
        assert!(all["missingCauses"].as_str().unwrap().contains("damaged"), "{all}");
        let of = |cluster: &str| {
            let items = all["sessions"].as_array().unwrap();
            items.iter().find(|item| item["cluster"] == cluster).unwrap().clone()
        };
        let session = of(CLUSTER);
        assert_eq!(session["session"], NAME);
        assert_eq!(session["outcome"], "Failed");
        let sentence = "The head ran out of memory at its limit of 8Gi; Ray's session ended with it.";
        assert_eq!(session["why"], json!({"sentence": sentence, "code": "HeadOOM", "certainty": "certain"}));
        let run = of("broken-image");
        assert_eq!((&run["session"], &run["outcome"]), (&Value::Null, &json!("Failed")), "{run}");
        assert_eq!(run["why"]["sentence"], "Image nowhere/ray:1 could not be pulled.");
        assert_eq!(run["path"], "/why/ml/raycluster/broken-image/uid-of-broken-image");
        for (query, total) in [
            ("?outcome=failed", 2),
            ("?outcome=succeeded", 0),
            ("?cause=ImagePull", 1),
            ("?cause=HeadOOM&namespace=ml", 1),
            ("?namespace=other", 0),
            ("?q=broken", 1),
            ("?state=live", 0),
            ("?sort=-duration", 2),
        ] {
            assert_eq!(list(query).await["total"], total, "{query}");
        }
        let first = list("?limit=1&sort=outcome").await;
        let next = first["next"].as_str().unwrap();
        let second = list(&format!("?limit=1&sort=outcome&after={next}")).await;
        assert_ne!(first["sessions"][0]["path"], second["sessions"][0]["path"]);
        assert_eq!(second["next"], Value::Null);
        assert_eq!(server.status("/api/history/v1/sessions?cause=Weather").await, 400);
        // KubeRay's routes know sessions alone.
        let clusters = server.json("/clusters").await.unwrap();
        assert_eq!(clusters.to_string().matches("broken-image").count(), 0, "{clusters}");
    });
}

#[test]
fn obituaries_lead_to_their_documents() {
    let folder = store();
    block_on(async {
        let server = served(&folder).await;
        let list = server.json("/api/history/v1/obituaries?cause=headoom").await.unwrap();
        let run = &list["runs"][0];
        assert_eq!((&list["total"], &run["sessions"]), (&json!(1), &json!([NAME])), "{list}");
        let document = server.json(run["document"].as_str().unwrap()).await.unwrap();
        assert_eq!(document["schema"], "ray-history/obituary/v1");
        assert_eq!(document["runs"][0]["causes"][0]["code"], "HeadOOM");
        assert!(document.to_string().contains(SECRET), "access is off: {document}");
        let path = "/api/history/v1/obituaries/ml";
        for odd in ["raycluster/nothing/u", "rayservice/x/u", "pod/x/u", "raycluster/..%2f/u"] {
            assert_eq!(server.status(&format!("{path}/{odd}")).await, 404, "{odd}");
        }
        let newer = folder.path().join("ray-history/v1/obituaries/ml/rayjob/later/u.json");
        std::fs::create_dir_all(newer.parent().unwrap()).unwrap();
        std::fs::write(newer, r#"{"schema": "ray-history/obituary/v2"}"#).unwrap();
        let url = format!("http://{}{path}/rayjob/later/u", server.address);
        let reply = send("GET", &url, &[]).await.unwrap();
        assert!(reply.status == 502 && reply.body.contains("newer version"), "{reply:?}");
    });
}

/// The page has the same as the API, and needs no script for it.
#[test]
fn the_page_shows_why() {
    let folder = store();
    block_on(async {
        let server = served(&folder).await;
        let page = async |path: &str| {
            let url = format!("http://{}{path}", server.address);
            send("GET", &url, &[("Accept", "text/html")]).await.unwrap().body
        };
        let shown = page("/sessions/").await;
        for text in [
            "1 session, 1 run without a session",
            "The head ran out of memory at its limit of 8Gi",
            "Image nowhere/ray:1 could not be pulled.",
            r#"href="../why/ml/raycluster/broken-image/uid-of-broken-image""#,
            r#"<th scope="col" aria-sort="descending"><a href="./?sort=-started">Started"#,
            r#"<a href="./?sort=outcome">Why"#,
            "no session",
            "A part of the ledger",
        ] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        assert!(page("/sessions/?cause=HeadOOM").await.contains("1 of 1 session<"));
        assert!(page("/sessions/?outcome=succeeded").await.contains("No session matches"));
        assert!(
            page("/sessions/?sort=outcome").await.contains(r#"aria-sort="ascending"><a href="./?sort=-outcome">Why"#)
        );
    });
}

/// Returns the files below a folder by their paths.
fn files(folder: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (std::collections::BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The end-to-end tests have documents and rows as the crate writes them; `make gen` writes them again.
#[test]
fn the_bucket_of_the_end_to_end_tests_is_current() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/obituaries");
    let written = tempfile::tempdir().unwrap();
    put_ledger(written.path(), "ml", CLUSTER);
    if std::env::var_os("RAY_HISTORY_GEN").is_some() {
        put_ledger(&committed, "ml", CLUSTER);
    }
    assert!(files(&committed) == files(written.path()), "e2e/obituaries is old: `make gen` writes it again");
}
