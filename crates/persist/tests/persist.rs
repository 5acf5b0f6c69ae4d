//! Sessions are persisted, opened again, and persisted anew, in a bucket whose requests fail, race and stop.

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
use ray_history_core::layout::{LargeTable, PersistedKeys, Root};
use ray_history_metrics::Metrics;
use ray_history_persist::{Error, Outcome, Persister};
use ray_history_session::liveness::Watched;
use ray_history_session::{NotNow, OpenSession, Raw, Sessions};
use ray_history_settings::{PersistMode, Settings};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error as StoreError, ErrorKind, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put, StorageWrite};
use ray_history_tables::{Options, Writer};
use serde_json::json;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NODE: &str = "aa11";
/// 2026-11-23.
const OLD: i64 = 1_795_392_000_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);

fn key() -> SessionKey {
    let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

fn folder() -> String {
    format!("cluster-history/raycluster/ns/rc/{}/{NODE}/", key().session)
}

/// A bucket with one session of two event files and one log with facts.
fn bucket() -> Arc<Memory> {
    let bucket = Arc::new(Memory::default());
    bucket.put_modified(format!("cluster-metadata/raycluster/ns_rc/{}", key().session), "", OLD);
    (0..2).for_each(|file| add(&bucket, file));
    bucket.put_modified(format!("{}logs/monitor.log", folder()), "-- Ray version: 2.60.0\n-- Ray commit: abc\n", OLD);
    bucket.put_modified(format!("{}logs/worker-1.out", folder()), "hello\n", OLD);
    bucket
}

/// Adds the event file of one task.
fn add(bucket: &Memory, file: u32) {
    let mut id = [0; 24];
    id[..4].copy_from_slice(&file.to_be_bytes());
    id[20] = 1;
    let env = json!({"env_vars": {"TOKEN": "hunter2"}}).to_string();
    let event = json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:00Z",
        "sessionName": key().session.as_str(), "taskDefinitionEvent": {"taskId": BASE64_STANDARD.encode(id),
        "taskType": "NORMAL_TASK", "taskName": format!("f{file}"), "jobId": BASE64_STANDARD.encode([1, 0, 0, 0]),
        "serializedRuntimeEnv": env}});
    let name = format!("{}job_events/01000000/{NODE}-2026-11-22-23-{file}.jsonl", folder());
    bucket.put_modified(name, format!("{event}\n"), OLD);
}

/// A server of the bucket that has nothing open.
async fn server(bucket: &Arc<Memory>) -> Arc<Sessions> {
    let mut settings = Settings::default();
    settings.persist.mode = PersistMode::Sessions;
    let store = Arc::clone(bucket) as Arc<dyn Storage>;
    let sessions =
        Sessions::with(store, vec![Root::default()], Arc::new(settings), Watched::default(), Metrics::default());
    sessions.refresh().await.unwrap();
    Arc::new(sessions)
}

fn persister(bucket: &Arc<Memory>, writer: Arc<dyn StorageWrite>) -> Persister {
    let author = Writer { version: "1".to_owned(), replica: "a".to_owned() };
    Persister { reader: Arc::clone(bucket) as _, writer, options: Options::default(), author, fleet: false }
}

/// Builds the session from raw data and persists it.
async fn persist_with(bucket: &Arc<Memory>, persister: &Persister) -> Result<Outcome, Error> {
    let sessions = server(bucket).await;
    let open = sessions.open_raw(&key()).await?;
    let what = sessions.to_persist(&open, DAY, true).await?.unwrap();
    persister.persist(&sessions, what).await
}

async fn persist(bucket: &Arc<Memory>) -> Outcome {
    persist_with(bucket, &persister(bucket, Arc::new(MemoryWriter(Arc::clone(bucket))))).await.unwrap()
}

/// Opens the session in a new server.
async fn opened(bucket: &Arc<Memory>) -> Arc<OpenSession> {
    server(bucket).await.open(&key()).await.unwrap()
}

fn is_from_snapshot(open: &OpenSession) -> bool {
    open.persisted.is_some()
}

