use super::*;
use crate::catalog::Query;
use crate::liveness::{Cluster, Watched};
use ray_history_core::base::keep::Keep;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::Root;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_metrics::Metrics;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_retention::Candidate;
use ray_history_retention::{Pin, Proof, State as Life, keys};
use ray_history_settings::Settings;
use ray_history_storage::ErrorKind;
use ray_history_storage::Storage;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Nanos = 86_400_000_000_000;
/// 2024-01-02T03:04:05Z.
const BEGAN: Nanos = 1_704_164_645_000_000_000;

fn key(cluster: &str) -> SessionKey {
    let session = SessionName::parse("session_2024-01-02_03-04-05_000000_1").unwrap();
    SessionKey { cluster: ClusterId { namespace: "ml".into(), name: cluster.into() }, session }
}

/// A bucket with a marker and a log of each cluster.
async fn scene(clusters: &[&str], settings: Settings) -> (Arc<Memory>, Arc<Sessions>) {
    let bucket = Arc::new(Memory::default());
    for cluster in clusters {
        let SessionKey { session, .. } = key(cluster);
        bucket.put_modified(format!("cluster-metadata/raycluster/ml_{cluster}/{session}"), "", BEGAN);
        let log = format!("cluster-history/raycluster/ml/{cluster}/{session}/aa11/logs/raylet.out");
        bucket.put_modified(log, "x\n", BEGAN);
    }
    let store = Arc::clone(&bucket) as Arc<dyn Storage>;
    let (watched, metrics) = (Watched::default(), Metrics::default());
    let sessions = Arc::new(Sessions::with(store, vec![Root::default()], Arc::new(settings), watched, metrics));
    sessions.refresh_marks().await.unwrap();
    sessions.refresh().await.unwrap();
    (bucket, sessions)
}

/// Writes the mark of a session.
fn put_mark(bucket: &Memory, cluster: &str, phase: &str) {
    let mark = format!(
        r#"{{"schema": "ray-history/tombstone/v1", "phase": "{phase}", "at": "2026-11-20T00:00:00Z", "notBefore":
        "2026-11-27T00:00:00Z", "rule": 0, "reason": "rule 1: it is old", "rulesDigest": "d", "digest": "{:032x}", "objects": 2,
        "bytes": 2, "changed": "2026-11-28T00:00:00Z"}}"#,
        0
    );
    bucket.put(keys::tombstone("", &key(cluster)), mark);
}

fn listed(sessions: &Sessions) -> Vec<String> {
    let mut names: Vec<String> = sessions.listing().iter().map(|entry| entry.key.cluster.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_session_that_is_being_deleted_is_closed_and_hidden() {
    let (bucket, sessions) = scene(&["a", "b"], Settings::default()).await;
    sessions.open(&key("a")).await.unwrap();
    assert!(sessions.peek(&key("a")).is_some());
    put_mark(&bucket, "a", "deleting");
    sessions.refresh_marks().await.unwrap();
    assert!(sessions.peek(&key("a")).is_none(), "it is closed");
    assert_eq!(listed(&sessions), ["b"]);
    for (phase, words) in [("deleting", "is being deleted"), ("deleted", "was deleted")] {
        put_mark(&bucket, "a", phase);
        sessions.refresh_marks().await.unwrap();
        let errors = [sessions.open(&key("a")).await.err(), sessions.find(&key("a")).await.err()];
        for error in errors {
            let error = error.unwrap().to_string();
            assert!(error.contains(words) && error.ends_with("2026-11-28: rule 1: it is old"), "{error}");
        }
    }
    // Whatever is listed, or searched for, does not bring it back.
    sessions.refresh().await.unwrap();
    sessions.refresh_cluster(&key("a").cluster, None).await.unwrap();
    assert_eq!(listed(&sessions), ["b"]);
    let hidden: Vec<SessionKey> = sessions.listing().hidden().map(|entry| entry.key).collect();
    assert_eq!(hidden, [key("a")], "something of it is there still");
    bucket.remove(&keys::tombstone("", &key("a")));
    sessions.refresh_marks().await.unwrap();
    assert_eq!(listed(&sessions), ["a", "b"], "a mark that is gone hides nothing");
    sessions.open(&key("a")).await.unwrap();
}

#[tokio::test]
async fn a_marked_session_is_shown_with_its_date_and_found_by_it() {
    let (bucket, sessions) = scene(&["a", "b"], Settings::default()).await;
    for phase in ["marked", "unmarked", "of-a-later-version"] {
        put_mark(&bucket, "a", phase);
        sessions.refresh_marks().await.unwrap();
        let expected = (phase == "marked")
            .then(|| Expiry { not_before: 1_795_737_600_000_000_000, reason: "rule 1: it is old".to_owned() });
        assert_eq!(sessions.expiry(&key("a")), expected, "{phase}");
        assert_eq!(listed(&sessions), ["a", "b"], "{phase}");
        let page = sessions.page(&Query { expiring: true, runs: true, ..Query::default() });
        assert_eq!(page.total, usize::from(phase == "marked"), "{phase}");
        sessions.open(&key("a")).await.unwrap();
    }
}

#[tokio::test]
async fn marks_that_cannot_be_listed_stay_in_force() {
    let (bucket, _) = scene(&["a"], Settings::default()).await;
    put_mark(&bucket, "a", "deleted");
    let store = Arc::new(Faulty::new(bucket as Arc<dyn Storage>));
    let sessions = Arc::new(Sessions::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]));
    sessions.refresh_marks().await.unwrap();
    store.arm("ray-history/v1/tombstones/", Fault::Always(ray_history_storage::ErrorKind::Unavailable));
    assert!(sessions.refresh_marks().await.is_err());
    assert!(matches!(sessions.open(&key("a")).await, Err(Error::Deleted(..))));
}

