//! Rollups follow the heads of a bucket, whoever stops, races or loses something on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::layout::{Day, FleetKeys, FleetTable, PersistedKeys, Root};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_metrics::Metrics;
use ray_history_persist::{Days, Error, Persister, Rolled, Rollup, Tell};
use ray_history_session::catalog::Visible;
use ray_history_session::liveness::Watched;
use ray_history_session::{FleetQuery, Sessions};
use ray_history_settings::{PersistMode, Settings};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error as StoreError, ErrorKind, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put, StorageWrite};
use ray_history_tables::{Options, Told, Writer, each_row};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NODE: &str = "aa11";
/// 2026-11-25.
const OLD: i64 = 1_795_564_800_000_000_000;
const LONG: Duration = Duration::from_secs(86_400);

/// Returns one of three sessions, the last of which is of another day and namespace.
fn key(n: usize) -> SessionKey {
    let (namespace, day) = [("ml", 22), ("ml", 22), ("web", 23)][n];
    let session = SessionName::parse(&format!("session_2026-11-{day}_23-11-33_821800_{n}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: namespace.into(), name: "rc".into() }, session }
}

fn days() -> [Day; 2] {
    [Day::of(&key(0).session), Day::of(&key(2).session)]
}

fn folder(n: usize) -> String {
    let key = key(n);
    format!("cluster-history/raycluster/{}/rc/{}/{NODE}/", key.cluster.namespace, key.session)
}

/// Adds an event file of one task to a session.
fn add(bucket: &Memory, n: usize, file: u32) {
    let mut id = [0; 24];
    id[..4].copy_from_slice(&file.to_be_bytes());
    id[20] = 1;
    let event = json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:00Z",
        "sessionName": key(n).session.as_str(), "taskDefinitionEvent": {"taskId": BASE64_STANDARD.encode(id),
        "taskType": "NORMAL_TASK", "taskName": format!("f{file}"), "jobId": BASE64_STANDARD.encode([1, 0, 0, 0])}});
    let name = format!("{}job_events/01000000/{NODE}-2026-11-22-23-{file}.jsonl", folder(n));
    bucket.put_modified(name, format!("{event}\n"), OLD);
}

async fn server(bucket: &Arc<Memory>) -> Arc<Sessions> {
    let mut settings = Settings::default();
    settings.persist.mode = PersistMode::SessionsAndFleet;
    let store = Arc::clone(bucket) as Arc<dyn Storage>;
    let sessions =
        Sessions::with(store, vec![Root::default()], Arc::new(settings), Watched::default(), Metrics::default());
    sessions.refresh().await.unwrap();
    Arc::new(sessions)
}

async fn persist(bucket: &Arc<Memory>, n: usize) {
    let author = Writer { version: "1".to_owned(), replica: "a".to_owned() };
    let writer = Arc::new(MemoryWriter(Arc::clone(bucket)));
    let reader = Arc::clone(bucket) as Arc<dyn Storage>;
    let persister = Persister { reader, writer, options: Options::default(), author, fleet: true };
    let sessions = server(bucket).await;
    let open = sessions.open_raw(&key(n)).await.unwrap();
    let what = sessions.to_persist(&open, LONG, true).await.unwrap().unwrap();
    persister.persist(&sessions, what).await.unwrap();
}

/// A bucket with three sessions that were persisted, and in no rollup yet.
async fn bucket() -> Arc<Memory> {
    let bucket = Arc::new(Memory::default());
    for n in 0..3 {
        let ClusterId { namespace, .. } = key(n).cluster;
        bucket.put_modified(format!("cluster-metadata/raycluster/{namespace}_rc/{}", key(n).session), "", OLD);
        (0..=n as u32).for_each(|file| add(&bucket, n, file));
        persist(&bucket, n).await;
    }
    bucket
}

fn tell_nothing() -> Tell {
    Arc::new(|_: &SessionKey| Told::default())
}

fn rollup(bucket: &Arc<Memory>, writer: Arc<dyn StorageWrite>, tell: Tell) -> Rollup {
    Rollup::new(Arc::clone(bucket) as _, writer, String::new(), tell)
}

fn usual(bucket: &Arc<Memory>) -> Rollup {
    rollup(bucket, Arc::new(MemoryWriter(Arc::clone(bucket))), tell_nothing())
}

/// Rolls up sessions, day by day.
async fn roll(rollup: &Rollup, days: &Days) -> Result<Vec<Rolled>, Error> {
    let mut all = Vec::new();
    for (day, sessions) in days {
        all.push(rollup.roll_up(*day, sessions).await?);
    }
    Ok(all)
}

async fn roll_news(rollup: &Rollup) -> Result<Vec<Rolled>, Error> {
    roll(rollup, &rollup.news().await?).await
}

