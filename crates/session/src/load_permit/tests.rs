use super::*;
use std::sync::mpsc;
use tokio::time::timeout;

const MIB: u64 = 1 << 20;

/// Returns the permit of a load that is alone, and its budget.
pub(crate) async fn with_budget(total: u64) -> (Arc<LoadPermit>, Arc<MemoryBudget>) {
    let budget = MemoryBudget::new(total);
    let lanes = Arc::new(Lanes::new(1, Arc::clone(&budget), Arc::new(())));
    (lanes.admit(BASE).await, budget)
}

fn lanes_of(max_concurrent: usize, total: u64) -> Arc<Lanes> {
    Arc::new(Lanes::new(max_concurrent, MemoryBudget::new(total), Arc::new(())))
}

/// Returns a permit, if no other load has to end first.
async fn admit_now(lanes: &Arc<Lanes>, bytes: u64) -> Option<Arc<LoadPermit>> {
    timeout(Duration::from_secs(1), lanes.admit(bytes)).await.ok()
}

#[tokio::test(start_paused = true)]
async fn limits_concurrent_loads() {
    let lanes = lanes_of(4, 1024 * MIB);
    let large: Vec<_> =
        [admit_now(&lanes, 200 * MIB).await, admit_now(&lanes, 200 * MIB).await, admit_now(&lanes, 200 * MIB).await]
            .into_iter()
            .collect();
    assert_eq!(large.iter().flatten().count(), 3);
    assert!(admit_now(&lanes, 100 * MIB).await.is_none(), "the last slot is for small ones");
    let small = admit_now(&lanes, MIB).await;
    assert!(small.is_some());
    assert!(admit_now(&lanes, MIB).await.is_none(), "four run");
    drop(small);
    assert!(admit_now(&lanes, MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn small_load_never_waits_for_a_huge_one() {
    for max_concurrent in [1, 2, 4] {
        let lanes = lanes_of(max_concurrent, 1024 * MIB);
        // Larger than the budget: reduced to the limit of one load.
        let huge = admit_now(&lanes, 5000 * MIB).await.unwrap();
        let waiting = tokio::spawn({
            let lanes = Arc::clone(&lanes);
            async move { lanes.admit(5000 * MIB).await }
        });
        tokio::task::yield_now().await;
        assert!(admit_now(&lanes, 32 * MIB).await.is_some(), "{max_concurrent} at once");
        drop(huge);
        waiting.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn stream_of_small_loads_does_not_starve_a_huge_one() {
    let lanes = lanes_of(2, 1024 * MIB);
    let mut small = vec![admit_now(&lanes, MIB).await.unwrap(), admit_now(&lanes, MIB).await.unwrap()];
    let huge = tokio::spawn({
        let lanes = Arc::clone(&lanes);
        async move { lanes.admit(500 * MIB).await }
    });
    tokio::task::yield_now().await;
    for _ in 0..10 {
        small.remove(0);
        small.extend(admit_now(&lanes, MIB).await);
        if small.is_empty() || huge.is_finished() {
            break;
        }
    }
    assert!(huge.is_finished());
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_within_a_lane() {
    let lanes = lanes_of(2, 1024 * MIB);
    let running = admit_now(&lanes, 500 * MIB).await.unwrap();
    let (order, mut tasks) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for n in 0..3 {
        let (lanes, order) = (Arc::clone(&lanes), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            // The second one would fit at once, but must not overtake.
            let permit = lanes.admit(if n == 1 { 100 * MIB } else { 800 * MIB }).await;
            order.lock().push(n);
            drop(permit);
        }));
        tokio::task::yield_now().await;
    }
    drop(running);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiter_does_not_block_others() {
    let lanes = lanes_of(2, 1024 * MIB);
    let running = admit_now(&lanes, 800 * MIB).await.unwrap();
    assert!(admit_now(&lanes, 800 * MIB).await.is_none());
    drop(running);
    assert!(admit_now(&lanes, 800 * MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn two_loads_racing_for_memory_both_end() {
    let lanes = lanes_of(8, 1024 * MIB);
    let (first, second) = (admit_now(&lanes, 300 * MIB).await.unwrap(), admit_now(&lanes, 300 * MIB).await.unwrap());
    assert_eq!(first.reserve(500 * MIB), Ok(()));
    assert_eq!(second.reserve(500 * MIB), Err(CoverError::Retry), "it may come back with a larger estimate");
    drop(second);
    assert_eq!(first.reserve(800 * MIB), Ok(()));
    let again = tokio::spawn({
        let lanes = Arc::clone(&lanes);
        async move { lanes.admit(1000 * MIB).await }
    });
    tokio::task::yield_now().await;
    assert!(!again.is_finished());
    drop(first.settle(10 * MIB));
    again.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn load_above_the_limit_is_too_large() {
    let lanes = lanes_of(2, 1024 * MIB);
    let only = admit_now(&lanes, 800 * MIB).await.unwrap();
    assert_eq!(only.reserve(896 * MIB), Ok(()));
    assert_eq!(only.reserve(897 * MIB), Err(CoverError::TooLarge(896 * MIB)));
}

#[tokio::test(start_paused = true)]
async fn idle_load_disturbs_no_other_load() {
    let lanes = lanes_of(4, 1024 * MIB);
    let first = lanes.admit_idle(MIB);
    assert!(first.is_some());
    let _two = [admit_now(&lanes, MIB).await.unwrap(), admit_now(&lanes, MIB).await.unwrap()];
    assert!(lanes.admit_idle(MIB).is_none(), "a slot stays free");
    drop(first);
    assert!(lanes.admit_idle(2000 * MIB).is_none(), "there is no memory for it");
}

#[tokio::test(start_paused = true)]
async fn small_loads_holding_memory_do_not_starve_the_largest() {
    let lanes = lanes_of(4, 1024 * MIB);
    let mut small = admit_now(&lanes, MIB).await.unwrap();
    let huge = tokio::spawn({
        let lanes = Arc::clone(&lanes);
        async move { lanes.admit(5000 * MIB).await }
    });
    for _ in 0..20 {
        tokio::task::yield_now().await;
        // The next one begins before the previous one ends.
        small = admit_now(&lanes, MIB).await.unwrap();
    }
    assert!(huge.is_finished(), "896 MiB, and one of the 128 that are left to small ones");
    assert_eq!(small.reserve(128 * MIB), Ok(()));
    assert_eq!(small.reserve(129 * MIB), Err(CoverError::Retry));
    drop((small, huge.await.unwrap()));
    let queues = lanes.lock();
    assert_eq!((lanes.budget.used(), queues.small_bytes, queues.running), (0, 0, [0, 0]));
}

/// Sessions that can be evicted, and the number of evictions.
#[derive(Debug)]
struct EvictionCounter {
    held: Mutex<Option<Reservation>>,
    evictions: Mutex<u64>,
}

impl Evict for EvictionCounter {
    fn bytes(&self) -> u64 {
        self.held.lock().as_ref().map_or(0, Reservation::bytes)
    }

    fn evict(&self, _: u64) -> u64 {
        *self.evictions.lock() += 1;
        self.held.lock().take().map_or(0, |held| held.bytes())
    }
}

#[tokio::test(start_paused = true)]
async fn evicts_nothing_for_a_load_that_must_wait_anyway() {
    let budget = MemoryBudget::new(1024 * MIB);
    let cached =
        Arc::new(EvictionCounter { held: Mutex::new(budget.try_reserve(100 * MIB, 0)), evictions: Mutex::new(0) });
    let lanes = Arc::new(Lanes::new(4, budget, Arc::clone(&cached) as _));
    let running = admit_now(&lanes, 700 * MIB).await.unwrap();
    assert!(admit_now(&lanes, 800 * MIB).await.is_none());
    assert_eq!((cached.bytes(), *cached.evictions.lock()), (100 * MIB, 0));
    drop(running);
    assert!(admit_now(&lanes, 896 * MIB).await.is_some());
    assert_eq!((cached.bytes(), *cached.evictions.lock()), (0, 1));
}

/// Even if the load is gone.
#[tokio::test]
async fn computation_counts_until_it_ends() {
    let (permit, budget) = with_budget(64 << 20).await;
    permit.add(1 << 20);
    permit.cover().unwrap();
    let ((begun, begins), (go_on, waits)) = (mpsc::channel(), mpsc::channel::<()>());
    let work = tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            waits.recv().unwrap_err();
        };
        permit.run(work).await
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
    let (permit, budget) = with_budget(64 << 20).await;
    let file = permit.hold(63 << 20);
    let limit = 64 << 20;
    let outgrown = Err((BASE + (63 << 20), CoverError::TooLarge(limit)));
    assert_eq!(permit.cover(), outgrown);
    drop(file);
    assert_eq!(Err(permit.outgrows().await), outgrown);
    assert_eq!((permit.cover(), permit.bytes(), budget.used()), (outgrown, BASE, BASE));
}
