//! Small reads of sessions that are not open, made in the background: each session once at a time, few concurrently, the
//! results kept in a bounded cache by the session's key, or what stands for it.
//!
//! It knows neither what is read nor how long a result is good for.

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{UnitWeighter, Weighter};
use std::collections::HashSet;
use std::hash::Hash;
use tokio::sync::Semaphore;

/// Sessions that wait to be read. Further ones are read when they are asked for again.
const MAX_WAITING: usize = 1_000;

/// Results of reads, by session.
#[derive(Debug)]
pub(super) struct BackgroundReads<K, T, W = UnitWeighter> {
    kept: Cache<K, T, W>,
    waiting: Mutex<HashSet<K>>,
    slots: Semaphore,
}

impl<K: Clone + Eq + Hash, T: Clone, W: Weighter<K, T> + Clone> BackgroundReads<K, T, W> {
    /// Creates an instance that keeps results in a cache, and makes `at_once` reads concurrently.
    pub(super) fn new(kept: Cache<K, T, W>, at_once: usize) -> Self {
        Self { kept, waiting: Mutex::default(), slots: Semaphore::new(at_once) }
    }

    /// Returns the cache of results.
    pub(super) fn kept(&self) -> &Cache<K, T, W> {
        &self.kept
    }

    /// Returns the last result of a session.
    pub(super) fn peek(&self, key: &K) -> Option<T> {
        self.kept.peek(key)
    }

    /// Returns the last result of a session, and marks it as used.
    pub(super) fn get(&self, key: &K) -> Option<T> {
        self.kept.get(key)
    }

    /// Returns `true` if the caller is to read a session now: nobody else does, and not too many wait.
    pub(super) fn claim(&self, key: &K) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.len() < MAX_WAITING && waiting.insert(key.clone())
    }

    /// Makes the read of a session that the caller has claimed, and keeps its result.
    pub(super) async fn run(&self, key: &K, read: impl Future<Output = T>) {
        let _claimed = Claimed { waiting: &self.waiting, key };
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let result = read.await;
        self.kept.insert(key.clone(), result);
    }
}

/// The right to read a session, given back on drop: a read may be cancelled.
struct Claimed<'a, K: Eq + Hash> {
    waiting: &'a Mutex<HashSet<K>>,
    key: &'a K,
}

impl<K: Eq + Hash> Drop for Claimed<'_, K> {
    fn drop(&mut self) {
        self.waiting.lock().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::Instant;

    fn key(pid: usize) -> SessionKey {
        let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{pid}")).unwrap();
        SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_read_once_at_a_time_and_few_at_once() {
        let reads = Arc::new(BackgroundReads::<SessionKey, usize>::new(Cache::new(10), 2));
        let started = Instant::now();
        let running: Vec<_> = (0..5).filter(|pid| reads.claim(&key(*pid))).collect();
        assert_eq!((running.len(), reads.claim(&key(0))), (5, false));
        let all = running.into_iter().map(|pid| {
            let reads = Arc::clone(&reads);
            tokio::spawn(async move {
                let second = async {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    pid
                };
                reads.run(&key(pid), second).await;
            })
        });
        for read in all.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        assert_eq!(started.elapsed().as_secs(), 3, "five of a second each, two at once");
        assert_eq!((reads.peek(&key(4)), reads.get(&key(5))), (Some(4), None));
        assert!(reads.claim(&key(0)), "it may be read again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_read_may_be_made_again() {
        let reads = BackgroundReads::<SessionKey, usize>::new(Cache::new(10), 1);
        let key = key(0);
        assert!(reads.claim(&key));
        let never = reads.run(&key, std::future::pending());
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert!(reads.claim(&key));
    }

    #[test]
    fn not_too_many_wait() {
        let reads = BackgroundReads::<SessionKey, usize>::new(Cache::new(10), 1);
        assert_eq!((0..2 * MAX_WAITING).filter(|pid| reads.claim(&key(*pid))).count(), MAX_WAITING);
    }
}
