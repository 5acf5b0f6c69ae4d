use super::*;
use crate::catalog::{Page, Query};
use crate::fact_index::{FactIndex, MINUTE, Read, pause};
use crate::liveness::{Cluster, Watched};
use proptest::prelude::*;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::layout::Root;
use ray_history_manifest::{FORMAT, Manifest, Role, State as Wire};
use ray_history_metrics::Metrics;
use ray_history_settings::Settings;
use ray_history_storage::faulty::{Counts, Fault, Faulty};
use ray_history_storage::memory::Memory;
use ray_history_storage::{ErrorKind, Storage};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NODE: &str = "aa11";
/// 2024-01-02T03:04:05Z in nanoseconds.
const BEGAN: i64 = 1_704_164_645_000_000_000;
const SECOND: i64 = 1_000_000_000;
const EVENTS: &str = r#"{"message": "Started a ray job a.", "timestamp": "1704164650", "custom_fields": {"submission_id": "a"}}
{"message": "Completed a ray job a with a status FAILED.", "timestamp": "1704164660", "custom_fields": {"submission_id": "a"}}
"#;
const LOG: &str = "Running entrypoint for job a: python x.py\nValueError: no\n";

fn key(n: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2024-01-02_03-04-05_{n:06}_1")).unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: format!("train-{n}") }, session }
}

fn folder(n: u32) -> String {
    format!("cluster-history/rayjob/ns/train/train-{n}/{}/", key(n).session)
}

/// A bucket with faults, and its sessions. Each has a job that failed, and a marker of its end.
struct Scene {
    bucket: Arc<Memory>,
    store: Arc<Faulty>,
    sessions: Arc<Sessions>,
}

impl Scene {
    async fn new(sessions: u32) -> Self {
        Self::watched(sessions, Watched::default()).await
    }

    async fn watched(sessions: u32, watched: Watched) -> Self {
        let bucket = Arc::new(Memory::default());
        let store = Arc::new(Faulty::new(Arc::clone(&bucket) as Arc<dyn Storage>).with_paid_listings());
        let opened = Sessions::with(
            Arc::clone(&store) as Arc<dyn Storage>,
            vec![Root::default()],
            Arc::new(Settings::default()),
            watched,
            Metrics::default(),
        );
        let scene = Self { bucket, store, sessions: Arc::new(opened) };
        (0..sessions).for_each(|n| scene.put(n));
        scene.sessions.refresh().await.unwrap();
        scene
    }

