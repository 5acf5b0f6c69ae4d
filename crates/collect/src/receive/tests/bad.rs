//! Input that nobody should send, and collectors that nobody should start.

use super::*;
use crate::spool::Sealing;
use crate::upload::{Sink, Uploader};
use flate2::read::MultiGzDecoder;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::layout::SessionKeys;
use ray_history_storage::{Delimiter, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use tokio::time::timeout;

const OTHER: &str = "session_2026-11-24_07-10-07_600839_7";

/// Poison between good events, of several sessions: each good one is stored in its session, each other is set aside.
#[tokio::test]
async fn poison_and_other_sessions_stop_nothing() {
    let running = start(1 << 30).await;
    let of = |session: &str, n: u64| {
        format!(r#"{{"sessionName":"{session}","eventType":"NODE_LIFECYCLE_EVENT","timestamp":7,"n":{n}}}"#)
    };
    let poison = [
        r#"{"eventType":"NODE_LIFECYCLE_EVENT","n":1}"#.to_owned(),
        of("../../../etc/passwd", 1),
        of("session_2026-11-23_07-10-07_600839_1/../../x", 1),
        of("", 1),
        "null".to_owned(),
        "[[[7]]]".to_owned(),
        "{".repeat(300) + &"}".repeat(300),
    ];
    let mut events = Vec::new();
    for (n, bad) in (0..).zip(&poison) {
        events.extend([of(SESSION, 2 * n), bad.clone(), of(OTHER, 2 * n + 1)]);
    }
    let body = format!("[{}]", events.join(","));
    let (status, _) = send(running.address, post("/v1/events", body.as_bytes())).await;
    let counts = running.spool.counts();
    let all = 2 * poison.len() as u64;
    assert_eq!((status, counts.records, counts.quarantined), (200, all, poison.len() as u64));

    let writer = MemoryWriter::default();
    let sink = Sink::new(Arc::new(writer.clone()));
    let destination = Arc::new(|session: &SessionName| {
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        Some(SessionKeys::new("", &cluster, None, session).node("ab"))
    });
    let flush = Duration::from_secs(10);
    let uploader = Uploader::new(Arc::clone(&running.spool), sink, destination, flush, Sealing::default());
    tokio::select! {
        () = uploader.flush_now() => {}
        () = uploader.run() => {}
    }
    let mut found = Vec::new();
    for object in writer.0.list_all("", Delimiter::None).await.unwrap().objects {
        assert!(!object.key.contains("..") && object.key.starts_with("cluster-history/raycluster/ml/train/session_"));
        let bytes = writer.0.read_all(&object.key, u64::MAX).await.unwrap();
        let mut text = String::new();
        MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        let session = object.key.split('/').nth(4).unwrap().to_owned();
        if object.key.contains("/node_events/") {
            for line in text.lines() {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["sessionName"], session, "in the folder of its session");
                found.push(event["n"].as_u64().unwrap());
            }
        } else {
            assert_eq!(text.lines().count(), poison.len(), "{}", object.key);
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..all).collect::<Vec<_>>());
    let part = |session: &str| {
        let session = SessionName::parse(session).unwrap();
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let node = SessionKeys::new("", &cluster, None, &session).node("ab");
        running.spool.manifest_part(&session, &node)
    };
    assert_eq!((part(SESSION).records, part(OTHER).records), (all / 2, all / 2));
    assert_eq!(part(SESSION).quarantined + part(OTHER).quarantined, poison.len() as u64, "said once");
}

/// A body of 100 MB is taken while there is room for it; one that is no JSON is set aside, not held in memory.
#[tokio::test]
async fn a_body_of_100_mb_is_taken() {
    let running = start(1 << 30).await;
    let pad = "x".repeat(1 << 20);
    let events: Vec<String> = (0..100)
        .map(|n| format!(r#"{{"sessionName":"{SESSION}","eventType":"NODE_LIFECYCLE_EVENT","n":{n},"pad":"{pad}"}}"#))
        .collect();
    let body = format!("[{}]", events.join(","));
    assert!(body.len() > 100 << 20);
    assert_eq!(send(running.address, post("/v1/events", body.as_bytes())).await.0, 200);
    assert_eq!(running.spool.counts().records, 100);
    let garbage = vec![b'{'; 100 << 20];
    assert_eq!(send(running.address, post("/v1/events", &garbage)).await.0, 200);
    let counts = running.spool.counts();
    assert_eq!((counts.records, counts.quarantined > 0), (100, true));
    assert_eq!(send(running.address, post("/v1/events", format!("[{}]", event(1)).as_bytes())).await.0, 200);
    assert_eq!(running.spool.counts().records, 101);
}

/// A length that is only promised must not wrap around a sum of lengths.
#[tokio::test]
async fn a_body_that_promises_more_than_any_spool_holds_is_refused() {
    let running = start(1 << 30).await;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 18446744073709551612\r\n\r\n[";
    assert_eq!(send(running.address, head.into()).await.0, 503);
    assert_eq!(send(running.address, post("/v1/events", format!("[{}]", event(1)).as_bytes())).await.0, 200);
}

/// A second collector on a spool waits, takes nothing, and goes on where the first one ended.
#[tokio::test]
async fn a_second_collector_waits_for_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 1 << 30, fsync: Fsync::Flush };
    let first = Spool::open(dir.path(), limits).await.unwrap();
    first.accept(format!("[{}]", event(1)).as_bytes()).unwrap();
    let second = Spool::open(dir.path(), limits);
    tokio::pin!(second);
    assert!(timeout(Duration::from_millis(1_500), &mut second).await.is_err(), "the first one has it");
    first.accept(format!("[{}]", event(2)).as_bytes()).unwrap();
    let id = first.id().to_owned();
    drop(first);
    let second = timeout(Duration::from_secs(10), second).await.unwrap().unwrap();
    assert_eq!((second.id(), second.boots(), second.counts().records), (id.as_str(), 2, 2));
}
