use super::*;
use crate::Sessions;
use crate::catalog::Visible;
use ray_history_core::layout::Root;
use ray_history_storage::Storage;
use ray_history_storage::faulty::Faulty;
use ray_history_storage::memory::Memory;
use std::sync::Arc;

const MONDAY: &str = "session_2026-11-23_08-00-00_000001_1";
const TUESDAY: &str = "session_2026-11-24_08-00-00_000001_1";

async fn sessions(keys: &[String]) -> (Arc<Sessions>, Arc<Faulty>) {
    let memory = Memory::default();
    for key in keys {
        memory.put(key.clone(), "x");
    }
    let store = Arc::new(Faulty::new(Arc::new(memory)));
    let sessions = Arc::new(Sessions::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]));
    sessions.refresh().await.unwrap();
    (sessions, store)
}

fn shown(sessions: &[Entry]) -> Vec<String> {
    sessions.iter().map(|entry| entry.key.to_string()).collect()
}

fn marker(kind: &str, names: &str, session: &str) -> String {
    format!("cluster-metadata/{kind}/{names}/{session}")
}

#[tokio::test]
async fn finds_all_attempts_newest_first() {
    let (sessions, _) = sessions(&[
        marker("rayjob", "ns_train_train-aaaaa", MONDAY),
        marker("rayjob", "ns_train_train-bbbbb", TUESDAY),
        marker("rayjob", "other_train_train-ccccc", TUESDAY),
        marker("rayservice", "ns_train_train-ddddd", TUESDAY),
        marker("raycluster", "ns_train", MONDAY),
        marker("raycluster", "ns_train", TUESDAY),
    ])
    .await;
    let job = sessions.attempts("ns", Subject::RAY_JOB, "train", false);
    assert_eq!(shown(&job.sessions), [format!("ns/train-bbbbb/{TUESDAY}"), format!("ns/train-aaaaa/{MONDAY}")]);
    assert!(job.exact);
    let service = sessions.attempts("ns", Subject::RAY_SERVICE, "train", true);
    assert_eq!(shown(&service.sessions), [format!("ns/train-ddddd/{TUESDAY}")]);
    let cluster = sessions.attempts("ns", Subject::Cluster, "train", true);
    assert_eq!(shown(&cluster.sessions), [format!("ns/train/{TUESDAY}"), format!("ns/train/{MONDAY}")]);
    for unknown in ["", "trai", "train-aaaaa"] {
        assert_eq!(sessions.attempts("ns", Subject::RAY_JOB, unknown, false).sessions, []);
    }
}

/// Without a stored owner, generated cluster names are matched, and the result is marked as inexact.
#[tokio::test]
async fn generated_names_are_inexact_matches() {
    let (sessions, _) = sessions(&[
        marker("raycluster", "ns_train-x7k2p", TUESDAY),
        marker("raycluster", "ns_train-raycluster-x7k2p", MONDAY),
        marker("raycluster", "ns_train-more-x7k2p", MONDAY),
        marker("rayservice", "ns_serve_train-y7k2p", MONDAY),
    ])
    .await;
    let found = sessions.attempts("ns", Subject::RAY_JOB, "train", false);
    assert_eq!(
        shown(&found.sessions),
        [format!("ns/train-x7k2p/{TUESDAY}"), format!("ns/train-raycluster-x7k2p/{MONDAY}")]
    );
    assert!(!found.exact);
    assert_eq!(sessions.attempts("ns", Subject::RAY_JOB, "train", true).sessions, []);
}

/// The result is cached.
#[tokio::test]
async fn finds_submissions_by_driver_log_in_every_layout() {
    let (sessions, store) = sessions(&[
        format!("cluster-history/raycluster/ns/one/{MONDAY}/node/logs/job-driver-raysubmit_A.log"),
        format!("cluster-history/rayjob/ns/train/train-x7k2p/{TUESDAY}/n1/logs/raylet.out"),
        format!("cluster-history/rayjob/ns/train/train-x7k2p/{TUESDAY}/n2/logs/job-driver-train-q5w7e.log"),
        format!("old_ns/{MONDAY}/logs/node/job-driver-nightly.log"),
        format!("old_ns/{TUESDAY}/logs/node/job-driver-nightly.log"),
        format!("old_ns/{TUESDAY}/logs/node/job-driver-nightly-2.log"),
        format!("old_other/{TUESDAY}/logs/node/job-driver-nightly.log"),
    ])
    .await;
    for (id, wanted) in [
        ("raysubmit_A", vec![format!("ns/one/{MONDAY}")]),
        ("train-q5w7e", vec![format!("ns/train-x7k2p/{TUESDAY}")]),
        ("nightly", vec![format!("ns/old/{TUESDAY}"), format!("ns/old/{MONDAY}")]),
        ("night", vec![]),
    ] {
        let found = sessions.submission("ns", id, &Visible::All).await.unwrap();
        assert_eq!(shown(&found.sessions), wanted, "{id}");
        assert_eq!((found.searched_all, found.searched, found.of), (true, 4, 4), "{id}");
        let requests = store.counts().lists;
        assert_eq!(sessions.submission("ns", id, &Visible::All).await.unwrap(), found, "{id}");
        assert_eq!(store.counts().lists, requests, "{id}");
    }
}

/// Likely sessions are searched first.
#[tokio::test]
async fn bounded_search_reports_its_bound() {
    let mut keys: Vec<String> = (0..2_000)
        .map(|at| {
            let day = at % 28 + 1;
            format!(
                "cluster-history/raycluster/ns/c{at}/session_2026-02-{day:02}_00-00-00_000001_{at}/n/logs/raylet.out"
            )
        })
        .collect();
    let old = "session_2025-01-01_00-00-00_000001_1";
    keys.push(format!("cluster-history/rayjob/ns/train/train-x7k2p/{old}/n/logs/job-driver-train-q5w7e.log"));
    keys.push(format!("cluster-history/raycluster/ns/forgotten/{old}/n/logs/job-driver-mine.log"));
    let (sessions, store) = sessions(&keys).await;
    let before = store.counts().lists;
    let found = sessions.submission("ns", "train-q5w7e", &Visible::All).await.unwrap();
    assert_eq!(shown(&found.sessions), [format!("ns/train-x7k2p/{old}")]);
    let missed = sessions.submission("ns", "mine", &Visible::All).await.unwrap();
    assert_eq!((missed.sessions.len(), missed.searched_all, missed.of), (0, false, 2_002));
    assert!((1..2_002).contains(&missed.searched));
    assert!(store.counts().lists - before < 2 * 420, "{} pages", store.counts().lists - before);
}

#[tokio::test]
async fn outage_is_an_error_not_an_absent_submission() {
    let (sessions, store) = sessions(&[marker("raycluster", "ns_rc", MONDAY)]).await;
    store.fail_next(1_000);
    assert!(sessions.submission("ns", "mine", &Visible::All).await.is_err());
    store.heal();
    assert!(sessions.submission("ns", "mine", &Visible::All).await.unwrap().searched_all);
}

#[tokio::test]
async fn does_not_search_for_impossible_ids() {
    let (sessions, store) = sessions(&[marker("raycluster", "ns_rc", MONDAY)]).await;
    let before = store.counts().lists;
    for id in ["", "a//b", "a/../x", "a\0b", &"x".repeat(300)] {
        assert_eq!(sessions.submission("ns", id, &Visible::All).await.unwrap().sessions, []);
    }
    assert_eq!(store.counts().lists, before);
}
