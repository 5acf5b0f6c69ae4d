//! One session in the layouts of all of KubeRay's collectors: each time the same session must open.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ray_history_core::base::id::NodeId;
use ray_history_core::layout::Root;
use ray_history_core::snapshot::gap::Code;
use ray_history_core::snapshot::gaps::Standing;
use ray_history_session::catalog::Entry;
use ray_history_session::{OpenSession, Sessions};
use ray_history_storage::memory::Memory;
use std::io::Write;
use std::sync::Arc;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";
const HEAD: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";
const WORKER: &str = "775fef0aac8bbb99826de6b426e902cca43fa875db825422b0171ac9";
const TASK: &str = "yO9FzNB3ZTn///////////////8BAAAA";

/// The names and the format in which a collector stored a session.
struct Layout {
    marker: &'static str,
    /// The session's prefix.
    data: &'static str,
    /// The node comes before the kind.
    node_first: bool,
    job: &'static str,
    event_file: &'static str,
    array: bool,
    gzip: bool,
}

const FLAT: Layout = Layout {
    marker: "cluster-metadata/raycluster/ns_rc",
    data: "rc_ns",
    node_first: false,
    job: "AQAAAA==",
    event_file: "2026-11-22-23",
    array: true,
    gzip: false,
};
const A1: Layout = Layout { marker: "metadir/rc_ns", ..FLAT };
const A3: Layout = Layout { event_file: "2026-11-22-23.gz", gzip: true, ..FLAT };
const B1: Layout = Layout { data: "cluster-history/raycluster/ns/rc", node_first: true, ..A3 };
const B2: Layout =
    Layout { job: "01000000", event_file: "2026-11-22-23-1795389137911275008.jsonl", array: false, gzip: false, ..B1 };
const B2_GZIP: Layout = Layout { event_file: "2026-11-22-23-1795389137911275008.jsonl.gz", gzip: true, ..B2 };
const B2_OWNED: Layout =
    Layout { marker: "cluster-metadata/rayjob/ns_train_rc", data: "cluster-history/rayjob/ns/train/rc", ..B2 };

fn event(kind: &str, payload: &str) -> String {
    format!(
        r#"{{"eventId":"x","sourceType":"GCS","eventType":"{kind}","timestamp":"2026-11-22T23:12:00Z","severity":"INFO","message":"","sessionName":"{SESSION}",{payload}}}"#
    )
}

impl Layout {
    fn key(&self, kind: &str, node: &str, rest: &str) -> String {
        let below = if self.node_first { format!("{node}/{kind}") } else { kind.to_owned() };
        format!("{}/{SESSION}/{below}/{rest}", self.data)
    }

    fn put_log(&self, store: &Memory, root: &str, node: &str, path: &str, text: &str) {
        let rest = if self.node_first { path.to_owned() } else { format!("{node}/{path}") };
        store.put(format!("{root}{}", self.key("logs", node, &rest)), text.to_owned());
    }

    fn put_events(&self, store: &Memory, root: &str, node: &str, kind: &str, folder: &str, events: &[String]) {
        let text = if self.array { format!("[{}]", events.join(",")) } else { events.join("\n") };
        let bytes = if self.gzip {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap()
        } else {
            text.into_bytes()
        };
        store.put(format!("{root}{}", self.key(kind, node, &format!("{folder}{node}-{}", self.event_file))), bytes);
    }

    fn put_marker(&self, store: &Memory, root: &str) {
        store.put(format!("{root}{}/", self.marker), "");
        store.put(format!("{root}{}/{SESSION}", self.marker), "");
    }

