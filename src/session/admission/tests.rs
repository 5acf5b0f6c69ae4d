use super::*;
use std::time::Duration;
use tokio::time::timeout;

const MIB: u64 = 1 << 20;

fn door(max_concurrent: usize, total: u64) -> Arc<Admission> {
    Arc::new(Admission::new(max_concurrent, Ledger::new(total), Arc::new(())))
}

/// The permit, if nothing has to end first.
async fn now(door: &Arc<Admission>, bytes: u64) -> Option<Permit> {
    timeout(Duration::from_secs(1), door.admit(bytes)).await.ok()
}

#[tokio::test(start_paused = true)]
async fn no_more_load_at_once_than_asked_for() {
    let door = door(4, 1024 * MIB);
    let large: Vec<_> =
        [now(&door, 200 * MIB).await, now(&door, 200 * MIB).await, now(&door, 200 * MIB).await].into_iter().collect();
    assert_eq!(large.iter().flatten().count(), 3);
    assert!(now(&door, 100 * MIB).await.is_none(), "the last slot is for small ones");
    let small = now(&door, MIB).await;
    assert!(small.is_some());
    assert!(now(&door, MIB).await.is_none(), "four run");
    drop(small);
    assert!(now(&door, MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_small_one_never_waits_for_a_huge_one_to_end() {
    for max_concurrent in [1, 2, 4] {
        let door = door(max_concurrent, 1024 * MIB);
        // Larger than the budget: cut to what one load may hold.
        let huge = now(&door, 5000 * MIB).await.unwrap();
        let waiting = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.admit(5000 * MIB).await }
        });
        tokio::task::yield_now().await;
        assert!(now(&door, 32 * MIB).await.is_some(), "{max_concurrent} at once");
        drop(huge);
        waiting.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_huge_one_is_not_kept_out_by_small_ones_that_keep_coming() {
    let door = door(2, 1024 * MIB);
    let mut small = vec![now(&door, MIB).await.unwrap(), now(&door, MIB).await.unwrap()];
    let huge = tokio::spawn({
        let door = Arc::clone(&door);
        async move { door.admit(500 * MIB).await }
    });
    tokio::task::yield_now().await;
    for _ in 0..10 {
        small.remove(0);
        small.extend(now(&door, MIB).await);
        if small.is_empty() || huge.is_finished() {
            break;
        }
    }
    assert!(huge.is_finished());
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_within_a_lane() {
    let door = door(2, 1024 * MIB);
    let running = now(&door, 500 * MIB).await.unwrap();
    let (order, mut tasks) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for n in 0..3 {
        let (door, order) = (Arc::clone(&door), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            // The second one would fit at once: it must not overtake.
            let permit = door.admit(if n == 1 { 100 * MIB } else { 800 * MIB }).await;
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
async fn who_gives_up_waiting_holds_nobody_up() {
    let door = door(2, 1024 * MIB);
    let running = now(&door, 800 * MIB).await.unwrap();
    assert!(now(&door, 800 * MIB).await.is_none());
    drop(running);
    assert!(now(&door, 800 * MIB).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn two_that_race_for_the_last_memory_both_end() {
    let door = door(8, 1024 * MIB);
    let (mut first, mut second) = (now(&door, 300 * MIB).await.unwrap(), now(&door, 300 * MIB).await.unwrap());
    assert_eq!(first.cover(500 * MIB), Ok(()));
    assert_eq!(second.cover(500 * MIB), Err(Short::Again), "it may come back with a larger estimate");
    drop(second);
    assert_eq!(first.cover(800 * MIB), Ok(()));
    let again = tokio::spawn({
        let door = Arc::clone(&door);
        async move { door.admit(1000 * MIB).await }
    });
    tokio::task::yield_now().await;
    assert!(!again.is_finished());
    drop(first.settle(10 * MIB));
    again.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_whole_budget_cannot_hold_is_too_large() {
    let door = door(2, 1024 * MIB);
    let mut only = now(&door, 800 * MIB).await.unwrap();
    assert_eq!(only.cover(896 * MIB), Ok(()));
    assert_eq!(only.cover(897 * MIB), Err(Short::TooLarge(896 * MIB)));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_disturbed_by_what_nobody_waits_for() {
    let door = door(4, 1024 * MIB);
    let first = door.admit_idle(MIB);
    assert!(first.is_some());
    let _two = [now(&door, MIB).await.unwrap(), now(&door, MIB).await.unwrap()];
    assert!(door.admit_idle(MIB).is_none(), "a slot stays free");
    drop(first);
    assert!(door.admit_idle(2000 * MIB).is_none(), "there is no memory for it");
}

#[tokio::test(start_paused = true)]
async fn the_largest_is_not_kept_out_by_small_ones_that_hold_memory() {
    let door = door(4, 1024 * MIB);
    let mut small = now(&door, MIB).await.unwrap();
    let huge = tokio::spawn({
        let door = Arc::clone(&door);
        async move { door.admit(5000 * MIB).await }
    });
    for _ in 0..20 {
        tokio::task::yield_now().await;
        // The next one begins before the last one ends.
        small = now(&door, MIB).await.unwrap();
    }
    assert!(huge.is_finished(), "896 MiB, and one of the 128 that are left to small ones");
    assert_eq!(small.cover(128 * MIB), Ok(()));
    assert_eq!(small.cover(129 * MIB), Err(Short::Again));
    drop((small, huge.await.unwrap()));
    let lanes = door.lock();
    assert_eq!((door.ledger.used(), lanes.small_held, lanes.running), (0, 0, [0, 0]));
}

/// Sessions that can be let go, and how often that was asked for.
#[derive(Debug)]
struct Some100 {
    held: Mutex<Option<Charge>>,
    asked: Mutex<u64>,
}

impl Evict for Some100 {
    fn bytes(&self) -> u64 {
        self.held.lock().unwrap().as_ref().map_or(0, Charge::bytes)
    }

    fn evict(&self, _: u64) -> u64 {
        *self.asked.lock().unwrap() += 1;
        self.held.lock().unwrap().take().map_or(0, |held| held.bytes())
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_cached_goes_for_a_load_that_has_to_wait_all_the_same() {
    let ledger = Ledger::new(1024 * MIB);
    let cached = Arc::new(Some100 { held: Mutex::new(ledger.take(100 * MIB, 0)), asked: Mutex::new(0) });
    let door = Arc::new(Admission::new(4, ledger, Arc::clone(&cached) as _));
    let running = now(&door, 700 * MIB).await.unwrap();
    assert!(now(&door, 800 * MIB).await.is_none());
    assert_eq!((cached.bytes(), *cached.asked.lock().unwrap()), (100 * MIB, 0));
    drop(running);
    assert!(now(&door, 896 * MIB).await.is_some());
    assert_eq!((cached.bytes(), *cached.asked.lock().unwrap()), (0, 1));
}