async fn all_keys(bucket: &Memory) -> Vec<String> {
    let page = bucket.list_all("ray-history/", Delimiter::None).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

#[tokio::test]
async fn a_session_opens_from_what_was_persisted_of_it() {
    let bucket = bucket();
    let raw = opened(&bucket).await;
    assert!(!is_from_snapshot(&raw));
    assert!(matches!(persist(&bucket).await, Outcome::Written(written) if written.total() > 1_000));
    let open = opened(&bucket).await;
    assert!(is_from_snapshot(&open));
    assert_eq!(open.snapshot.tasks.len(), 2);
    assert_eq!(open.snapshot.completeness, raw.snapshot.completeness);
    assert_eq!(open.snapshot.gaps, raw.snapshot.gaps);
    assert_eq!(open.snapshot.facts, raw.snapshot.facts);
    assert_eq!(open.logs.find(NODE, "worker-1.out"), raw.logs.find(NODE, "worker-1.out"));
    assert_ne!(open.version, raw.version, "answers may differ in hidden values");
    assert_eq!(persist(&bucket).await, Outcome::Same);
}

/// Everything that was written is searched, unpacked.
#[tokio::test]
async fn values_of_variables_are_written_only_where_that_is_allowed() {
    for is_clear in [false, true] {
        let bucket = bucket();
        let mut persister = persister(&bucket, Arc::new(MemoryWriter(Arc::clone(&bucket))));
        persister.options.clear_environments = is_clear;
        assert!(matches!(persist_with(&bucket, &persister).await.unwrap(), Outcome::Written(_)));
        let open = opened(&bucket).await;
        let env = open.snapshot.tasks.get(0).shape().runtime_env;
        assert_eq!(open.snapshot.str(env).contains("hunter2"), is_clear);
        assert!(open.snapshot.str(env).contains("TOKEN"));
    }
}

#[tokio::test]
async fn only_dead_whole_and_quiet_sessions_are_persisted() {
    let bucket = bucket();
    let sessions = server(&bucket).await;
    let open = sessions.open(&key()).await.unwrap();
    let now = |is_dead, after| sessions.to_persist(&open, after, is_dead);
    assert_eq!(now(false, DAY).await.unwrap().unwrap_err(), NotNow::NotDead);
    let ever = Duration::from_secs(86_400 * 36_500);
    assert_eq!(now(true, ever).await.unwrap().unwrap_err(), NotNow::Uploading);
    add(&bucket, 7);
    assert_eq!(now(true, DAY).await.unwrap().unwrap_err(), NotNow::Uploading);
    bucket.remove(&format!("{}job_events/01000000/{NODE}-2026-11-22-23-7.jsonl", folder()));
    assert!(now(true, DAY).await.unwrap().is_ok());
    persist(&bucket).await;
    let again = server(&bucket).await;
    let open = again.open(&key()).await.unwrap();
    assert_eq!(again.to_persist(&open, DAY, true).await.unwrap().unwrap_err(), NotNow::NotBuilt);
}

#[tokio::test(start_paused = true)]
async fn late_files_are_read_and_persisted_and_a_deleted_part_stays() {
    let bucket = bucket();
    persist(&bucket).await;
    let sessions = server(&bucket).await;
    assert!(is_from_snapshot(&sessions.open(&key()).await.unwrap()));
    let checked = async || {
        tokio::time::advance(DAY).await;
        sessions.open(&key()).await.unwrap();
        sessions.idle().await;
        sessions.open(&key()).await.unwrap()
    };
    // A part of the raw data goes: the snapshot stays, and tells so.
    let first = format!("{}job_events/01000000/{NODE}-2026-11-22-23-0.jsonl", folder());
    let bytes = bucket.read_all(&first, 1 << 20).await.unwrap();
    bucket.remove(&first);
    let open = checked().await;
    assert_eq!(open.persisted.as_ref().unwrap().raw, Raw::Partly { late: 0 });
    assert_eq!(open.snapshot.tasks.len(), 2, "nothing shows less than before");
    assert_eq!(persist(&bucket).await, Outcome::Thinner);
    // A late file cannot be added now.
    add(&bucket, 2);
    let open = checked().await;
    assert_eq!((open.persisted.as_ref().unwrap().raw, open.snapshot.tasks.len()), (Raw::Partly { late: 1 }, 2));
    // With the whole raw data it can.
    bucket.put_modified(first, bytes, OLD);
    let open = checked().await;
    assert_eq!((is_from_snapshot(&open), open.snapshot.tasks.len()), (false, 3));
    assert!(matches!(persist(&bucket).await, Outcome::Written(_)));
    let open = opened(&bucket).await;
    assert_eq!((is_from_snapshot(&open), open.snapshot.tasks.len()), (true, 3));
}

/// Without raw data, what is persisted is all there is.
#[tokio::test]
async fn damaged_files_are_told_from_good_ones() {
    let whole = bucket();
    persist(&whole).await;
    for damaged in all_keys(&whole).await {
        let is_head = PersistedKeys::parse_head("", &damaged).is_some();
        let bytes = whole.read_all(&damaged, 1 << 20).await.unwrap();
        let mut flipped = bytes.to_vec();
        let at = flipped.len() / 2;
        flipped[at] ^= 1;
        for change in [Some(flipped), Some(bytes[..bytes.len() - 1].to_vec()), (!is_head).then_some(Vec::new()), None] {
            match change {
                Some(change) => whole.put(damaged.clone(), change),
                None => drop(whole.remove(&damaged)),
            }
            let open = opened(&whole).await;
            assert_eq!(open.snapshot.tasks.len(), 2, "{damaged}");
            // A head has no hash: what a flip leaves whole is shown.
            assert!(is_head || !is_from_snapshot(&open), "{damaged}");
        }
        whole.put(damaged, bytes);
        assert!(is_from_snapshot(&*opened(&whole).await));
    }
    let head = PersistedKeys::new("", &key()).head();
    whole.put(head.clone(), "x");
    for object in whole.list_all("cluster-history/", Delimiter::None).await.unwrap().objects {
        whole.remove(&object.key);
    }
    let error = server(&whole).await.open(&key()).await.unwrap_err().to_string();
    assert!(error.contains(&head) && error.contains("no raw data"), "{error}");
}

/// A writer whose process dies after some requests, or that another one overtakes.
#[derive(Debug)]
struct Unlucky {
    inner: MemoryWriter,
    /// Requests until it stops.
    left: AtomicUsize,
    /// `true` if it ignores conditions.
    ignores: bool,
}

#[async_trait]
impl StorageWrite for Unlucky {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, StoreError> {
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            return Err(StoreError::new(ErrorKind::Unavailable, key));
        }
        self.inner.put(key, bytes, if self.ignores { If::Any } else { condition }).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), StoreError> {
        self.inner.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}

fn unlucky(bucket: &Arc<Memory>, left: usize, ignores: bool) -> Persister {
    let inner = MemoryWriter(Arc::clone(bucket));
    persister(bucket, Arc::new(Unlucky { inner, left: AtomicUsize::new(left), ignores }))
}

/// At each request, for a first build and for one that replaces another.
#[tokio::test]
async fn a_crash_at_any_request_leaves_nothing_mixed() {
    for had_one in [false, true] {
        let (mut requests, mut torn) = (0, 0);
        loop {
            let bucket = bucket();
            if had_one {
                persist(&bucket).await;
                add(&bucket, 2);
            }
            let tasks = 2 + usize::from(had_one);
            let is_over = persist_with(&bucket, &unlucky(&bucket, requests, false)).await.is_ok();
            let open = opened(&bucket).await;
            // The whole build before, or the raw data, or the new build.
            match (is_from_snapshot(&open), open.snapshot.tasks.len()) {
                (true, shown) => assert!(is_over && shown == tasks || had_one && shown == 2, "{requests}: {shown}"),
                (false, shown) => {
                    assert!(!is_over && shown == tasks, "{requests}: {shown}");
                    torn += 1;
                }
            }
            assert!(matches!(persist(&bucket).await, Outcome::Written(_) | Outcome::Same));
            let open = opened(&bucket).await;
            assert_eq!((is_from_snapshot(&open), open.snapshot.tasks.len()), (true, tasks));
            if is_over {
                break;
            }
            requests += 1;
        }
        // Three tables and a head; a table that is there already takes two requests.
        assert_eq!((requests, torn), if had_one { (7, 5) } else { (4, 4) });
    }
}

#[tokio::test]
async fn two_writers_at_once_leave_one_whole_build() {
    for ignores in [false, true] {
        for before in [false, true] {
            let bucket = bucket();
            if before {
                persist(&bucket).await;
                add(&bucket, 2);
            }
            let (a, b) = (unlucky(&bucket, 100, ignores), unlucky(&bucket, 100, ignores));
            let (a, b) = tokio::join!(persist_with(&bucket, &a), persist_with(&bucket, &b));
            let outcomes = [a.unwrap(), b.unwrap()];
            let allowed =
                |outcome: &Outcome| matches!(outcome, Outcome::Written(_) | Outcome::Same | Outcome::Conflict);
            assert!(outcomes.iter().all(allowed), "{outcomes:?}");
            assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Written(_))), "{outcomes:?}");
            let open = opened(&bucket).await;
            assert_eq!((is_from_snapshot(&open), open.snapshot.tasks.len()), (true, 2 + usize::from(before)));
        }
    }
}

/// The same inputs give the same tables, whoever writes them.
#[tokio::test]
async fn the_same_session_gives_the_same_tables() {
    let (a, b) = (bucket(), bucket());
    persist(&a).await;
    persist(&b).await;
    let session = key();
    let keys = PersistedKeys::new("", &session);
    for table in LargeTable::ALL {
        let name = keys.table(table, true, 0);
        assert_eq!(a.read_all(&name, 1 << 20).await.unwrap(), b.read_all(&name, 1 << 20).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn files_that_come_meanwhile_are_no_part_of_a_build() {
    let bucket = bucket();
    let sessions = server(&bucket).await;
    let open = sessions.open_raw(&key()).await.unwrap();
    let what = sessions.to_persist(&open, DAY, true).await.unwrap().unwrap();
    add(&bucket, 2);
    let persister = persister(&bucket, Arc::new(MemoryWriter(Arc::clone(&bucket))));
    assert_eq!(persister.persist(&sessions, what).await.unwrap(), Outcome::Changed);
    let open = opened(&bucket).await;
    assert_eq!((is_from_snapshot(&open), open.snapshot.tasks.len()), (false, 3), "no head was written");
}