    /// Adds a session.
    fn put(&self, n: u32) {
        let marker = format!("cluster-metadata/rayjob/ns_train_train-{n}/{}", key(n).session);
        self.bucket.put_modified(marker, "", BEGAN + 90 * SECOND);
        let (folder, written) = (folder(n), BEGAN + 60 * SECOND);
        for (path, body) in [
            (format!("{NODE}/logs/events/event_JOBS.log"), EVENTS),
            (format!("{NODE}/logs/job-driver-a.log"), LOG),
            ("fetched_endpoints/restful__timezone".to_owned(), r#"{"offset": "+01:00", "value": "x"}"#),
            (
                "fetched_endpoints/restful__api__v0__cluster_metadata".to_owned(),
                r#"{"result": true, "data": {"rayVersion": "2.60.0", "pythonVersion": "3.11.7"}}"#,
            ),
        ] {
            self.bucket.put_modified(format!("{folder}{path}"), body, written);
        }
    }

    /// Shows a session, waits for what that reads, and returns what is known then.
    async fn shown(&self, n: u32) -> Run {
        self.sessions.run(&key(n));
        self.sessions.idle().await;
        self.sessions.run(&key(n))
    }

    fn requests_since(&self, before: Counts) -> (u64, u64) {
        let after = self.store.counts();
        (after.lists - before.lists, after.reads - before.reads)
    }
}

#[tokio::test]
async fn a_shown_session_is_read_once_by_few_requests() {
    let scene = Scene::new(1).await;
    let before = scene.store.counts();
    let first = scene.sessions.run(&key(0));
    assert_eq!((first.facts.is_none(), first.is_over, first.is_awaited), (true, true, true));
    let run = scene.shown(0).await;
    assert_eq!(scene.requests_since(before), (3, 4), "as the documentation says");
    assert_eq!((run.outcome(), run.is_awaited), (Some(Outcome::Failed), false));
    assert_eq!(run.sentence(true).as_deref(), Some("a failed: ValueError: no"));
    assert_eq!(run.sentence(false).as_deref(), Some("a failed."));
    let facts = run.facts.unwrap();
    assert_eq!((facts.ray_version.as_deref(), facts.zone_minutes), (Some("2.60.0"), Some(60)));
    assert_eq!((facts.source, &*facts.jobs[0].entrypoint), (FactSource::Files, "python x.py"));
    scene.shown(0).await;
    assert_eq!(scene.requests_since(before), (3, 4), "it is never read again");
}

/// Files of a session that goes on are uploaded when it ends.
#[tokio::test]
async fn a_live_session_is_not_read() {
    let watched = Watched::default();
    let cluster =
        |created| Cluster { uid: "one".into(), created, suspended: false, owner: None, head: None, keep: None };
    let lives = [(key(0).cluster, cluster(BEGAN / 1_000 - 1))].into();
    watched.update(|states| {
        states.watch(&[], false);
        states.relisted(None, lives, 0);
    });
    let scene = Scene::watched(2, watched).await;
    let listing = scene.sessions.listing();
    scene.sessions.watched().update(|states| {
        let listed = listing.iter().map(|entry| crate::liveness::Listed {
            start: crate::liveness::StartBounds::from_name(&entry.key.session),
            key: entry.key,
            namespace_known: true,
        });
        states.listed(listed, i64::MAX);
    });
    let before = scene.store.counts();
    let run = scene.shown(0).await;
    assert_eq!((run.facts.is_none(), run.is_over, run.is_awaited), (true, false, false));
    assert_eq!(scene.requests_since(before), (0, 0));
    assert_eq!(scene.shown(1).await.outcome(), Some(Outcome::Failed), "its cluster is gone");
}

/// One that cannot be read leaves only its words out.
#[tokio::test]
async fn a_drivers_log_that_fails_is_no_failure() {
    let scene = Scene::new(1).await;
    scene.store.arm(format!("{}{NODE}/logs/job-driver-a.log", folder(0)), Fault::Always(ErrorKind::PermissionDenied));
    let run = scene.shown(0).await;
    assert_eq!((run.outcome(), run.sentence(true).as_deref()), (Some(Outcome::Failed), Some("a failed.")));
    assert!(!run.is_awaited, "it is tried again later");
}

#[tokio::test]
async fn a_store_that_fails_is_asked_once() {
    let scene = Scene::new(2).await;
    scene.store.arm(folder(0), Fault::Always(ErrorKind::Unavailable));
    scene.store.arm(format!("{}{NODE}/logs/events/event_JOBS.log", folder(1)), Fault::Always(ErrorKind::Unavailable));
    for n in [0, 1] {
        let run = scene.shown(n).await;
        assert_eq!((run.facts.is_none(), run.is_awaited), (true, false), "{n}");
    }
    let before = scene.store.counts();
    scene.shown(0).await;
    assert_eq!(scene.requests_since(before), (0, 0));
}

/// While the head's collector has not closed its manifest, the ends of files may be elsewhere.
#[tokio::test]
async fn an_open_manifest_leaves_only_failures_certain() {
    let succeeded = EVENTS.replace("FAILED", "SUCCEEDED");
    for (state, events, outcome) in [
        (Wire::Closed, &*succeeded, Outcome::Succeeded),
        (Wire::Open, &*succeeded, Outcome::Unknown),
        (Wire::Open, EVENTS, Outcome::Failed),
    ] {
        let scene = Scene::new(1).await;
        let mut manifest = Manifest { format: FORMAT.into(), state, written: BEGAN, ..Manifest::default() };
        manifest.identity.role = Role::Head;
        scene.bucket.put(format!("{}{NODE}/ray-history/spool/manifest.json", folder(0)), manifest.to_bytes());
        scene.bucket.put(format!("{}{NODE}/logs/events/event_JOBS.log", folder(0)), events.to_owned());
        let facts = scene.shown(0).await.facts.unwrap();
        assert_eq!(facts.outcome(true), Some(outcome), "{state:?}");
    }
}

#[tokio::test]
async fn the_head_is_found_among_workers_and_in_the_flat_tree() {
    let scene = Scene::new(1).await;
    for worker in ["0001", "0002"] {
        scene.bucket.put(format!("{}{worker}/logs/raylet.out", folder(0)), "");
    }
    let before = scene.store.counts();
    assert_eq!(scene.shown(0).await.outcome(), Some(Outcome::Failed));
    assert_eq!(scene.requests_since(before), (3, 6), "a read for each worker");
    let flat = SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "old".into() }, ..key(7) };
    scene.bucket.put_modified(format!("metadir/old_ns/{}", flat.session), "", BEGAN + 90 * SECOND);
    let prefix = format!("old_ns/{}/", flat.session);
    scene.bucket.put(format!("{prefix}logs/{NODE}\n/events/event_JOBS.log"), EVENTS);
    scene.bucket.put(format!("{prefix}logs/{NODE}\n/job-driver-a.log"), LOG);
    scene.bucket.put(format!("{prefix}fetched_endpoints/restful__timezone"), r#"{"offset": "-08:00"}"#);
    scene.sessions.refresh().await.unwrap();
    scene.sessions.run(&flat);
    scene.sessions.idle().await;
    let run = scene.sessions.run(&flat);
    assert_eq!(run.sentence(true).as_deref(), Some("a failed: ValueError: no"));
    assert_eq!(run.facts.unwrap().zone_minutes, Some(-480));
}