/// Returns all rollups and news by key.
async fn fleet(bucket: &Memory) -> BTreeMap<String, Bytes> {
    let mut found = BTreeMap::new();
    for object in bucket.list_all("ray-history/v1/fleet/", Delimiter::None).await.unwrap().objects {
        let bytes = bucket.read_all(&object.key, 1 << 20).await.unwrap();
        found.insert(object.key, bytes);
    }
    found
}

/// Returns the rows of a rollup: the session's number, and a column.
async fn rows(bucket: &Memory, table: FleetTable, day: Day, column: &str) -> Vec<(usize, String)> {
    let bytes = bucket.read_all(&FleetKeys::new("").rollup(table, day), 1 << 20).await.unwrap();
    let mut rows = Vec::new();
    each_row(table, day, bytes, None, |place, row| {
        let n = (0..3).find(|n| key(*n) == place.key).unwrap();
        rows.push((n, row()[column].to_string()));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

async fn attempts(bucket: &Memory, day: Day) -> Vec<(usize, String)> {
    rows(bucket, FleetTable::Runs, day, "attempts").await
}

fn expected(rows: &[(usize, u32)]) -> Vec<(usize, String)> {
    rows.iter().map(|(n, attempts)| (*n, attempts.to_string())).collect()
}

#[tokio::test]
async fn news_become_rows_and_go() {
    let bucket = bucket().await;
    let rollup = usual(&bucket);
    let news = rollup.news().await.unwrap();
    assert_eq!(news.iter().map(|(day, keys)| (*day, keys.len())).collect::<Vec<_>>(), [(days()[0], 2), (days()[1], 1)]);
    let rolled = roll_news(&rollup).await.unwrap();
    assert!(rolled.iter().all(|step| step.is_done && step.skipped == 0 && step.bytes.len() == 5), "{rolled:?}");
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 1), (1, 2)]));
    assert_eq!(attempts(&bucket, days()[1]).await, expected(&[(2, 3)]));
    let functions = rows(&bucket, FleetTable::Functions, days()[0], "attempts").await;
    assert_eq!(functions, expected(&[(0, 1), (1, 2)]));
    assert!(rollup.news().await.unwrap().is_empty());
    assert_eq!(rollup.missing().await.unwrap(), Days::new());
    // Again: nothing is written.
    let again = roll(&rollup, &news).await.unwrap();
    assert!(again.iter().all(|step| step.is_done && step.bytes.is_empty()), "{again:?}");
}

#[tokio::test]
async fn a_new_head_replaces_the_rows_of_its_session() {
    let bucket = bucket().await;
    let rollup = usual(&bucket);
    roll_news(&rollup).await.unwrap();
    add(&bucket, 0, 7);
    persist(&bucket, 0).await;
    let rolled = roll_news(&rollup).await.unwrap();
    assert_eq!((rolled.len(), rolled[0].sessions), (1, 1));
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 2), (1, 2)]));
}

/// A writer whose process dies after some requests.
#[derive(Debug)]
struct Dying {
    inner: MemoryWriter,
    left: AtomicUsize,
}

impl Dying {
    fn step(&self, key: &str) -> Result<(), StoreError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| StoreError::new(ErrorKind::Unavailable, key))
    }
}

#[async_trait]
impl StorageWrite for Dying {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, StoreError> {
        self.step(key)?;
        self.inner.put(key, bytes, condition).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), StoreError> {
        self.inner.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.step(key)?;
        self.inner.delete(key).await
    }
}

#[tokio::test]
async fn a_crash_at_any_request_is_made_good_by_the_next_step() {
    for had_some in [false, true] {
        let prepared = async || {
            let bucket = bucket().await;
            if had_some {
                roll_news(&usual(&bucket)).await.unwrap();
                add(&bucket, 0, 7);
                add(&bucket, 2, 7);
                persist(&bucket, 0).await;
                persist(&bucket, 2).await;
            }
            bucket
        };
        let undisturbed = prepared().await;
        roll_news(&usual(&undisturbed)).await.unwrap();
        let (mut requests, mut healed) = (0, 0);
        loop {
            let bucket = prepared().await;
            let inner = MemoryWriter(Arc::clone(&bucket));
            let dying = Arc::new(Dying { inner, left: AtomicUsize::new(requests) });
            let is_over = roll_news(&rollup(&bucket, dying, tell_nothing())).await.is_ok();
            // Whoever lacks news finds by comparison what news would have told.
            let next = usual(&bucket);
            let mut left = next.news().await.unwrap();
            let unread: Vec<_> = left.values().flatten().cloned().collect();
            for (day, keys) in next.missing().await.unwrap() {
                assert!(keys.iter().all(|key| unread.contains(key)), "{requests}: {keys:?}");
                left.entry(day).or_default().extend(keys);
            }
            healed += usize::from(!left.is_empty());
            roll(&next, &left).await.unwrap();
            // Heads have the time of their writing, so tags differ from bucket to bucket: what is shown is compared.
            for day in days() {
                assert_eq!(attempts(&bucket, day).await, attempts(&undisturbed, day).await, "{requests}");
                for table in FleetTable::ALL {
                    let [a, b] = [&bucket, &undisturbed].map(|bucket| rows(bucket, table, day, "cluster"));
                    assert_eq!(a.await, b.await, "{requests}: {table:?}");
                }
            }
            assert_eq!(
                fleet(&bucket).await.keys().collect::<Vec<_>>(),
                fleet(&undisturbed).await.keys().collect::<Vec<_>>()
            );
            assert!(next.missing().await.unwrap().is_empty());
            if is_over {
                break;
            }
            requests += 1;
        }
        // Five tables of two days, and three news. What stayed the same is not written again.
        let tables = if had_some { 4 } else { 10 };
        assert!(requests >= tables && healed == requests, "{requests} {healed}");
    }
}

