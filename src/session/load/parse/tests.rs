use super::super::load_memory::BASE;
use super::*;
use crate::session::admission::CoverError;
use crate::session::testing::gzip;
use bytes::Bytes;

/// Parses files that consist of one piece each.
async fn parsed(memory: &Arc<LoadMemory>, files: Vec<Bytes>) -> Builder {
    let queue = Arc::new(Queue::new(Arc::clone(memory)));
    for file in files {
        let pieces = queue.push("x", Nanos::MAX, memory.slots.acquire(file.len() as u64).await);
        pieces.send(Ok(file)).await.unwrap();
    }
    queue.close();
    tokio::task::spawn_blocking(move || queue.work("session")).await.unwrap()
}

#[tokio::test]
async fn fetched_file_keeps_its_slot_until_parsed() {
    let (memory, _) = LoadMemory::with_budget(64 << 20).await;
    let places = [memory.slots.acquire(10_000).await, memory.slots.acquire(10_000).await];
    assert!(memory.slots.used_bytes() > 20_000);
    drop(places);
    parsed(&memory, vec![Bytes::from_static(b"{}\n"); 3]).await;
    assert_eq!(memory.slots.used_bytes(), 0);
}

#[tokio::test]
async fn endless_record_is_bounded_by_memory() {
    let zeros = Bytes::from(gzip(&vec![b'0'; 12 << 20]));
    let (memory, budget) = LoadMemory::with_budget(16 << 20).await;
    parsed(&memory, vec![zeros.clone()]).await;
    let (needed, short) = memory.outgrown().unwrap();
    assert_eq!(short, CoverError::TooLarge(14 << 20));
    assert!(needed < 32 << 20, "{needed} bytes, which the step that was not taken would have held");
    assert!(budget.used() <= 16 << 20);
    // With enough memory it is one damaged record, and nothing is held afterwards.
    let (memory, _) = LoadMemory::with_budget(1 << 30).await;
    let mut builder = parsed(&memory, vec![zeros, Bytes::from_static(b"{}\n")]).await;
    assert_eq!((builder.completeness_mut().records, memory.outgrown()), (2, None));
    assert_eq!(memory.bytes(), BASE + 2 * builder.weight() as u64, "nothing else is held any more");
}