    /// Stores the files that the collector of every node writes.
    fn put_node(&self, store: &Memory, root: &str, node: &str) {
        let id = STANDARD.encode(NodeId::from_hex(node).unwrap().0);
        let node_event = event(
            "NODE_DEFINITION_EVENT",
            &format!(r#""nodeDefinitionEvent":{{"nodeId":"{id}","nodeIpAddress":"10.0.0.1"}}"#),
        );
        self.put_events(store, root, node, "node_events", "", &[node_event]);
        // Zero-byte folder objects, as S3, GCS and OSS have them.
        store.put(format!("{root}{}", self.key("node_events", node, "")), "");
        self.put_log(store, root, node, "raylet.out", "hello");
        self.put_log(store, root, node, "events/event_RAYLET.log", "");
    }

    fn put_head(&self, store: &Memory, root: &str) {
        self.put_node(store, root, HEAD);
        let definition = format!(
            r#""taskDefinitionEvent":{{"taskId":"{TASK}","taskName":"f","jobId":"AQAAAA==","taskType":"NORMAL_TASK"}}"#
        );
        let lifecycle = format!(
            r#""taskLifecycleEvent":{{"taskId":"{TASK}","jobId":"AQAAAA==","stateTransitions":[{{"state":"FINISHED","timestamp":"2026-11-22T23:12:01Z"}}]}}"#
        );
        let events = [event("TASK_DEFINITION_EVENT", &definition), event("TASK_LIFECYCLE_EVENT", &lifecycle)];
        self.put_events(store, root, HEAD, "job_events", &format!("{}/", self.job), &events);
        store.put(format!("{root}{}/{SESSION}/fetched_endpoints/restful__timezone", self.data), "{}");
    }

    fn put(&self, store: &Memory, root: &str) {
        self.put_marker(store, root);
        self.put_head(store, root);
        self.put_node(store, root, WORKER);
    }
}

async fn open(store: Memory, roots: &[&str]) -> (Entry, Arc<OpenSession>) {
    let sessions = Arc::new(Sessions::new(Arc::new(store), roots.iter().map(|root| Root::new(root)).collect()));
    let listing = sessions.refresh().await.unwrap();
    assert_eq!(listing.len(), 1, "{:?}", listing.iter().collect::<Vec<_>>());
    assert_eq!((listing.unknown_keys.count, listing.skipped.count), (0, 0), "{listing:?}");
    let entry = listing.iter().next().unwrap();
    assert_eq!(entry.key.to_string(), format!("ns/rc/{SESSION}"));
    let opened = sessions.open(&entry.key).await.unwrap();
    (entry, opened)
}

fn assert_whole(opened: &OpenSession, what: &str) {
    let snapshot = &opened.snapshot;
    assert_eq!((snapshot.nodes.len(), snapshot.tasks.len()), (2, 1), "{what}: {:?}", snapshot.completeness);
    assert!(snapshot.completeness.attempts_without_definition == 0, "{what}");
    let logs: Vec<_> = opened.logs.iter().map(|(node, path, _)| format!("{node} {path}")).collect();
    let expected =
        [HEAD, WORKER].map(|node| ["events/event_RAYLET.log", "raylet.out"].map(|path| format!("{node} {path}")));
    assert_eq!(logs, expected.concat(), "{what}");
    assert_eq!(snapshot.endpoints.keys().collect::<Vec<_>>(), ["timezone"], "{what}");
}

#[tokio::test]
async fn a_session_of_every_layout_opens_the_same() {
    let layouts =
        [("A1", A1), ("A2", FLAT), ("A3", A3), ("B1", B1), ("B2", B2), ("B2 gzip", B2_GZIP), ("B2 owned", B2_OWNED)];
    for (name, layout) in layouts {
        // Old samples had the root `log`, written with or without a slash.
        for (stored, setting) in [("", ""), ("log/", "log"), ("log/", "/log"), ("/log/", "/log/"), ("a/b/", "a/b")] {
            let store = Memory::default();
            layout.put(&store, stored);
            let (entry, opened) = open(store, &[setting]).await;
            let what = format!("{name} in {stored:?}");
            assert_whole(&opened, &what);
            assert_eq!((entry.marked, entry.owner.is_some()), (true, name == "B2 owned"), "{what}");
            assert_eq!(entry.namespace_known, name != "A1", "{what}");
            let overwritten = !name.starts_with("B2");
            assert_eq!(opened.snapshot.completeness.overwritten_hours, overwritten, "{what}");
        }
    }
}

#[tokio::test]
async fn a_session_whose_killed_head_wrote_no_marker_opens() {
    for layout in [FLAT, B2, B2_OWNED] {
        let store = Memory::default();
        layout.put_head(&store, "");
        layout.put_node(&store, "", WORKER);
        let (entry, opened) = open(store, &[""]).await;
        assert!(!entry.marked);
        assert_whole(&opened, layout.data);
        let standing = Standing { marked: entry.marked, live: false, over: false, closed: None };
        assert!(opened.gaps(standing).iter().any(|gap| gap.code == Code::NoMarker));
        let marked = Standing { marked: true, ..standing };
        assert!(opened.gaps(marked).iter().all(|gap| gap.code != Code::NoMarker));
    }
}

#[tokio::test]
async fn head_and_workers_with_different_collectors_are_one_session() {
    // Different versions (trap 4), different owner settings (trap 5), different roots (trap 8).
    for (head, worker, worker_root) in [
        (A1, B2, ""),
        (B2, FLAT, ""),
        (B2_OWNED, B2, ""),
        (B2, B2_OWNED, ""),
        (B2_OWNED, A3, "log/"),
        (B2, B2_GZIP, "log/"),
    ] {
        let store = Memory::default();
        head.put_marker(&store, "");
        head.put_head(&store, "");
        worker.put_node(&store, worker_root, WORKER);
        let (_, opened) = open(store, &["", "log"]).await;
        assert_whole(&opened, &format!("{} and {worker_root}{}", head.data, worker.data));
    }
}

#[tokio::test]
async fn a_file_in_both_trees_is_read_once_from_the_newer_one() {
    let store = Memory::default();
    FLAT.put(&store, "");
    B2.put(&store, "");
    FLAT.put_log(&store, "", HEAD, "raylet.out", "old");
    let (_, opened) = open(store, &[""]).await;
    assert_whole(&opened, "both trees");
    let log = opened.logs.find(HEAD, "raylet.out").unwrap();
    assert!(log.key.starts_with("cluster-history/"), "{log:?}");
}

#[tokio::test]
async fn two_names_of_one_hour_are_both_read() {
    // Trap 6: an upgrade within the hour; trap 10: an empty event object beside them.
    let store = Memory::default();
    FLAT.put_marker(&store, "");
    FLAT.put_node(&store, "", WORKER);
    A3.put_head(&store, "");
    store.put(format!("rc_ns/{SESSION}/node_events/{HEAD}-2026-11-22-23"), "");
    let (_, opened) = open(store, &[""]).await;
    assert_whole(&opened, "two names");
}

#[tokio::test(start_paused = true)]
async fn a_session_opens_once_its_data_is_uploaded() {
    // Trap 16: the marker comes first.
    let store = Arc::new(Memory::default());
    B2.put_marker(&store, "");
    let sessions = Arc::new(Sessions::new(Arc::clone(&store) as Arc<_>, vec![Root::default()]));
    let key = sessions.refresh().await.unwrap().iter().next().unwrap().key;
    let error = sessions.open(&key).await.unwrap_err();
    assert!(error.to_string().contains("no data yet"), "{error}");
    B2.put(&store, "");
    // The error is cached for a moment, so that not every click lists the session.
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    assert_whole(&sessions.open(&key).await.unwrap(), "later");
}
