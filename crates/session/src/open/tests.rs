use super::*;
use crate::Phase;
use crate::liveness::Watched;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_settings::{self as settings, Settings};
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use ray_history_storage::{ErrorKind, Storage};
use serde_json::json;
use std::collections::HashMap;
use std::time::SystemTime;

mod gaps;
mod log_names;
mod meanwhile;
mod memory;
mod prewarm;
mod processes;
mod proof;
mod settings_change;

const NODE: &str = "aa11";

/// A bucket with faults, and the sessions in it.
struct Scene {
    bucket: Arc<Memory>,
    store: Arc<Faulty>,
    sessions: Arc<Sessions>,
}

fn key(pid: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{pid}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

fn folder(pid: u32) -> String {
    format!("cluster-history/raycluster/ns/rc/{}/{NODE}/", key(pid).session)
}

fn event_file(pid: u32, file: u32) -> String {
    format!("{}job_events/01000000/{NODE}-2026-11-22-23-{file}.jsonl", folder(pid))
}

/// Returns the events of one task, a different one per file.
fn task(pid: u32, file: u32) -> String {
    let mut id = [0; 24];
    id[..4].copy_from_slice(&file.to_be_bytes());
    id[20] = 1;
    let event = json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:00Z",
        "sessionName": key(pid).session.as_str(), "taskDefinitionEvent": {"taskId": BASE64_STANDARD.encode(id),
        "taskType": "NORMAL_TASK", "taskName": format!("f{file}"), "jobId": BASE64_STANDARD.encode([1, 0, 0, 0])}});
    format!("{event}\n")
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

impl Scene {
    async fn new(sessions: u32, files: u32, settings: Settings) -> Self {
        Self::with_latency(sessions, files, settings, Duration::ZERO).await
    }

    async fn with_latency(sessions: u32, files: u32, settings: Settings, latency: Duration) -> Self {
        let bucket = Arc::new(Memory::default());
        let store = Arc::new(Faulty::new(Arc::clone(&bucket) as Arc<dyn Storage>).with_latency(latency));
        let opened = Sessions::with(
            Arc::clone(&store) as Arc<dyn Storage>,
            vec![Root::default()],
            Arc::new(settings),
            Watched::default(),
            Metrics::default(),
        );
        let scene = Self { bucket, store, sessions: Arc::new(opened) };
        for pid in 0..sessions {
            scene.bucket.put(format!("cluster-metadata/raycluster/ns_rc/{}", key(pid).session), "");
            for file in 0..files {
                scene.put(pid, file);
            }
        }
        scene.sessions.refresh().await.unwrap();
        scene
    }

    fn put(&self, pid: u32, file: u32) {
        self.bucket.put_modified(event_file(pid, file), task(pid, file), now());
    }

    async fn tasks(&self, pid: u32) -> usize {
        self.sessions.open(&key(pid)).await.unwrap().snapshot.tasks.len()
    }

    /// Opens a session, which checks the store if that is due, and waits for what that starts.
    async fn settled(&self, pid: u32) -> Arc<OpenSession> {
        self.sessions.open(&key(pid)).await.unwrap();
        self.sessions.idle().await;
        self.sessions.open(&key(pid)).await.unwrap()
    }

    /// Waits until no memory is used, in real time: threads of a failed load end a moment after it.
    async fn all_is_free(&self) {
        for _ in 0..1_000 {
            if self.sessions.usage().used_bytes == 0 {
                return;
            }
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(10))).await.unwrap();
        }
        panic!("{} bytes are still used", self.sessions.usage().used_bytes);
    }
}