/// A session has another head where Ray's GCS survived the first.
#[tokio::test]
async fn every_head_of_a_session_tells_of_its_jobs() {
    let scene = Scene::new(1).await;
    let later = EVENTS.replace("job a", "job b").replace("\"a\"", "\"b\"").replace("FAILED", "SUCCEEDED");
    scene.bucket.put(format!("{}0011/logs/events/event_JOBS.log", folder(0)), later);
    let run = scene.shown(0).await;
    assert_eq!(run.facts.as_ref().map(|facts| (facts.counts.succeeded, facts.counts.failed)), Some((1, 1)));
    assert_eq!(run.sentence(true).as_deref(), Some("a failed: ValueError: no"));
}

/// Only the ends of long files are read, and few of many logs.
#[tokio::test]
async fn long_files_and_many_logs_are_bounded() {
    let scene = Scene::new(1).await;
    let logs = format!("{}{NODE}/logs/", folder(0));
    let filler = "x".repeat(1_000) + "\n";
    scene
        .bucket
        .put(format!("{logs}job-driver-a.log"), LOG.replace("ValueError", &(filler.repeat(500) + "ValueError")));
    for other in 0..20 {
        scene.bucket.put_modified(format!("{logs}job-driver-other-{other}.log"), LOG, BEGAN);
    }
    let before = scene.store.counts();
    let run = scene.shown(0).await;
    assert_eq!(scene.requests_since(before), (3, 3 + 2 + 3), "two ends of the one that failed, and three of twenty");
    assert_eq!(run.sentence(true).as_deref(), Some("a failed: ValueError: no"));
    assert_eq!(run.facts.unwrap().counts.unfinished, 20, "their names show that they are there");
    // Of a file of events that is longer than what is read, jobs may be missing.
    let many: String = (0..2_000)
        .map(|n| {
            EVENTS
                .replace("job a", &format!("job {n}"))
                .replace("FAILED", "SUCCEEDED")
                .replace("\"a\"", &format!("\"{n}\""))
        })
        .collect();
    let scene = Scene::new(1).await;
    scene.bucket.put(format!("{logs}events/event_JOBS.log"), many);
    let facts = scene.shown(0).await.facts.unwrap();
    assert_eq!((facts.is_partial, facts.outcome(true)), (true, Some(Outcome::Unknown)));
}