/// Returns the watch of a Kubernetes that has these clusters.
fn watch(sessions: &Sessions, clusters: Vec<(&str, Cluster)>, is_shared: bool) {
    let found = clusters.into_iter().map(|(name, cluster)| (key(name).cluster, cluster)).collect();
    let listing = sessions.listing();
    sessions.watched().update(|states| {
        states.watch(&[], is_shared);
        states.relisted(None, found, BEGAN / 1_000);
        let listed = listing.iter().map(|entry| crate::liveness::Listed {
            start: crate::liveness::StartBounds::from_name(&entry.key.session),
            key: entry.key,
            namespace_known: true,
        });
        states.listed(listed, BEGAN / 1_000);
    });
}

fn cluster(created: Nanos, suspended: bool) -> Cluster {
    Cluster { uid: "u".into(), created: created / 1_000, suspended, owner: None, head: None, keep: None }
}

fn row(name: &str, kubernetes: &str, is_final: bool) -> Row {
    Row {
        object: ObjectId {
            kind: Kind::RayCluster,
            namespace: "ml".into(),
            name: name.into(),
            uid: format!("u-{name}"),
        },
        run: "head".into(),
        cluster: name.into(),
        sessions: vec![key(name).session.as_str().to_owned()],
        from: Some(Time(BEGAN)),
        to: Some(Time(BEGAN + DAY)),
        outcome: Outcome::Failed,
        is_final,
        kubernetes: kubernetes.into(),
        revision: 1,
        ..Row::default()
    }
}

/// Each session with the proof that it is dead: what nothing proves stays.
#[tokio::test]
async fn proofs_of_death() {
    let all = ["lives", "suspended", "made-again", "gone", "told", "told-elsewhere", "not-final"];
    for (is_shared, expected) in [
        (
            false,
            [
                (Life::Live, None),
                (Life::Dead, Some(Proof::WatchSaw)),
                (Life::Dead, Some(Proof::WatchSaw)),
                (Life::Dead, Some(Proof::NoSuchObject)),
                (Life::Dead, Some(Proof::FinalObituary)),
                (Life::Dead, Some(Proof::NoSuchObject)),
                (Life::Dead, Some(Proof::NoSuchObject)),
            ],
        ),
        (
            true,
            [
                (Life::Live, None),
                (Life::Dead, None),
                (Life::Dead, None),
                (Life::Unknown, None),
                (Life::Dead, Some(Proof::FinalObituary)),
                (Life::Unknown, None),
                (Life::Unknown, None),
            ],
        ),
    ] {
        let mut settings = Settings::default();
        settings.clusters.shared_storage = is_shared;
        let (_, sessions) = scene(&all, settings).await;
        let lives = [
            ("lives", cluster(BEGAN - DAY, false)),
            ("suspended", cluster(BEGAN - DAY, true)),
            // An object of the same name that was made later.
            ("made-again", cluster(BEGAN + 9 * DAY, false)),
        ];
        watch(&sessions, lives.into(), is_shared);
        let rows = [row("told", "ours", true), row("told-elsewhere", "theirs", true), row("not-final", "ours", false)];
        sessions.obituaries().apply(rows);
        let found = sessions.candidates("ours", BEGAN + 9 * DAY);
        assert_eq!(found.len(), all.len());
        for (name, expected) in all.iter().zip(expected) {
            let one = found.iter().find(|session| session.key == key(name)).unwrap();
            assert_eq!((one.state, one.proof), expected, "{name}, shared: {is_shared}");
            assert_eq!(*one, sessions.candidate(&key(name), "ours"), "one is as in the list of all");
        }
        // Without knowing which Kubernetes this is, no obituary proves anything.
        let told = sessions.candidate(&key("told"), "");
        assert_eq!(told.proof, (!is_shared).then_some(Proof::NoSuchObject));
        assert_eq!((told.ended, told.outcome), (Some(BEGAN + DAY), Some(Outcome::Failed)));
        let unfinished = sessions.candidate(&key("not-final"), "ours");
        assert_eq!((unfinished.ended, unfinished.outcome), (None, None), "more may come");
    }
    let (_, unwatched) = scene(&["a"], Settings::default()).await;
    let one = unwatched.candidate(&key("a"), "ours");
    assert_eq!((one.state, one.proof, one.is_watched), (Life::Unknown, None, false));
    assert_eq!(unwatched.candidate(&key("not-stored"), "ours"), Candidate::new(key("not-stored")));
}

