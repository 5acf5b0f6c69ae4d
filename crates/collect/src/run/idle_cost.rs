//! The requests of an idle node, whose only news are the logs of Ray's own processes.

use super::parts::Logs;
use crate::destinations::Destinations;
use crate::identity::{Raylet, SessionFolder};
use crate::manifests::{Facts, Manifests, heartbeat};
use crate::parts::{EventPart, LogPart};
use crate::tail::{self, Tail};
use crate::upload::Sink;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest::{Collector, Events, Identity, Role};
use ray_history_storage::Error;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
const SYSTEM_FLUSH: Duration = Duration::from_secs(300);
/// The time between two lines of each log: processes without work write a line about themselves now and then.
const STEP: Duration = Duration::from_secs(10);
const LOGS: [&str; 4] = ["dashboard_agent.log", "log_monitor.log", "raylet.out", "runtime_env_agent.log"];

/// A bucket that keeps nothing and counts writes by kind.
#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<&'static str, u32>>);

#[async_trait]
impl StorageWrite for Counts {
    async fn put(&self, key: &str, _: Bytes, _: If<'_>) -> Result<Put, Error> {
        let kind = if key.ends_with("manifest.json") { "manifests" } else { "segments" };
        *self.0.lock().entry(kind).or_default() += 1;
        Ok(Put::Written)
    }

    async fn put_file(&self, key: &str, _: &File, _: u64) -> Result<(), Error> {
        let kind = if key.contains("/logs/") { "files" } else { "segments" };
        *self.0.lock().entry(kind).or_default() += 1;
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// A node without events.
struct NoEvents;

#[async_trait]
impl EventPart for NoEvents {
    async fn flush_now(&self) {}
    async fn close(&self, _: &SessionName) {}
    fn last_event_at(&self) -> Option<Instant> {
        None
    }
    fn flushed_to(&self) -> Nanos {
        0
    }
    fn manifest_part(&self, _: &SessionName, _: &NodeKeys) -> Events {
        Events::default()
    }
}

/// Returns the writes of each of the first hours of an idle node, with `--flush` and `--log-flush`.
async fn hours(role: Role, hours: usize, (flush, log_flush): (u64, u64)) -> Vec<BTreeMap<&'static str, u32>> {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("session/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let session = SessionName::parse(SESSION).unwrap();
    let (_folders, known) = watch::channel(Arc::from([SessionFolder {
        name: session.clone(),
        path: folder.path().join("session"),
        node: Some("ab".to_owned()),
        former_nodes: Vec::new(),
        metrics_port: None,
        raylet: Raylet::Alive,
        latest: true,
    }]));
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    let destinations = Destinations::new("", Some(cluster), None, known);
    let counts = Arc::new(Counts::default());
    let sink = Sink::new(Arc::clone(&counts) as Arc<dyn StorageWrite>);
    let settings = tail::Settings {
        facts_flush: Duration::from_secs(flush),
        user_flush: Duration::from_secs(log_flush),
        system_flush: SYSTEM_FLUSH,
        ..tail::Settings::default()
    };
    let tail = Tail::new(settings, "spool", &folder.path().join("state"), sink.clone(), destinations.clone());
    let heartbeat_seconds = heartbeat(role, SYSTEM_FLUSH).as_secs_f64();
    let facts = Facts {
        spool: "spool".into(),
        boot: 1,
        collector: Collector { heartbeat_seconds, ..Collector::default() },
        identity: Identity { role, ..Identity::default() },
    };
    let part: Arc<dyn LogPart> = Arc::new(Logs(tail.clone()));
    let manifests = Manifests::new(facts, folder.path().join("control"), destinations, sink, Arc::new(NoEvents), part);
    let running = tokio::spawn(async move { tail.run().await });
    let (node, mut ticks) = ((session, "ab".to_owned()), tokio::time::interval(STEP));
    let mut found = Vec::new();
    for _ in 0..hours {
        for _ in 0..3_600 / STEP.as_secs() {
            ticks.tick().await;
            for log in LOGS {
                let mut file = OpenOptions::new().append(true).create(true).open(logs.join(log)).unwrap();
                file.write_all(b"a line of a log\n").unwrap();
            }
            manifests.put_if_due(&node).await;
        }
        found.push(std::mem::take(&mut *counts.0.lock()));
    }
    running.abort();
    found
}

/// The documentation, which says what it costs.
const DOCUMENTATION: &str = include_str!("../../../../docs/collector.md");

/// Returns the numbers of writes that a row of the table of costs has, one for each column of settings.
fn documented(row: &str) -> Vec<u32> {
    let line = DOCUMENTATION.lines().find(|line| line.starts_with(&format!("| {row} |"))).unwrap();
    let cells = line.trim_matches('|').split('|').skip(1);
    cells.map(|cell| cell.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

/// The first hour has more, because each log is stored as a file whenever it has doubled. A head has answers of its
/// dashboard beside these.
#[tokio::test(start_paused = true)]
async fn an_idle_hour_costs_what_is_documented() {
    let (first, later) = (documented("idle worker, its first hour"), documented("idle worker"));
    for (column, flushes) in [(10, 30), (60, 60), (2, 10)].into_iter().enumerate() {
        let found = hours(Role::Worker, 3, flushes).await;
        let together: Vec<u32> = found.iter().map(|hour| hour.values().sum()).collect();
        for (counted, said) in together.iter().zip([first[column], later[column], later[column]]) {
            assert!(counted.abs_diff(said) * 10 <= said, "{counted} writes, documented are {said}: {found:?}");
        }
    }
    let (worker, head) = (hours(Role::Worker, 2, (10, 30)).await, hours(Role::Head, 2, (10, 30)).await);
    assert!(head[1]["manifests"] > worker[1]["manifests"], "a head tells that its session lives: {head:?}");
}