/// An open session tells more, and what it told is kept when it is closed.
#[tokio::test]
async fn a_loaded_session_leaves_its_facts() {
    let scene = Scene::new(1).await;
    scene.sessions.open(&key(0)).await.unwrap();
    let before = scene.store.counts();
    let run = scene.sessions.run(&key(0));
    let facts = run.facts.clone().unwrap();
    assert_eq!((facts.source, run.outcome()), (FactSource::Snapshot, Some(Outcome::Failed)));
    assert_eq!(facts.failed_attempts, Some(vec![]), "only tables tell how many there are");
    scene.sessions.cache.clear();
    assert_eq!(scene.shown(0).await.facts.unwrap().source, FactSource::Snapshot);
    assert_eq!(scene.requests_since(before), (0, 0));
}

/// The list finds sessions by their outcome; what is not read yet is counted, and read.
#[tokio::test]
async fn sessions_are_found_by_outcome() {
    let scene = Scene::new(3).await;
    let succeeded = EVENTS.replace("FAILED", "SUCCEEDED");
    scene.bucket.put(format!("{}{NODE}/logs/events/event_JOBS.log", folder(1)), succeeded);
    let page = |outcome| {
        let Page { entries, total, unread, .. } =
            scene.sessions.page(&Query { outcome: Some(outcome), ..Query::default() });
        let names: Vec<String> = entries.into_iter().map(|entry| entry.key.cluster.name).collect();
        assert_eq!(names.len(), total);
        (names.join(" "), unread)
    };
    assert_eq!(page(Outcome::Failed), (String::new(), 3));
    scene.sessions.idle().await;
    assert_eq!(page(Outcome::Failed), ("train-2 train-0".to_owned(), 0));
    assert_eq!(page(Outcome::Succeeded), ("train-1".to_owned(), 0));
    assert_eq!(page(Outcome::Stopped), (String::new(), 0));
}

/// The newest come first, and no more than a request a second is made.
#[tokio::test(start_paused = true)]
async fn a_sweep_reads_the_newest_first_and_rests() {
    let scene = Scene::new(3).await;
    let before = scene.store.counts();
    let shutdown = CancellationToken::new();
    let sweep = tokio::spawn(Arc::clone(&scene.sessions).keep_facts_read(shutdown.clone()));
    let known = || [2, 1, 0].map(|n| scene.sessions.known_facts(&key(n)).is_some());
    for (after, expected, requests) in [
        (4, [false; 3], 0),
        (2, [true, false, false], 7),
        (7, [true, true, false], 14),
        (7, [true; 3], 21),
        (300, [true; 3], 21),
    ] {
        tokio::time::sleep(Duration::from_secs(after)).await;
        let (lists, reads) = scene.requests_since(before);
        assert_eq!((known(), lists + reads), (expected, requests), "{after} s later");
    }
    shutdown.cancel();
    sweep.await.unwrap();
}