#[tokio::test]
async fn pins_come_from_the_bucket_from_labels_and_from_obituaries() {
    let (bucket, sessions) = scene(&["pinned", "labelled", "told", "free"], Settings::default()).await;
    bucket.put(keys::pin("", &key("pinned").cluster, None), "");
    sessions.refresh_marks().await.unwrap();
    let labelled = Cluster { keep: Some(Keep::ForEver), ..cluster(BEGAN - DAY, true) };
    watch(&sessions, vec![("labelled", labelled)], false);
    sessions.obituaries().apply([Row { keep: "864000s".into(), ..row("told", "ours", true) }]);
    let pin = |name: &str| sessions.candidate(&key(name), "ours").pin;
    assert_eq!(pin("pinned"), Some(Pin::Object));
    assert_eq!(pin("labelled"), Some(Pin::Label { until: None }));
    assert_eq!(pin("told"), Some(Pin::Label { until: Some(BEGAN + 11 * DAY) }));
    assert_eq!(pin("free"), None);
}

#[tokio::test]
async fn what_is_new_or_in_use_is_told() {
    let (bucket, sessions) = scene(&["a"], Settings::default()).await;
    let first = |name: &str, now| {
        let found = sessions.candidates("", now);
        found.into_iter().find(|session| session.key == key(name)).and_then(|session| session.first_listed)
    };
    assert_eq!(first("a", BEGAN), Some(BEGAN));
    let session = key("b").session;
    bucket.put_modified(format!("cluster-metadata/raycluster/ml_b/{session}"), "", BEGAN);
    sessions.refresh().await.unwrap();
    assert_eq!((first("b", BEGAN + DAY), first("a", BEGAN + DAY)), (Some(BEGAN + DAY), Some(BEGAN)));
    assert!(!sessions.candidate(&key("a"), "").is_busy);
    sessions.open(&key("a")).await.unwrap();
    assert!(sessions.candidate(&key("a"), "").is_busy);
    assert!(!sessions.candidate(&key("a"), "").listing_is_partial);
}

/// Marks that nobody could list yet are asked for again soon, also by a server that deletes nothing: another one may.
#[tokio::test(start_paused = true)]
async fn marks_that_were_never_listed_are_listed_soon() {
    let bucket = Arc::new(Memory::default());
    let SessionKey { session, .. } = key("a");
    bucket.put_modified(format!("cluster-metadata/raycluster/ml_a/{session}"), "", BEGAN);
    put_mark(&bucket, "a", "deleting");
    let store = Arc::new(Faulty::new(Arc::clone(&bucket) as _).with_paid_listings());
    store.arm("ray-history/v1/tombstones/", Fault::Always(ErrorKind::Unavailable));
    let settings = Arc::new(Settings::default());
    let (watched, metrics) = (Watched::default(), Metrics::default());
    let sessions = Sessions::with(Arc::clone(&store) as _, vec![Root::default()], settings, watched, metrics);
    let (sessions, stop) = (Arc::new(sessions), CancellationToken::new());
    sessions.refresh().await.unwrap();
    assert_eq!(listed(&sessions), ["a"]);
    let (kept, stopped) = (Arc::clone(&sessions), stop.clone());
    let keeping = tokio::spawn(async move { kept.keep_marks(stopped).await });
    tokio::time::sleep(Duration::from_secs(100)).await;
    store.heal();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(listed(&sessions), [""; 0]);
    stop.cancel();
    keeping.await.unwrap();
}
