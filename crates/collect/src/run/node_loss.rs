//! A node that vanishes with its disk: what the bucket has then, and what the verdict says.

use super::parts::{Events, Logs};
use crate::destinations::Destinations;
use crate::identity::{Raylet, SessionFolder};
use crate::manifests::{Facts, Manifests};
use crate::parts::{EventPart, LogPart};
use crate::spool::{Fsync, Limits, Sealing, Spool};
use crate::tail::{self, Tail};
use crate::upload::{Sink, Uploader};
use flate2::read::MultiGzDecoder;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_manifest::proof::{FRESH, Found, Lost, Most, Stored, Verdict, proof};
use ray_history_manifest::segment::{Index, read_frame, read_index};
use ray_history_manifest::{AgentCounters, Collector, Identity, Manifest, Role};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Storage};
use ray_history_storage_write::StorageWrite;
use ray_history_storage_write::memory::MemoryWriter;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
const PREFIX: &str = "cluster-history/raycluster/ml/train/session_2026-11-23_07-10-07_600839_11972/ab/";
/// The time between two events, and two lines of each log.
const STEP: Duration = Duration::from_millis(250);

/// The stored part of a node.
#[derive(Debug, Default)]
struct Bucket {
    /// The numbers of events, sorted.
    events: Vec<u64>,
    stored: Stored,
    manifest: Option<Manifest>,
    /// Lines of `worker-1.out` and of `raylet.out`.
    lines: [usize; 2],
}

async fn bucket(memory: &Memory) -> Bucket {
    let mut found = Bucket::default();
    let mut ends = [0; 2];
    let logs = ["worker-1.out", "raylet.out"];
    for object in memory.list_all(PREFIX, Delimiter::None).await.unwrap().objects {
        let bytes = memory.read_all(&object.key, u64::MAX).await.unwrap();
        let below = object.key.strip_prefix(PREFIX).unwrap().to_owned();
        if below.contains("_events/") {
            let mut text = String::new();
            MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64().unwrap();
            found.events.extend(text.lines().map(number));
            found.stored.events.push((below, object.size));
        } else if let Some(path) = below.strip_prefix("logs/") {
            let at = logs.iter().position(|log| *log == path).unwrap();
            ends[at] = ends[at].max(bytes.len());
            found.stored.logs.push((below, object.size));
        } else if below.contains("/logs-") {
            let Index::Frames(frames) = read_index(&bytes, bytes.len() as u64).unwrap() else { panic!("no index") };
            for frame in frames {
                let member = &bytes[frame.frame as usize..][..frame.size as usize];
                assert_eq!(read_frame(&frame, member).unwrap().len(), frame.len as usize);
                let at = logs.iter().position(|log| *log == frame.path).unwrap();
                assert!(frame.at as usize <= ends[at], "a hole before {frame:?}");
                ends[at] = ends[at].max(frame.end() as usize);
            }
            let number = below.rsplit_once('-').unwrap().1.strip_suffix(".seg").unwrap().parse().unwrap();
            found.stored.segments.entry("spool".into()).or_default().insert(number);
        } else {
            found.manifest = Some(Manifest::parse(&bytes).unwrap());
        }
    }
    found.events.sort_unstable();
    found.stored.records = found.events.len() as u64;
    found.lines = ends.map(|end| end / LINE.len());
    found
}

const LINE: &str = "a line of a log\n";

fn line(path: &Path) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(LINE.as_bytes()).unwrap();
}

