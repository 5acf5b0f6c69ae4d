use super::*;
use crate::load_permit::tests::with_budget;
use crate::load_permit::{BASE, CoverError};
use crate::testing::gzip;
use bytes::Bytes;

/// Parses files that consist of one piece each.
async fn parsed(permit: &Arc<LoadPermit>, files: Vec<Bytes>) -> Builder {
    let queue = Arc::new(Queue::new(Arc::clone(permit)));
    for file in files {
        let pieces = queue.push("x", Nanos::MAX, permit.slots.acquire(file.len() as u64).await);
        pieces.send(Ok(file)).await.unwrap();
    }
    queue.close();
    tokio::task::spawn_blocking(move || queue.work("session").builder).await.unwrap()
}

#[tokio::test]
async fn fetched_file_keeps_its_slot_until_parsed() {
    let (permit, _) = with_budget(64 << 20).await;
    let places = [permit.slots.acquire(10_000).await, permit.slots.acquire(10_000).await];
    assert!(permit.slots.used_bytes() > 20_000);
    drop(places);
    parsed(&permit, vec![Bytes::from_static(b"{}\n"); 3]).await;
    assert_eq!(permit.slots.used_bytes(), 0);
}

#[tokio::test]
async fn endless_record_is_bounded_by_memory() {
    let zeros = Bytes::from(gzip(&vec![b'0'; 12 << 20]));
    let (permit, budget) = with_budget(16 << 20).await;
    parsed(&permit, vec![zeros.clone()]).await;
    let (needed, short) = permit.outgrown().unwrap();
    assert_eq!(short, CoverError::TooLarge(14 << 20));
    assert!(needed < 32 << 20, "{needed} bytes, which the step that was not taken would have held");
    assert!(budget.used() <= 16 << 20);
    // With enough memory it is one damaged record, and nothing is held afterwards.
    let (permit, _) = with_budget(1 << 30).await;
    let mut builder = parsed(&permit, vec![zeros, Bytes::from_static(b"{}\n")]).await;
    assert_eq!((builder.completeness_mut().records, permit.outgrown()), (2, None));
    assert_eq!(permit.bytes(), BASE + 2 * builder.weight() as u64, "nothing else is held any more");
}
