use super::super::memory::MemoryBudget;
use super::*;
use crate::{freshness::Built, load_permit::Lanes};
use ray_history_core::base::name::{ClusterId, SessionName};

fn key(pid: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{pid}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

async fn cached(pid: u32, budget: &Arc<MemoryBudget>) -> Arc<Cached> {
    let other = Arc::new(Cache::new(1, Arc::default()));
    let permit = Arc::new(Lanes::new(1, Arc::clone(budget), other)).admit(1).await;
    let session = Arc::new(OpenSession::empty(key(pid), &permit));
    let built = Built { at: Instant::now(), took: Duration::ZERO, newest_age: None, incomplete: false, failures: 0 };
    Arc::new(Cached::new(session, RefreshSchedule::after(built)))
}

async fn filled(max_sessions: usize, sessions: u32) -> (Cache, Arc<MemoryBudget>) {
    let (cache, budget) = (Cache::new(max_sessions, Arc::default()), MemoryBudget::new(1 << 30));
    for pid in 0..sessions {
        cache.insert(key(pid), cached(pid, &budget).await);
    }
    (cache, budget)
}

#[tokio::test(start_paused = true)]
async fn bounds_count_and_keeps_the_newest() {
    let (cache, _) = filled(3, 20).await;
    assert_eq!(cache.len(), 3);
    assert!(cache.peek(&key(19)).is_some());
    cache.resize(1);
    assert_eq!(cache.len(), 1);
    cache.resize(5);
    assert_eq!(cache.len(), 1, "growing drops nothing");
}

#[tokio::test(start_paused = true)]
async fn used_sessions_stay_longer() {
    let (cache, budget) = filled(4, 4).await;
    for pid in 4..40 {
        assert!(cache.get(&key(0)).is_some(), "evicted before session {pid}");
        cache.insert(key(pid), cached(pid, &budget).await);
    }
}

#[tokio::test(start_paused = true)]
async fn evicts_no_more_than_requested() {
    let (cache, budget) = filled(100, 10).await;
    let one = cache.bytes() / 10;
    assert_eq!(budget.used(), cache.bytes());
    assert_eq!(cache.evict(one + 1), 2 * one);
    assert_eq!((cache.len(), budget.used()), (8, 8 * one));
    assert_eq!(cache.evict(u64::MAX), 8 * one);
    assert_eq!((cache.len(), budget.used(), cache.evict(1)), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn evicted_session_counts_until_last_use_ends() {
    let (cache, budget) = filled(10, 1).await;
    let user = Arc::clone(&cache.get(&key(0)).unwrap().session);
    let held = budget.used();
    assert!(cache.evict(1) > 0 && cache.peek(&key(0)).is_none());
    assert_eq!(budget.used(), held);
    drop(user);
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn unused_sessions_expire() {
    let (cache, _) = filled(10, 3).await;
    tokio::time::advance(Duration::from_secs(50)).await;
    cache.get(&key(1));
    tokio::time::advance(Duration::from_secs(50)).await;
    cache.expire(Duration::from_secs(60));
    assert!(cache.peek(&key(0)).is_none() && cache.peek(&key(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn newer_load_wins_over_a_late_check() {
    let (cache, budget) = filled(10, 1).await;
    let (old, newer, late) = (cache.peek(&key(0)).unwrap(), cached(0, &budget).await, cached(0, &budget).await);
    cache.insert(key(0), Arc::clone(&newer));
    cache.replace(&key(0), &old, late);
    assert!(Arc::ptr_eq(&cache.peek(&key(0)).unwrap(), &newer));
}
