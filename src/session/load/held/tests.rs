use super::*;
use std::sync::mpsc;

#[tokio::test]
async fn what_a_load_computes_counts_until_it_has_ended_even_if_the_load_is_gone() {
    let (held, ledger) = Held::alone(64 << 20).await;
    held.add(1 << 20);
    held.cover().unwrap();
    let ((begun, begins), (go_on, waits)) = (mpsc::channel(), mpsc::channel::<()>());
    let work = tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            waits.recv().unwrap_err();
        };
        held.run(work).await
    });
    tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    assert_eq!(ledger.used(), BASE + (1 << 20));
    let freed = ledger.changed();
    drop(go_on);
    freed.await;
    assert_eq!(ledger.used(), 0);
}

#[tokio::test]
async fn a_load_that_has_outgrown_its_place_stays_so() {
    let (held, ledger) = Held::alone(64 << 20).await;
    let file = held.hold(63 << 20);
    let limit = 64 << 20;
    let outgrown = Err((BASE + (63 << 20), Short::TooLarge(limit)));
    assert_eq!(held.cover(), outgrown);
    drop(file);
    assert_eq!(Err(held.outgrows().await), outgrown);
    assert_eq!((held.cover(), held.bytes(), ledger.used()), (outgrown, BASE, BASE));
}