/// Jobs are known by the names of their drivers' logs; with more logs than a listing has on a page, some may be unknown.
#[tokio::test]
async fn facts_are_partial_where_not_all_drivers_are_listed() {
    let scene = Scene::new(2).await;
    for log in 0..1_000 {
        let key = format!("{}{NODE}/logs/job-driver-b{log}.log", folder(1));
        scene.bucket.put_modified(key, "", BEGAN + 60 * SECOND);
    }
    for (n, is_partial) in [(0, false), (1, true)] {
        assert_eq!(scene.shown(n).await.facts.unwrap().is_partial, is_partial, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_comes_back_to_what_ended_meanwhile() {
    let scene = Scene::new(40).await;
    let shutdown = CancellationToken::new();
    let sweep = tokio::spawn(Arc::clone(&scene.sessions).keep_facts_read(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(20)).await;
    scene.put(99);
    scene.sessions.refresh().await.unwrap();
    tokio::time::sleep(Duration::from_secs(110)).await;
    let known = |n| scene.sessions.known_facts(&key(n)).is_some();
    assert_eq!([99, 39, 0].map(known), [true, true, false]);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!((0..40).all(known), "without a pause between batches");
    shutdown.cancel();
    sweep.await.unwrap();
}

/// Each row: what was read, of which session, after how many reads; whether that is the last one, and the minutes until
/// the next.
#[test]
fn facts_are_kept_until_more_may_come() {
    let facts = RunFacts::of(&ray_history_core::snapshot::Snapshot::default(), FactSource::Files, false);
    let (over, young, settled, whole) = (true, true, true, true);
    for (is_whole, is_settled, quiet, is_over, is_young, before, expected) in [
        (whole, settled, Some(11), over, !young, 0, (true, 5)),
        (whole, settled, None, over, !young, 0, (true, 5)),
        (whole, settled, Some(9), over, !young, 0, (false, 5)),
        (whole, settled, Some(11), over, young, 0, (false, 5)),
        (whole, !settled, Some(11), over, !young, 2, (false, 20)),
        (whole, !settled, Some(1_441), over, !young, 0, (true, 5)),
        (!whole, settled, Some(1_441), over, !young, 1, (false, 10)),
        (!whole, !settled, Some(1), over, young, 5, (true, 160)),
        (whole, settled, Some(1_441), !over, !young, 5, (false, 60)),
    ] {
        let before = Known { facts: None, was_over: is_over, is_final: false, until: 0, tries: before };
        let read = Read { facts: facts.clone(), is_whole, is_settled, quiet: quiet.map(|quiet| quiet * MINUTE) };
        let known = Known::of(read, Some(&before), is_over, is_young);
        assert_eq!((known.is_final, (known.until - now() + SECOND / 2) / MINUTE), expected, "{before:?}");
    }
    let known = Known { facts: Some(Arc::new(facts)), was_over: true, is_final: false, until: 0, tries: 1 };
    let failed = Known::failed(Some(known), true);
    assert!(failed.facts.is_some() && !failed.is_final, "what was known stays");
    assert_eq!([1, 2, 5, 9, 10, 1_000].map(|n| pause(n) / MINUTE), [5, 10, 80, 1_280, 1_440, 1_440]);
}

#[test]
fn the_index_stays_within_its_bound() {
    let index = FactIndex::new(200_000);
    let facts = Arc::new(RunFacts::of(&ray_history_core::snapshot::Snapshot::default(), FactSource::Files, false));
    for n in 0..5_000 {
        let facts = Some(Arc::clone(&facts));
        index.0.kept().insert(key(n), Known { facts, was_over: true, is_final: true, until: 0, tries: 0 });
    }
    assert!(index.bytes() <= 200_000 && index.len() > 50, "{} {}", index.bytes(), index.len());
    assert!(index.is_nearly_full());
    index.resize(50_000);
    assert!(index.bytes() <= 50_000, "{}", index.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing is trusted that is stored.
    #[test]
    fn any_bytes_give_bounded_facts(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new(1).await;
            let paths = [
                format!("{NODE}/logs/events/event_JOBS.log"),
                format!("{NODE}/logs/job-driver-a.log"),
                "fetched_endpoints/restful__timezone".to_owned(),
                "fetched_endpoints/restful__api__v0__cluster_metadata".to_owned(),
            ];
            for (path, body) in paths.iter().zip(bodies) {
                scene.bucket.put(format!("{}{path}", folder(0)), body);
            }
            let run = scene.shown(0).await;
            let facts = run.facts.unwrap();
            assert!(facts.weight() < 20_000);
            assert!(run.is_over && facts.outcome(true) != Some(Outcome::Succeeded));
        });
    }
}