#[tokio::test]
async fn two_leaders_lose_no_rows() {
    for _ in 0..4 {
        let bucket = bucket().await;
        let (a, b) = (usual(&bucket), usual(&bucket));
        let [first, second] = [0, 1].map(|n| [key(n)]);
        let (a, b) = tokio::join!(a.roll_up(days()[0], &first), b.roll_up(days()[0], &second));
        assert!(a.unwrap().is_done && b.unwrap().is_done);
        for table in [FleetTable::Runs, FleetTable::Functions] {
            let sessions: Vec<usize> =
                rows(&bucket, table, days()[0], "cluster").await.into_iter().map(|row| row.0).collect();
            assert_eq!(sessions, [0, 1], "{table:?}");
        }
        // The same news in both.
        let (a, b) = (usual(&bucket), usual(&bucket));
        let (a, b) = tokio::join!(roll_news(&a), roll_news(&b));
        assert!(a.is_ok() && b.is_ok());
        assert!(usual(&bucket).missing().await.unwrap().is_empty());
    }
}

/// A writer behind whose back another one writes first.
#[derive(Debug)]
struct Overtaken(MemoryWriter);

#[async_trait]
impl StorageWrite for Overtaken {
    async fn put(&self, _key: &str, _bytes: Bytes, _condition: If<'_>) -> Result<Put, StoreError> {
        Ok(Put::Refused)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), StoreError> {
        self.0.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn who_is_overtaken_again_and_again_keeps_the_news() {
    let bucket = bucket().await;
    let writer = Arc::new(Overtaken(MemoryWriter(Arc::clone(&bucket))));
    let overtaken = rollup(&bucket, writer, tell_nothing());
    assert!(roll_news(&overtaken).await.unwrap().iter().all(|step| !step.is_done));
    assert_eq!(overtaken.news().await.unwrap().len(), 2);
}

#[tokio::test]
async fn lost_news_and_lost_rollups_are_found_by_comparison() {
    let bucket = bucket().await;
    let rollup = usual(&bucket);
    roll_news(&rollup).await.unwrap();
    let keys = FleetKeys::new("");
    // News of another build is lost.
    add(&bucket, 0, 7);
    persist(&bucket, 0).await;
    bucket.remove(&keys.news_of(&key(0)));
    assert!(rollup.news().await.unwrap().is_empty());
    assert_eq!(rollup.missing().await.unwrap(), Days::from([(days()[0], vec![key(0)])]));
    roll(&rollup, &rollup.missing().await.unwrap()).await.unwrap();
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 2), (1, 2)]));
    // A rollup is lost.
    bucket.remove(&keys.rollup(FleetTable::Runs, days()[0]));
    let missing = rollup.missing().await.unwrap();
    assert_eq!(missing, Days::from([(days()[0], vec![key(0), key(1)])]));
    roll(&rollup, &missing).await.unwrap();
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 2), (1, 2)]));
    // One is damaged: it is made again, with all sessions of the day.
    for table in FleetTable::ALL {
        bucket.put(keys.rollup(table, days()[0]), "x");
    }
    let rolled = rollup.roll_up(days()[0], &[key(1)]).await.unwrap();
    assert!(rolled.is_done && rolled.bytes.len() == 5);
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 2), (1, 2)]));
    assert!(rollup.missing().await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_outlive_their_head_and_damaged_heads_change_nothing() {
    let bucket = bucket().await;
    let rollup = usual(&bucket);
    let news = rollup.news().await.unwrap();
    roll_news(&rollup).await.unwrap();
    let head = |n: usize| PersistedKeys::new("", &key(n)).head();
    bucket.remove(&head(0));
    bucket.put(head(1), "x");
    let rolled = roll(&rollup, &news).await.unwrap();
    assert_eq!((rolled[0].sessions, rolled[0].skipped, rolled[0].is_done), (0, 1, true));
    assert_eq!(attempts(&bucket, days()[0]).await, expected(&[(0, 1), (1, 2)]));
    assert_eq!(rollup.missing().await.unwrap(), Days::from([(days()[0], vec![key(1)])]));
}

#[tokio::test]
async fn what_others_know_of_an_end_is_shown_once_it_is_told() {
    let bucket = bucket().await;
    roll_news(&usual(&bucket)).await.unwrap();
    let tell = |session: &SessionKey| {
        let failed = Told { outcome: Some(Outcome::Failed), cause: Some("HeadOutOfMemory".into()) };
        if *session == key(0) { failed } else { Told::default() }
    };
    let told = rollup(&bucket, Arc::new(MemoryWriter(Arc::clone(&bucket))), Arc::new(tell));
    let missing = told.missing().await.unwrap();
    assert_eq!(missing, Days::from([(days()[0], vec![key(0)])]));
    roll(&told, &missing).await.unwrap();
    let causes = rows(&bucket, FleetTable::Runs, days()[0], "cause").await;
    assert_eq!(causes, [(0, "\"HeadOutOfMemory\"".to_owned()), (1, "null".to_owned())]);
    assert!(told.missing().await.unwrap().is_empty());
    // Who knows nothing does not take it away.
    assert!(usual(&bucket).missing().await.unwrap().is_empty());
}

#[tokio::test]
async fn views_are_those_of_tables_that_are_there() {
    let bucket = bucket().await;
    let rollup = usual(&bucket);
    let views = async || {
        rollup.put_views("s3://BUCKET/").await.unwrap();
        String::from_utf8(bucket.read_all(&FleetKeys::new("").views(), 1 << 20).await.unwrap().to_vec()).unwrap()
    };
    let before = views().await;
    assert!(before.contains("VIEW tasks ") && !before.contains("VIEW runs "), "{before}");
    roll_news(&rollup).await.unwrap();
    let after = views().await;
    assert!(after.contains("'s3://BUCKET/ray-history/v1/fleet/runs/*/all.parquet'"), "{after}");
}

/// Reads all pages of a table, and returns the session of each row.
async fn pages(sessions: &Sessions, query: &FleetQuery) -> Vec<usize> {
    let (mut found, mut query) = (Vec::new(), query.clone());
    for _ in 0..20 {
        let page = sessions.fleet(&query).await.unwrap();
        assert!(page.rows.len() <= query.limit && page.unreadable.is_empty());
        let number = |row: &Map<String, Value>| (0..3).find(|n| row["session"] == key(*n).session.as_str()).unwrap();
        found.extend(page.rows.iter().map(number));
        match page.next {
            Some(next) => query = query.behind(&next.to_string()).unwrap(),
            None => return found,
        }
    }
    panic!("the pages do not end");
}

#[tokio::test]
async fn pages_have_every_row_that_may_be_seen_once() {
    let bucket = bucket().await;
    roll_news(&usual(&bucket)).await.unwrap();
    let sessions = server(&bucket).await;
    let query = |table, limit, visible| FleetQuery::of(table, visible, limit).unwrap();
    for limit in [1, 2, 3, 100] {
        assert_eq!(pages(&sessions, &query("runs", limit, Visible::All)).await, [0, 1, 2], "{limit}");
        // Each function of a session is a row.
        assert_eq!(pages(&sessions, &query("functions", limit, Visible::All)).await, [0, 1, 2], "{limit}");
        assert_eq!(pages(&sessions, &query("runs", limit, Visible::one("ml"))).await, [0, 1], "{limit}");
        assert_eq!(pages(&sessions, &query("runs", limit, Visible::one("web"))).await, [2], "{limit}");
        assert_eq!(pages(&sessions, &query("runs", limit, Visible::none())).await, [0; 0], "{limit}");
    }
    let all = || query("runs", 100, Visible::All);
    let mut of_web = all();
    of_web.namespace = Some("web".to_owned());
    assert_eq!(pages(&sessions, &of_web).await, [2]);
    assert_eq!(pages(&sessions, &all().begin("2026-11-23").unwrap()).await, [2]);
    assert_eq!(pages(&sessions, &all().end("2026-11-22").unwrap()).await, [0, 1]);
    assert!(FleetQuery::of("tasks", Visible::All, 1).is_none() && all().begin("yesterday").is_none());
    // A day whose rollup is damaged is told, and the others are shown.
    bucket.put(FleetKeys::new("").rollup(FleetTable::Runs, days()[0]), "x");
    let page = sessions.fleet(&all()).await.unwrap();
    assert_eq!((page.rows.len(), page.unreadable), (1, vec![days()[0]]));
}
