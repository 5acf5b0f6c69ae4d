use super::super::held::BASE;
use super::*;
use crate::session::admission::Short;
use crate::session::testing::gzip;
use bytes::Bytes;

/// What comes of files that each are one piece.
async fn parsed(held: &Arc<Held>, files: Vec<Bytes>) -> Builder {
    let queue = Arc::new(Queue::new(Arc::clone(held)));
    for file in files {
        let pieces = queue.push("x", Nanos::MAX, held.room.take(file.len() as u64).await);
        pieces.send(Ok(file)).await.unwrap();
    }
    queue.close();
    tokio::task::spawn_blocking(move || queue.work("session")).await.unwrap()
}

#[tokio::test]
async fn a_file_that_was_fetched_keeps_its_place_until_it_is_parsed() {
    let (held, _) = Held::alone(64 << 20).await;
    let places = [held.room.take(10_000).await, held.room.take(10_000).await];
    assert!(held.room.taken() > 20_000);
    drop(places);
    parsed(&held, vec![Bytes::from_static(b"{}\n"); 3]).await;
    assert_eq!(held.room.taken(), 0);
}

#[tokio::test]
async fn a_record_without_an_end_is_read_no_further_than_there_is_memory_for_it() {
    let zeros = Bytes::from(gzip(&vec![b'0'; 12 << 20]));
    let (held, ledger) = Held::alone(16 << 20).await;
    parsed(&held, vec![zeros.clone()]).await;
    let (needed, short) = held.outgrown().unwrap();
    assert_eq!(short, Short::TooLarge(14 << 20));
    assert!(needed < 32 << 20, "{needed} bytes, which the step that was not taken would have held");
    assert!(ledger.used() <= 16 << 20);
    // Where there is memory for it, it is one damaged record, and nothing is held afterwards.
    let (held, _) = Held::alone(1 << 30).await;
    let mut builder = parsed(&held, vec![zeros, Bytes::from_static(b"{}\n")]).await;
    assert_eq!((builder.completeness_mut().records, held.outgrown()), (2, None));
    assert_eq!(held.bytes(), BASE + 2 * builder.weight() as u64, "nothing else is held any more");
}