/// A collector on a node that lives for a time. Returns what the bucket has after its loss, and how many events were
/// accepted.
async fn lost_after(life: Duration) -> (Bucket, u64) {
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
    let writer = MemoryWriter::default();
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    let destinations = Destinations::new("", Some(cluster), None, known);
    let sink = Sink::new(Arc::new(writer.clone()) as Arc<dyn StorageWrite>);
    let limits = Limits { bytes: 1 << 30, fsync: Fsync::Flush };
    let spool = Arc::new(Spool::open(&folder.path().join("spool"), limits).await.unwrap());
    let place = destinations.clone();
    let destination = Arc::new(move |session: &_| place.node_keys(session));
    let flush = Duration::from_secs(10);
    let uploader = Arc::new(Uploader::new(Arc::clone(&spool), sink.clone(), destination, flush, Sealing::default()));
    let states = folder.path().join("state");
    let tail = Tail::new(tail::Settings::default(), "spool", &states, sink.clone(), destinations.clone());
    let events: Arc<dyn EventPart> = Arc::new(Events { spool: Arc::clone(&spool), uploader: Arc::clone(&uploader) });
    let facts = Facts {
        spool: "spool".into(),
        boot: 1,
        collector: Collector {
            flush_seconds: 10.0,
            log_seconds: 30.0,
            system_log_seconds: 300.0,
            ..Collector::default()
        },
        identity: Identity { role: Role::Head, ..Identity::default() },
    };
    let logs_part: Arc<dyn LogPart> = Arc::new(Logs(tail.clone()));
    let manifests = Manifests::new(facts, folder.path().join("control"), destinations, sink, events, logs_part);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { uploader.run().await });
    tasks.spawn(async move { tail.run().await });
    let node = (session, "ab".to_owned());
    let (mut accepted, begun) = (0, Instant::now());
    let mut ticks = tokio::time::interval(STEP);
    while begun.elapsed() < life {
        ticks.tick().await;
        let event = format!(r#"[{{"sessionName":"{SESSION}","eventType":"NODE_LIFECYCLE_EVENT","n":{accepted}}}]"#);
        spool.accept(event.as_bytes()).unwrap();
        accepted += 1;
        line(&logs.join("worker-1.out"));
        line(&logs.join("raylet.out"));
        if accepted % (60_000 / STEP.as_millis() as u64) == 20 {
            // The loops of scrapes and manifests.
            let counters =
                AgentCounters { pid: 1, received: accepted, published: accepted, ..AgentCounters::default() };
            manifests.scraped(&node, vec![counters], Instant::now());
            manifests.put_if_due(&node).await;
        }
    }
    tasks.shutdown().await;
    (bucket(&writer.0).await, accepted)
}

/// At most 10 s of events, 30 s of users' logs and 5 min of Ray's own are gone with the node, and the verdict says so.
#[tokio::test(start_paused = true)]
async fn a_lost_node_loses_no_more_than_is_promised() {
    let lives = [8_250, 19_900, 31_700, 61_300, 95_950, 127_050, 299_800, 305_400, 351_650, 607_100];
    for life in lives.map(Duration::from_millis) {
        let (found, accepted) = lost_after(life).await;
        // Events and lines come each step, so the number of those that lack is the time.
        let lost = |stored: usize| STEP * u32::try_from(accepted - stored as u64).unwrap();
        let upload = STEP;
        assert_eq!(found.events, (0..found.events.len() as u64).collect::<Vec<_>>(), "each once, {life:?}");
        assert!(
            lost(found.events.len()) <= Duration::from_secs(10) + upload,
            "{life:?}: {:?}",
            lost(found.events.len())
        );
        let [user, system] = found.lines;
        assert!(lost(user) <= Duration::from_secs(30) + upload, "{life:?}: {:?}", lost(user));
        assert!(lost(system) <= Duration::from_secs(300) + upload, "{life:?}: {:?}", lost(system));
        let Some(manifest) = found.manifest else { continue };
        let (written, published) = (manifest.written, manifest.ray[0].published);
        let manifest = Found { node: "ab".into(), spool: "spool".into(), manifest: Ok(manifest), newer: false };
        let stored = [("ab".to_owned(), found.stored)].into();
        let proof = proof(&[manifest], &stored, &[], written + 2 * FRESH).unwrap();
        let [limit] = &proof.limits[..] else { panic!("{:?}", proof.limits) };
        assert_eq!((limit.alive, limit.most), (false, Some(Most { events: 10, logs: 30, system_logs: 300 })));
        // What Ray counted as published and is not there is known to the event.
        let missing = published.saturating_sub(found.events.len() as u64);
        if missing == 0 {
            assert!(matches!(proof.verdict, Verdict::CompleteTo(_)), "{life:?}: {proof:?}");
        } else {
            assert_eq!(proof.losses[0].what, Lost::NotRecorded { events: missing }, "{life:?}");
        }
    }
}