/// A thousand clients open a cold session, and nine hundred of them leave.
#[tokio::test(start_paused = true)]
async fn session_is_read_once_for_all_clients() {
    let scene = Scene::with_latency(1, 20, Settings::default(), Duration::from_millis(100)).await;
    let before = scene.store.counts();
    let mut clients: Vec<_> = (0..1000)
        .map(|_| {
            let sessions = Arc::clone(&scene.sessions);
            tokio::spawn(async move { sessions.open(&key(0)).await.map(|open| open.snapshot.tasks.len()) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(150)).await;
    for leaver in clients.drain(..900) {
        leaver.abort();
    }
    for tasks in join_all(clients).await {
        assert_eq!(tasks.unwrap().unwrap(), 20);
    }
    let after = scene.store.counts();
    // Two places and two owner folders, each listed once; every file read once, and the head that is not there.
    assert_eq!((after.lists - before.lists, after.reads - before.reads), (4, 21));
}

/// It is tried again later.
#[tokio::test(start_paused = true)]
async fn unreadable_session_is_a_shared_cached_error() {
    let scene = Scene::new(1, 3, Settings::default()).await;
    for file in 0..3 {
        scene.store.arm(event_file(0, file), Fault::Always(ErrorKind::PermissionDenied));
    }
    let key0 = key(0);
    let all = join_all((0..50).map(|_| scene.sessions.open(&key0))).await;
    assert!(all.iter().all(|open| matches!(open, Err(Error::NothingReadable { files: 3, .. }))));
    let reads = scene.store.counts().reads;
    assert_eq!(reads, 4, "the head that is not there, and three files");
    assert!(scene.sessions.open(&key(0)).await.is_err());
    assert_eq!(scene.store.counts().reads, reads, "held");
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(scene.tasks(0).await, 3);
}

#[tokio::test(start_paused = true)]
async fn late_files_appear_after_a_background_check() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    assert_eq!(scene.tasks(0).await, 2);
    scene.put(0, 2);
    assert_eq!(scene.tasks(0).await, 2, "no check is due");
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.tasks(0).await, 2, "the check runs in the background");
    scene.sessions.idle().await;
    assert_eq!(scene.tasks(0).await, 3);
}

#[tokio::test(start_paused = true)]
async fn live_session_is_not_rebuilt_for_every_file() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    let first = scene.sessions.open(&key(0)).await.unwrap();
    let (mut versions, mut last) = (0, first.version);
    for second in 1..=120 {
        scene.put(0, second);
        tokio::time::advance(Duration::from_secs(1)).await;
        let open = scene.settled(0).await;
        versions += u32::from(open.version != last);
        last = open.version;
    }
    let behind = 121 - scene.tasks(0).await;
    assert!(behind <= 6 && (10..=24).contains(&versions), "{behind} files behind after {versions} builds");
}

#[tokio::test(start_paused = true)]
async fn notices_changed_and_vanished_files() {
    let scene = Scene::new(1, 3, Settings::default()).await;
    assert_eq!(scene.tasks(0).await, 3);
    scene.bucket.put_modified(event_file(0, 0), format!("{}{}", task(0, 0), task(0, 10)), now());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 4);
    scene.bucket.remove(&event_file(0, 1));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 3);
    // The file vanishes between listing and reading.
    scene.put(0, 4);
    scene.store.arm(event_file(0, 4), Fault::Always(ErrorKind::NotFound));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.unread_updates.count, 1);
    scene.bucket.remove(&event_file(0, 4));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.unread_updates.count, 0);
}

#[tokio::test(start_paused = true)]
async fn log_change_needs_no_rebuild() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let log = format!("{}logs/worker-1.out", folder(0));
    scene.bucket.put_modified(log.clone(), "one\n", now());
    let before = scene.sessions.open(&key(0)).await.unwrap();
    let reads = scene.store.counts().reads;
    scene.bucket.put_modified(log, "one\ntwo\n", now());
    tokio::time::advance(Duration::from_secs(6)).await;
    let after = scene.settled(0).await;
    assert!(Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!((after.logs.find(NODE, "worker-1.out").unwrap().size, scene.store.counts().reads), (8, reads));
    assert_ne!(before.version, after.version);
}

#[tokio::test(start_paused = true)]
async fn outage_leaves_open_sessions_unchanged() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    assert_eq!(scene.tasks(0).await, 2);
    scene.put(0, 2);
    scene.store.fail_next(1_000);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 2);
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 3);
}

/// The error names the setting that allows more.
#[tokio::test(start_paused = true)]
async fn endless_load_times_out() {
    let loading = settings::Loading { timeout: Duration::from_secs(30), ..settings::Loading::default() };
    let settings = Settings { loading, ..Settings::default() };
    let scene = Scene::with_latency(1, 1, settings, Duration::ZERO).await;
    let slow: Arc<dyn Storage> =
        Arc::new(Faulty::new(Arc::clone(&scene.store) as Arc<dyn Storage>).with_latency(Duration::from_secs(20)));
    scene.sessions.replace_store(slow, vec![Root::default()]);
    scene.sessions.refresh().await.unwrap();
    let started = Instant::now();
    let error = scene.sessions.open(&key(0)).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }) && error.to_string().contains("loading.timeout"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(100));
    scene.sessions.idle().await;
    scene.all_is_free().await;
}

