//! A cold session on a slow store: requests wait no longer than promised, and get the progress.

use super::{exchange, header, unpacked};
use ray_history::http;
use ray_history_access::CurrentAccess;
use ray_history_core::layout::Root;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_session::liveness::Watched;
use ray_history_settings::server::Server;
use ray_history_settings::{Loading, Settings};
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::local::Local;
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const SESSION: &str = "ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";

/// Starts a server whose store adds a latency to every request; its sessions have not been opened.
fn slow(latency: Duration, wait: Duration) -> (String, Arc<Faulty>) {
    serving(Faulty::new(Arc::new(Local::open(unpacked().join("storage")).unwrap())).with_latency(latency), wait)
}

/// Starts a server in this process, over a store with faults. It ends with the process.
pub(super) fn serving(store: Faulty, wait: Duration) -> (String, Arc<Faulty>) {
    let store = Arc::new(store);
    let loading = Loading { request_timeout: wait, ..Loading::default() };
    let settings = Arc::new(Settings { loading, ..Settings::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (listed, is_listed) = std::sync::mpsc::channel();
    let shared: Arc<Faulty> = Arc::clone(&store);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sessions =
                Sessions::with(shared, vec![Root::new("")], settings, Watched::default(), Metrics::default());
            sessions.refresh().await.unwrap();
            listed.send(()).unwrap();
            let server = Server::default();
            let (health, metrics) = (Health::default(), Metrics::default());
            let heavy = http::Heavy::new(server.heavy_requests(), metrics.clone());
            let (access, audit, sessions) = (Arc::new(CurrentAccess::open()), Arc::default(), Arc::new(sessions));
            let state = http::State { access, audit, sessions, dashboards: None, health, metrics, heavy };
            http::serve(state, listener, &server, CancellationToken::new()).await.unwrap();
        });
    });
    is_listed.recv().unwrap();
    (address, store)
}

/// Returns all files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let below = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A request that would wait too long is 503 with the progress of the load, which goes on.
#[test]
fn a_cold_session_answers_its_progress_and_opens_by_itself() {
    let (address, _) = slow(Duration::from_millis(150), Duration::from_millis(100));
    let ask = |path: &str| exchange(&address, "GET", path, &[]);
    for path in [format!("/sessions/{SESSION}/api/jobs/"), format!("/enter_cluster/{SESSION}")] {
        let (status, headers, body) = ask(&path);
        assert_eq!((status, header(&headers, "retry-after")), (503, "5"), "{path}: {body}");
        assert_eq!(header(&headers, "content-type"), "application/json");
        let body: Value = serde_json::from_str(&body).unwrap();
        for field in ["state", "phase", "filesDone", "filesTotal", "bytesDone", "bytesTotal", "startedAt"] {
            assert!(!body[field].is_null(), "{path}: {body}");
        }
        assert!(["queued", "loading"].contains(&body["state"].as_str().unwrap()));
    }
    let (status, headers, problem) = ask(&format!("/api/history/v1/sessions/{SESSION}"));
    assert_eq!((status, header(&headers, "content-type")), (503, "application/problem+json"), "{problem}");
    let load = format!("/api/history/v1/sessions/{SESSION}/load");
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, headers, body) = ask(&load);
        assert_eq!((status, header(&headers, "cache-control")), (200, "no-store"), "{body}");
        match serde_json::from_str::<Value>(&body).unwrap()["state"].as_str().unwrap() {
            "ready" => break,
            "queued" | "loading" => assert!(Instant::now() < end, "{body}"),
            other => panic!("{other}: {body}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask(&format!("/sessions/{SESSION}/api/jobs/")).0, 200);
}

#[test]
fn a_request_for_progress_starts_the_load_and_never_waits() {
    let (address, _) = slow(Duration::from_secs(2), Duration::from_secs(30));
    let started = Instant::now();
    let (status, _, body) = exchange(&address, "GET", &format!("/api/history/v1/sessions/{SESSION}/load"), &[]);
    assert_eq!(status, 200, "{body}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["state"], "loading");
}

/// The previous state of the session is shown, marked with the files that could not be read.
#[test]
fn a_partial_failure_of_the_store_keeps_the_page_and_is_reported() {
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("storage");
    assert!(Command::new("cp").arg("-r").arg(unpacked().join("storage")).arg(&folder).status().unwrap().success());
    let events = files(&folder).into_iter().find(|file| file.to_string_lossy().contains("node_events/")).unwrap();
    // A session with a new file is compared with the store every few seconds.
    let write_again = || std::fs::write(&events, std::fs::read(&events).unwrap()).unwrap();
    write_again();
    let (address, store) = serving(Faulty::new(Arc::new(Local::open(&folder).unwrap())), Duration::from_secs(20));
    let report = || {
        let path = format!("/api/history/v1/sessions/{SESSION}");
        let (status, _, body) = exchange(&address, "GET", &path, &[]);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let until = |unread: u64| {
        for _ in 0..150 {
            let report = report();
            if report["unreadUpdates"]["count"] == unread {
                return report;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("never {unread}: {}", report());
    };
    let before = until(0);
    let key = events.strip_prefix(&folder).unwrap().to_str().unwrap();
    store.arm(key, Fault::Always(ErrorKind::Unavailable));
    write_again();
    let behind = until(1);
    assert_eq!((&behind["counts"], &behind["completeness"]), (&before["counts"], &"gaps".into()), "{behind}");
    assert!(behind["missing"].to_string().contains("the previous state of the session is shown"), "{behind}");
    assert_eq!(behind["unreadUpdates"]["examples"][0]["file"], key, "{behind}");
    store.heal();
    assert_eq!(until(0)["missing"], before["missing"]);
}

#[test]
fn an_outage_is_no_404_and_names_no_host() {
    let (address, store) = slow(Duration::ZERO, Duration::from_secs(10));
    store.fail_next(u32::MAX);
    for path in [
        "/rayjobs/ml/new-job",
        "/rayclusters/ml/new/latest",
        "/sessions/ml/new/latest/",
        "/sessions/ml/new/session_2026-11-23_07-07-14_513426_5513/",
        "/enter_cluster/ml/raycluster/new",
        "/api/history/v1/sessions/ml/new/session_2026-11-23_07-07-14_513426_5513",
        "/api/history/v1/sessions/ml/new/session_2026-11-23_07-07-14_513426_5513/load",
        &format!("/sessions/{SESSION}/api/jobs/"),
    ] {
        let (status, _, body) = exchange(&address, "GET", path, &[]);
        assert_eq!(status, 502, "{path}: {body}");
        assert!(!body.contains("armed"), "{body}");
    }
    let (status, _, body) = exchange(&address, "GET", "/api/history/v1/sessions", &[]);
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &list["stale"], &list["total"]), (200, &true.into(), &1.into()), "{body}");
    store.heal();
    assert_eq!(exchange(&address, "GET", "/rayjobs/ml/new-job", &[]).0, 404);
}
