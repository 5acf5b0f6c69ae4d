//! Input that nobody should send, and collectors that nobody should start.

use super::*;
use tokio::time::timeout;

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
