use super::*;
use crate::identity::{Raylet, SessionFolder};
use async_trait::async_trait;
use ray_history_core::base::name::ClusterId;
use ray_history_manifest::{Events, Logs};
use ray_history_storage::{ReadRange, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

/// Parts that have stored what they are told.
#[derive(Default)]
struct Parts {
    records: AtomicU64,
    /// Grows whenever somebody asks.
    log_bytes: AtomicU64,
    last_event: Mutex<Option<Instant>>,
}

#[async_trait]
impl EventPart for Parts {
    async fn flush_now(&self) {}
    async fn close(&self, _: &SessionName) {}
    fn last_event_at(&self) -> Option<Instant> {
        *self.last_event.lock()
    }
    fn flushed_to(&self) -> Nanos {
        1_000_000_000
    }
    fn manifest_part(&self, _: &SessionName, node: &NodeKeys) -> Events {
        assert!(node.prefix().ends_with("/ab/"));
        Events { records: self.records.load(Ordering::Relaxed), ..Events::default() }
    }
}

#[async_trait]
impl LogPart for Parts {
    async fn flush_now(&self) {}
    async fn settle(&self, _: Instant) {}
    fn resume(&self) {}
    fn manifest_part(&self, _: &SessionName, node: &str) -> Logs {
        assert_eq!(node, "ab");
        Logs { files: 3, bytes: self.log_bytes.fetch_add(100, Ordering::Relaxed), ..Logs::default() }
    }
    async fn manifest_is_stored(&self, _: &SessionName, _: &str, logs: &Logs) {
        assert_eq!(logs.files, 3);
    }
}

struct Rig {
    spool: tempfile::TempDir,
    memory: MemoryWriter,
    parts: Arc<Parts>,
}

impl Rig {
    fn new() -> Self {
        Self { spool: tempfile::tempdir().unwrap(), memory: MemoryWriter::default(), parts: Arc::default() }
    }

    /// Returns the manifests of a process on the rig's spool.
    fn boot(&self, boot: u64) -> (Manifests, NodeId) {
        let name = SessionName::parse(SESSION).unwrap();
        let (path, former_nodes) = ("/tmp/ray/x".into(), Vec::new());
        let node = Some("ab".to_owned());
        let (raylet, latest, metrics_port) = (Raylet::Alive, true, None);
        let folder = SessionFolder { name: name.clone(), path, node, former_nodes, metrics_port, raylet, latest };
        let (_, folders) = watch::channel(Arc::from([folder]));
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let destinations = Destinations::new("", Some(cluster), None, folders);
        let identity = Identity { cluster: "train".into(), ..Identity::default() };
        let facts = Facts { spool: "0199".into(), boot, collector: Collector::default(), identity };
        let sink = Sink::new(Arc::new(self.memory.clone()));
        let folder = self.spool.path().join("control");
        let manifests = Manifests::new(facts, folder, destinations, sink, self.parts.clone(), self.parts.clone());
        (manifests, (name, "ab".to_owned()))
    }

    async fn stored(&self) -> Manifest {
        let key = format!("cluster-history/raycluster/ml/train/{SESSION}/ab/ray-history/0199/manifest.json");
        let body = self.memory.0.read_matching(&key, ReadRange::Full, None).await.unwrap();
        Manifest::parse(&body.read_all(1 << 20).await.unwrap()).unwrap()
    }
}

fn agent(received: u64) -> Vec<AgentCounters> {
    vec![AgentCounters { pid: 7, received, published: received, ..AgentCounters::default() }]
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_put_when_something_changed_and_as_a_sign_of_life() {
    let rig = Rig::new();
    let (manifests, node) = rig.boot(1);
    manifests.put_if_due(&node).await;
    assert_eq!(rig.stored().await.sequence, 1);
    for (records, seconds, sequence) in
        [(0, 59, 1), (1, 0, 1), (1, 2, 2), (1, 120, 2), (1, 46, 3), (2, 59, 3), (2, 2, 4)]
    {
        rig.parts.records.store(records, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(seconds)).await;
        // That the same was scraped again, and that logs grew, is no change.
        manifests.scraped(&node, agent(5), Instant::now());
        if sequence > 1 || seconds == 2 {
            manifests.put_if_due(&node).await;
        }
        assert_eq!(rig.stored().await.sequence, sequence, "{records} records, {seconds} s later");
    }
    let stored = rig.stored().await;
    assert_eq!((stored.events.records, stored.logs.files, stored.flushed_to), (2, 3, 1_000_000_000));
    assert_eq!((stored.identity.session.as_str(), stored.identity.node.as_str()), (SESSION, "ab"));
    assert_eq!((stored.ray.len(), stored.ray[0].quiet), (1, true));
}

/// A worker's manifest says how long it may write nothing; what happens is told as soon as on a head.
#[tokio::test(start_paused = true)]
async fn workers_give_fewer_signs_of_life() {
    let rig = Rig::new();
    let (mut manifests, node) = rig.boot(1);
    let interval = heartbeat(Role::Worker, Duration::from_secs(300));
    assert_eq!((interval.as_secs(), heartbeat(Role::Head, Duration::from_secs(300)).as_secs()), (345, 165));
    assert_eq!(heartbeat(Role::Worker, Duration::from_hours(1)).as_secs(), 600);
    manifests.facts.collector.heartbeat_seconds = interval.as_secs_f64();
    for (records, seconds, sequence) in [(0, 0, 1), (0, 344, 1), (0, 2, 2), (1, 61, 3), (1, 344, 3), (1, 2, 4)] {
        rig.parts.records.store(records, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(seconds)).await;
        manifests.put_if_due(&node).await;
        let stored = rig.stored().await;
        assert_eq!(stored.sequence, sequence, "{records} records, {seconds} s later");
        assert_eq!(stored.collector.fresh_for(), 360_000_000_000);
    }
}

/// A node that is lost in its first minute must not be one of which nothing can be proved.
#[tokio::test(start_paused = true)]
async fn the_first_counters_are_put_at_once() {
    let rig = Rig::new();
    let (manifests, node) = rig.boot(1);
    manifests.put_if_due(&node).await;
    // With an event here, an agent that has counted none says nothing.
    rig.parts.records.store(1, Ordering::Relaxed);
    manifests.scraped(&node, Vec::new(), Instant::now());
    manifests.put_if_due(&node).await;
    assert_eq!(rig.stored().await.sequence, 1);
    for received in [5, 6] {
        manifests.scraped(&node, agent(received), Instant::now());
        manifests.put_if_due(&node).await;
        assert_eq!((rig.stored().await.sequence, rig.stored().await.ray[0].received), (2, 5));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_ray_is_kept() {
    let rig = Rig::new();
    let (manifests, node) = rig.boot(1);
    manifests.put(&node, State::Open, None).await;
    assert_eq!(rig.stored().await.ray_ended, 0);
    manifests.ray_ended(&node);
    manifests.put(&node, State::Draining, None).await;
    let ended = rig.stored().await.ray_ended;
    let (manifests, node) = rig.boot(2);
    manifests.put(&node, State::Closed, Some(Reason::PodEnded)).await;
    assert_eq!((ended > 0, rig.stored().await.ray_ended), (true, ended));
}

#[tokio::test(start_paused = true)]
async fn the_next_process_goes_on_where_the_last_one_ended() {
    let rig = Rig::new();
    let (manifests, node) = rig.boot(1);
    manifests.scraped(&node, agent(5), Instant::now());
    let endpoint = Endpoint { at: 5, bytes: 2, sha256: "00".into() };
    manifests.stored_endpoint(&node, "api/jobs/", endpoint.clone());
    manifests.put(&node, State::Draining, None).await;
    manifests.put(&node, State::Open, None).await;

    let (manifests, node) = rig.boot(2);
    assert_eq!((manifests.state(&node), manifests.endpoint(&node, "api/jobs/")), (State::Open, Some(endpoint)));
    manifests.put_if_due(&node).await;
    let stored = rig.stored().await;
    assert_eq!((stored.sequence, stored.boot, stored.ray.len()), (3, 2, 1));
    // An event that came to this process is not in the counters of the last one.
    *rig.parts.last_event.lock() = Some(Instant::now());
    manifests.put(&node, State::Closed, Some(Reason::PodEnded)).await;
    let stored = rig.stored().await;
    assert_eq!((stored.state, stored.reason, stored.ray[0].quiet), (State::Closed, Some(Reason::PodEnded), false));
    tokio::time::advance(Duration::from_secs(600)).await;
    manifests.put_if_due(&node).await;
    assert_eq!(rig.stored().await.sequence, 4, "a closed node says nothing more");
}

/// A log may be stored again after the node was closed, and must not look as if somebody had replaced it.
#[tokio::test(start_paused = true)]
async fn what_is_stored_of_a_closed_node_is_told_soon() {
    let rig = Rig::new();
    let (manifests, node) = rig.boot(1);
    manifests.put(&node, State::Closed, Some(Reason::RayletRestarted)).await;
    rig.parts.records.store(1, Ordering::Relaxed);
    manifests.put_late(&node).await;
    let stored = rig.stored().await;
    assert_eq!((stored.sequence, stored.state, stored.reason), (2, State::Closed, Some(Reason::RayletRestarted)));
    manifests.put_late(&node).await;
    assert_eq!(rig.stored().await.sequence, 2, "nothing is new");
    // Of a node that goes on it says nothing.
    manifests.put(&node, State::Open, None).await;
    rig.parts.records.store(2, Ordering::Relaxed);
    manifests.put_late(&node).await;
    assert_eq!(rig.stored().await.sequence, 3);
}
