use super::*;
use std::sync::mpsc;

/// Even if the load is gone.
#[tokio::test]
async fn computation_counts_until_it_ends() {
    let (memory, budget) = LoadMemory::with_budget(64 << 20).await;
    memory.add(1 << 20);
    memory.cover().unwrap();
    let ((begun, begins), (go_on, waits)) = (mpsc::channel(), mpsc::channel::<()>());
    let work = tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            waits.recv().unwrap_err();
        };
        memory.run(work).await
    });
    tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    assert_eq!(budget.used(), BASE + (1 << 20));
    let freed = budget.changed();
    drop(go_on);
    freed.await;
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn outgrown_load_stays_failed() {
    let (memory, budget) = LoadMemory::with_budget(64 << 20).await;
    let file = memory.hold(63 << 20);
    let limit = 64 << 20;
    let outgrown = Err((BASE + (63 << 20), CoverError::TooLarge(limit)));
    assert_eq!(memory.cover(), outgrown);
    drop(file);
    assert_eq!(Err(memory.outgrows().await), outgrown);
    assert_eq!((memory.cover(), memory.bytes(), budget.used()), (outgrown, BASE, BASE));
}
