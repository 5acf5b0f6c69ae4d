use super::super::memory::Ledger;
use super::*;
use crate::session::{admission::Admission, freshness::Built};
use ray_history_core::base::name::{ClusterId, SessionName};

fn key(pid: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{pid}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

async fn kept(pid: u32, ledger: &Arc<Ledger>) -> Arc<Kept> {
    let nobody = Arc::new(Cache::new(1, Arc::default()));
    let permit = Arc::new(Admission::new(1, Arc::clone(ledger), nobody)).admit(1).await;
    let session = Arc::new(OpenSession::empty(key(pid), permit));
    let built = Built { at: Instant::now(), took: Duration::ZERO, newest_age: None, incomplete: false, failures: 0 };
    Arc::new(Kept::new(session, Look::after(built)))
}

async fn filled(max_sessions: usize, sessions: u32) -> (Cache, Arc<Ledger>) {
    let (cache, ledger) = (Cache::new(max_sessions, Arc::default()), Ledger::new(1 << 30));
    for pid in 0..sessions {
        cache.keep(key(pid), kept(pid, &ledger).await);
    }
    (cache, ledger)
}

#[tokio::test(start_paused = true)]
async fn never_more_sessions_than_asked_for_and_the_newest_stays() {
    let (cache, _) = filled(3, 20).await;
    assert_eq!(cache.len(), 3);
    assert!(cache.peek(&key(19)).is_some());
    cache.resize(1);
    assert_eq!(cache.len(), 1);
    cache.resize(5);
    assert_eq!(cache.len(), 1, "growing drops nothing");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_stays_longer() {
    let (cache, ledger) = filled(4, 4).await;
    for pid in 4..40 {
        assert!(cache.get(&key(0)).is_some(), "evicted before session {pid}");
        cache.keep(key(pid), kept(pid, &ledger).await);
    }
}

#[tokio::test(start_paused = true)]
async fn evicting_frees_what_was_asked_for_and_not_more() {
    let (cache, ledger) = filled(100, 10).await;
    let one = cache.bytes() / 10;
    assert_eq!(ledger.used(), cache.bytes());
    assert_eq!(cache.evict(one + 1), 2 * one);
    assert_eq!((cache.len(), ledger.used()), (8, 8 * one));
    assert_eq!(cache.evict(u64::MAX), 8 * one);
    assert_eq!((cache.len(), ledger.used(), cache.evict(1)), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_evicted_session_counts_until_its_last_user_is_gone() {
    let (cache, ledger) = filled(10, 1).await;
    let user = Arc::clone(&cache.get(&key(0)).unwrap().session);
    let held = ledger.used();
    assert!(cache.evict(1) > 0 && cache.peek(&key(0)).is_none());
    assert_eq!(ledger.used(), held);
    drop(user);
    assert_eq!(ledger.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_asked_for_it_in_time_so_it_goes() {
    let (cache, _) = filled(10, 3).await;
    tokio::time::advance(Duration::from_secs(50)).await;
    cache.get(&key(1));
    tokio::time::advance(Duration::from_secs(50)).await;
    cache.expire(Duration::from_secs(60));
    assert!(cache.peek(&key(0)).is_none() && cache.peek(&key(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_newer_load_wins_over_a_late_look() {
    let (cache, ledger) = filled(10, 1).await;
    let (old, newer, late) = (cache.peek(&key(0)).unwrap(), kept(0, &ledger).await, kept(0, &ledger).await);
    cache.keep(key(0), Arc::clone(&newer));
    cache.replace(&key(0), &old, late);
    assert!(Arc::ptr_eq(&cache.peek(&key(0)).unwrap(), &newer));
}
