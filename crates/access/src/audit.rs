//! The rule of what is written to the audit log: what was allowed, once in a while; what was denied, each time.

use crate::rate::Rate;
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::Instant;

/// Time in which the same is written once if it was allowed.
const ALLOWED_ONCE_IN: Duration = Duration::from_secs(600);

/// Most things allowed that are remembered.
const MOST: usize = 50_000;

/// Lines about denials: in a second, and at once.
const DENIED: (u32, u32) = (10, 10);

/// Decides what is written to the audit log.
#[derive(Debug)]
pub struct AuditFilter {
    /// By a hash with a random key, which no client can aim at.
    allowed: Mutex<LruCache<u64, Instant>>,
    hash: RandomState,
    denied: Mutex<Rate>,
}

impl Default for AuditFilter {
    fn default() -> Self {
        let allowed = Mutex::new(LruCache::unbounded());
        Self { allowed, hash: RandomState::new(), denied: Mutex::new(Rate::new(DENIED.0, DENIED.1)) }
    }
}

impl AuditFilter {
    /// Returns `true` if it must be written that something was allowed. `what` names the user, the session and the class
    /// of what is read.
    pub fn allowed(&self, what: &[&str]) -> bool {
        let key = self.hash.hash_one(what);
        let now = Instant::now();
        let mut allowed = self.allowed.lock();
        if allowed.get(&key).is_some_and(|written| now.duration_since(*written) < ALLOWED_ONCE_IN) {
            return false;
        }
        allowed.put(key, now);
        if allowed.len() > MOST {
            allowed.pop_lru();
        }
        true
    }

    /// Returns `true` if it must be written that something was denied.
    pub fn denied(&self) -> bool {
        self.denied.lock().take(Instant::now(), Duration::ZERO).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_allowed_is_written_once_in_ten_minutes() {
        let filter = AuditFilter::default();
        assert!(filter.allowed(&["ann", "s1", "log"]));
        assert!(!filter.allowed(&["ann", "s1", "log"]));
        for other in [["bob", "s1", "log"], ["ann", "s2", "log"], ["ann", "s1", "env"], ["anns", "1", "log"]] {
            assert!(filter.allowed(&other));
        }
        tokio::time::advance(ALLOWED_ONCE_IN).await;
        assert!(filter.allowed(&["ann", "s1", "log"]));
    }

    #[tokio::test(start_paused = true)]
    async fn denials_are_written_ten_times_a_second_at_most() {
        let filter = AuditFilter::default();
        assert_eq!((0..100).filter(|_| filter.denied()).count(), 10);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| filter.denied()).count(), 10);
    }
}