#[tokio::test(start_paused = true)]
async fn locating_a_session_counts_against_the_timeout() {
    let loading = settings::Loading { timeout: Duration::from_secs(30), ..settings::Loading::default() };
    let scene = Scene::new(0, 0, Settings { loading, ..Settings::default() }).await;
    // Without a marker the session is searched in the folders of its cluster, where listing costs money.
    scene.put(0, 0);
    let slow = Faulty::new(Arc::clone(&scene.bucket) as Arc<dyn Storage>).with_paid_listings();
    scene.sessions.replace_store(Arc::new(slow.with_latency(Duration::from_hours(1))), vec![Root::default()]);
    let started = Instant::now();
    assert!(matches!(scene.sessions.open(&key(0)).await, Err(Error::TimedOut { .. })));
    assert_eq!(started.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn listing_completes_when_its_caller_leaves() {
    let scene = Scene::with_latency(1, 1, Settings::default(), Duration::from_secs(1)).await;
    let refresh = || {
        let sessions = Arc::clone(&scene.sessions);
        tokio::spawn(async move { sessions.refresh().await })
    };
    // Callers during a listing share the next one.
    let (first, leaver, stayer) = (refresh(), refresh(), refresh());
    first.await.unwrap().unwrap();
    scene.bucket.put(format!("cluster-metadata/raycluster/ns_rc/{}", key(7).session), "");
    tokio::task::yield_now().await;
    leaver.abort();
    assert!(stayer.await.unwrap().unwrap().find(&key(7)).is_some());
}

#[tokio::test]
async fn counts_dead_sessions_without_logs() {
    let scene = Scene::new(2, 1, Settings::default()).await;
    let today = jiff::Timestamp::now().strftime("session_%Y-%m-%d_%H-%M-%S_000000_1").to_string();
    for session in ["session_2020-01-01_00-00-00_000000_1", &today] {
        scene.bucket.put(format!("cluster-metadata/raycluster/ns_rc/{session}"), "");
    }
    scene.sessions.refresh().await.unwrap();
    let without_logs = async || {
        scene.sessions.count().await;
        sample(&scene, "ray_history_catalog_dead_sessions_without_logs")
    };
    assert_eq!(without_logs().await, 0, "no state is known");
    // The watch lists no cluster, so all sessions are dead.
    scene.sessions.watched().update(|states| states.relisted(None, HashMap::new(), 0));
    assert_eq!(without_logs().await, 1, "one has a folder, and of the one that has just begun none is due yet");
}

/// Returns the value of a metric.
fn sample(scene: &Scene, name: &str) -> u64 {
    let text = scene.sessions.metrics().render().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.split('.').next().unwrap().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn slow_load_reports_progress_and_continues() {
    let scene = Scene::with_latency(1, 200, Settings::default(), Duration::from_secs(20)).await;
    let Opening::Loading(progress) = scene.sessions.open_within(&key(0), Duration::from_secs(90)).await.unwrap() else {
        panic!("it cannot be ready yet")
    };
    assert_eq!((progress.files_total, progress.phase), (200, Phase::Reading));
    assert!(progress.files_done < 200);
    let Opening::Ready(open) = scene.sessions.open_within(&key(0), Duration::from_secs(300)).await.unwrap() else {
        panic!("it goes on")
    };
    assert_eq!(open.snapshot.tasks.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn stopping_notifies_waiters() {
    let scene = Scene::with_latency(1, 5, Settings::default(), Duration::from_secs(5)).await;
    let waiter = tokio::spawn({
        let sessions = Arc::clone(&scene.sessions);
        async move { sessions.open(&key(0)).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_secs(7)).await;
    scene.sessions.stop();
    assert!(matches!(waiter.await.unwrap(), Err(Error::Stopping)));
    scene.sessions.idle().await;
    scene.all_is_free().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_notifies_waiters_of_queued_loads() {
    let loading = settings::Loading { max_concurrent: 1, ..settings::Loading::default() };
    let settings = Settings { loading, ..Settings::default() };
    let scene = Scene::with_latency(3, 5, settings, Duration::from_secs(5)).await;
    let waiters: Vec<_> = (0..3)
        .map(|pid| {
            let sessions = Arc::clone(&scene.sessions);
            tokio::spawn(async move { sessions.open(&key(pid)).await.map(|_| ()) })
        })
        .collect();
    // The heads, three listings, then the first load reads and the others wait for a permit.
    tokio::time::sleep(Duration::from_secs(22)).await;
    let mut phases = Vec::new();
    for pid in 0..3 {
        match scene.sessions.open_within(&key(pid), Duration::ZERO).await.unwrap() {
            Opening::Loading(progress) => phases.push(progress.phase),
            Opening::Ready(_) => panic!("none can be ready"),
        }
    }
    phases.sort_by_key(|phase| *phase == Phase::Queued);
    assert_eq!(phases, [Phase::Reading, Phase::Queued, Phase::Queued]);
    let reads = scene.store.counts().reads;
    scene.sessions.stop();
    for waiter in waiters {
        assert!(matches!(waiter.await.unwrap(), Err(Error::Stopping)));
    }
    scene.sessions.idle().await;
    scene.all_is_free().await;
    assert_eq!(scene.store.counts().reads, reads, "nothing is read without a waiter");
}

#[tokio::test(start_paused = true)]
async fn unknown_session_is_not_a_failed_load() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    assert!(matches!(scene.sessions.open(&key(9)).await, Err(Error::Unknown(_))));
    assert!(scene.sessions.loader.cached_error(&key(9)).is_none());
}
