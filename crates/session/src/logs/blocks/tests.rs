use super::*;
use crate::load::LogObject;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use std::time::Duration;

fn file(key: &str, size: usize) -> LogFile {
    LogFile { node: "ab01".into(), path: key.to_owned(), object: LogObject::new(key, size as u64) }
}

fn files(sizes: &[(&str, usize)]) -> Arc<[LogFile]> {
    sizes.iter().map(|(key, size)| file(key, *size)).collect()
}

fn store(sizes: &[(&str, usize)]) -> Memory {
    let store = Memory::default();
    for (key, size) in sizes {
        store.put(*key, key.as_bytes()[..1].repeat(*size));
    }
    store
}

/// Returns each file's bytes, as their number, and the reason why it was not read to its end.
async fn read_files(store: Arc<dyn Storage>, files: Arc<[LogFile]>) -> Vec<(usize, usize, Option<&'static str>)> {
    let (mut blocks, mut read, mut is_open) = (LogBlocks::new(store, files), Vec::new(), false);
    while let Some(block) = blocks.next().await {
        if !is_open {
            read.push((block.file, 0, None));
        }
        let last = read.last_mut().unwrap();
        assert_eq!(last.0, block.file, "files come one after the other");
        last.1 += block.bytes.len();
        last.2 = block.unread;
        is_open = !block.is_last;
    }
    read
}

#[tokio::test(start_paused = true)]
async fn many_ranges_are_read_at_once_and_come_in_order() {
    let sizes = [("a", 3 * BLOCK as usize + 1), ("b", 0), ("c", 10), ("d", BLOCK as usize), ("e", 40 * BLOCK as usize)];
    let store = Arc::new(Faulty::new(Arc::new(store(&sizes))).with_latency(Duration::from_millis(20)));
    let began = tokio::time::Instant::now();
    let read = read_files(Arc::clone(&store) as _, files(&sizes)).await;
    assert_eq!(read, sizes.iter().enumerate().map(|(at, (_, size))| (at, *size, None)).collect::<Vec<_>>());
    assert_eq!((store.most_at_once(), store.counts().reads), (READS as u64, 46));
    assert!(began.elapsed() <= Duration::from_millis(80), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_ends_no_other() {
    let sizes = [("a", 10), ("b", 2_000 * BLOCK as usize), ("c", 10), ("d", 2 * BLOCK as usize)];
    let inner = store(&[("a", 10), ("b", 10), ("d", BLOCK as usize + 7)]);
    let store = Arc::new(Faulty::new(Arc::new(inner)));
    store.arm("b", Fault::Always(ErrorKind::PermissionDenied));
    let read = read_files(Arc::clone(&store) as _, files(&sizes)).await;
    let refused = Some("the store refuses it");
    let expected = [
        (0, 10, None),
        (1, 0, refused),
        (2, 0, Some("it is no longer stored")),
        (3, BLOCK as usize + 7, Some("it is shorter than it was listed")),
    ];
    assert_eq!(read, expected);
    assert!(store.counts().reads < 50, "{:?}", store.counts());
}

#[tokio::test(start_paused = true)]
async fn requests_end_with_their_reader() {
    let sizes = [("a", 40 * BLOCK as usize)];
    // The requests that reach the store after the latency.
    let reached = Arc::new(Faulty::new(Arc::new(store(&sizes))));
    let store = Faulty::new(Arc::clone(&reached) as _).with_latency(Duration::from_secs(1));
    let mut blocks = LogBlocks::new(Arc::new(store), files(&sizes));
    for _ in 0..3 {
        assert!(blocks.next().await.is_some());
    }
    // Two more are on their way.
    drop(blocks);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(reached.counts().reads, READS as u64);
}
