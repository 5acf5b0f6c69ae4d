use super::*;
use std::time::Duration;
use tokio::time::timeout;

const MIB: u64 = 1 << 20;

fn admission(max_concurrent: usize, total: u64) -> Arc<Admission> {
    Arc::new(Admission::new(max_concurrent, MemoryBudget::new(total), Arc::new(())))
}

/// Returns a permit, if no other load has to end first.
async fn admit_now(admission: &Arc<Admission>, bytes: u64) -> Option<LoadPermit> {
    timeout(Duration::from_secs(1), admission.admit(bytes)).await.ok()
}

#[tokio::test(start_paused = true)]
async fn limits_concurrent_loads() {
    let admission = admission(4, 1024 * MIB);
    let large: Vec<_> = [
        admit_now(&admission, 200 * MIB).await,
        admit_now(&admission, 200 * MIB).await,
        admit_now(&admission, 200 * MIB).await,
    ]
    .into_iter()
    .collect();
    assert_eq!(large.iter().flatten().count(), 3);
    assert!(admit_now(&admission, 100 * MIB).await.is_none(), "the last slot is for small ones");
    let small = admit_now(&admission, MIB).await;
    assert!(small.is_some());
    assert!(admit_now(&admission, MIB).await.is_none(), "four run");
    drop(small);
    assert!(admit_now(&admission, MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn small_load_never_waits_for_a_huge_one() {
    for max_concurrent in [1, 2, 4] {
        let admission = admission(max_concurrent, 1024 * MIB);
        // Larger than the budget: reduced to the limit of one load.
        let huge = admit_now(&admission, 5000 * MIB).await.unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.admit(5000 * MIB).await }
        });
        tokio::task::yield_now().await;
        assert!(admit_now(&admission, 32 * MIB).await.is_some(), "{max_concurrent} at once");
        drop(huge);
        waiting.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn stream_of_small_loads_does_not_starve_a_huge_one() {
    let admission = admission(2, 1024 * MIB);
    let mut small = vec![admit_now(&admission, MIB).await.unwrap(), admit_now(&admission, MIB).await.unwrap()];
    let huge = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.admit(500 * MIB).await }
    });
    tokio::task::yield_now().await;
    for _ in 0..10 {
        small.remove(0);
        small.extend(admit_now(&admission, MIB).await);
        if small.is_empty() || huge.is_finished() {
            break;
        }
    }
    assert!(huge.is_finished());
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_within_a_lane() {
    let admission = admission(2, 1024 * MIB);
    let running = admit_now(&admission, 500 * MIB).await.unwrap();
    let (order, mut tasks) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for n in 0..3 {
        let (admission, order) = (Arc::clone(&admission), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            // The second one would fit at once, but must not overtake.
            let permit = admission.admit(if n == 1 { 100 * MIB } else { 800 * MIB }).await;
            order.lock().unwrap().push(n);
            drop(permit);
        }));
        tokio::task::yield_now().await;
    }
    drop(running);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiter_does_not_block_others() {
    let admission = admission(2, 1024 * MIB);
    let running = admit_now(&admission, 800 * MIB).await.unwrap();
    assert!(admit_now(&admission, 800 * MIB).await.is_none());
    drop(running);
    assert!(admit_now(&admission, 800 * MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn two_loads_racing_for_memory_both_end() {
    let admission = admission(8, 1024 * MIB);
    let (mut first, mut second) =
        (admit_now(&admission, 300 * MIB).await.unwrap(), admit_now(&admission, 300 * MIB).await.unwrap());
    assert_eq!(first.cover(500 * MIB), Ok(()));
    assert_eq!(second.cover(500 * MIB), Err(CoverError::Retry), "it may come back with a larger estimate");
    drop(second);
    assert_eq!(first.cover(800 * MIB), Ok(()));
    let again = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.admit(1000 * MIB).await }
    });
    tokio::task::yield_now().await;
    assert!(!again.is_finished());
    drop(first.settle(10 * MIB));
    again.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn load_above_the_limit_is_too_large() {
    let admission = admission(2, 1024 * MIB);
    let mut only = admit_now(&admission, 800 * MIB).await.unwrap();
    assert_eq!(only.cover(896 * MIB), Ok(()));
    assert_eq!(only.cover(897 * MIB), Err(CoverError::TooLarge(896 * MIB)));
}

#[tokio::test(start_paused = true)]
async fn idle_admission_disturbs_no_other_load() {
    let admission = admission(4, 1024 * MIB);
    let first = admission.admit_idle(MIB);
    assert!(first.is_some());
    let _two = [admit_now(&admission, MIB).await.unwrap(), admit_now(&admission, MIB).await.unwrap()];
    assert!(admission.admit_idle(MIB).is_none(), "a slot stays free");
    drop(first);
    assert!(admission.admit_idle(2000 * MIB).is_none(), "there is no memory for it");
}

#[tokio::test(start_paused = true)]
async fn small_loads_holding_memory_do_not_starve_the_largest() {
    let admission = admission(4, 1024 * MIB);
    let mut small = admit_now(&admission, MIB).await.unwrap();
    let huge = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.admit(5000 * MIB).await }
    });
    for _ in 0..20 {
        tokio::task::yield_now().await;
        // The next one begins before the previous one ends.
        small = admit_now(&admission, MIB).await.unwrap();
    }
    assert!(huge.is_finished(), "896 MiB, and one of the 128 that are left to small ones");
    assert_eq!(small.cover(128 * MIB), Ok(()));
    assert_eq!(small.cover(129 * MIB), Err(CoverError::Retry));
    drop((small, huge.await.unwrap()));
    let lanes = admission.lock();
    assert_eq!((admission.budget.used(), lanes.small_held, lanes.running), (0, 0, [0, 0]));
}

/// Sessions that can be evicted, and the number of evictions.
#[derive(Debug)]
struct EvictionCounter {
    held: Mutex<Option<Reservation>>,
    evictions: Mutex<u64>,
}

impl Evict for EvictionCounter {
    fn bytes(&self) -> u64 {
        self.held.lock().unwrap().as_ref().map_or(0, Reservation::bytes)
    }

    fn evict(&self, _: u64) -> u64 {
        *self.evictions.lock().unwrap() += 1;
        self.held.lock().unwrap().take().map_or(0, |held| held.bytes())
    }
}

#[tokio::test(start_paused = true)]
async fn evicts_nothing_for_a_load_that_must_wait_anyway() {
    let budget = MemoryBudget::new(1024 * MIB);
    let cached =
        Arc::new(EvictionCounter { held: Mutex::new(budget.try_reserve(100 * MIB, 0)), evictions: Mutex::new(0) });
    let admission = Arc::new(Admission::new(4, budget, Arc::clone(&cached) as _));
    let running = admit_now(&admission, 700 * MIB).await.unwrap();
    assert!(admit_now(&admission, 800 * MIB).await.is_none());
    assert_eq!((cached.bytes(), *cached.evictions.lock().unwrap()), (100 * MIB, 0));
    drop(running);
    assert!(admit_now(&admission, 896 * MIB).await.is_some());
    assert_eq!((cached.bytes(), *cached.evictions.lock().unwrap()), (0, 1));
}
