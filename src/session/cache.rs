//! The cache of open sessions, bounded by count and by the memory budget.
//!
//! The policy of `quick_cache` picks the session to evict. Bytes are counted by the `Reservation` of each session, not
//! here, because an evicted session lives on until the last answer from it is sent. This module loads nothing.
//!
//! # Why the bound of `quick_cache` is not used
//!
//! `quick_cache` refuses entries heavier than 97 % of its capacity, and has no bound on the number of entries. So its
//! capacity is set far out of reach, and one entry at a time is evicted by lowering it to just below the current
//! weight.

use super::freshness::Look;
use super::load::OpenSession;
use super::memory::Evict;
use crate::base::name::SessionKey;
use crate::metrics::sessions::{Eviction, Metrics};
use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A capacity that is never reached, yet small enough for the `f64` arithmetic of `quick_cache` not to round.
const NO_BOUND: u64 = 1 << 50;

/// A cached session.
#[derive(Debug)]
pub(super) struct Kept {
    /// The session.
    pub(super) session: Arc<OpenSession>,
    /// When the session is compared with the store again.
    pub(super) look: Mutex<Look>,
    asked: Mutex<Instant>,
}

impl Kept {
    /// Creates an entry that was last used now.
    pub(super) fn new(session: Arc<OpenSession>, look: Look) -> Self {
        Self { session, look: Mutex::new(look), asked: Mutex::new(Instant::now()) }
    }

    fn touch(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle(&self) -> Duration {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The cache of open sessions.
#[derive(Debug)]
pub(super) struct Cache {
    kept: QuickCache<SessionKey, Arc<Kept>, ByBytes, DefaultHashBuilder, DefaultLifecycle<SessionKey, Arc<Kept>>>,
    max_sessions: AtomicUsize,
    /// Held while evicting, which lowers the capacity for a moment.
    evicting: Mutex<()>,
    metrics: Arc<Metrics>,
}

impl Evict for Cache {
    fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    fn evict(&self, bytes: u64) -> u64 {
        let mut gone = 0;
        while gone < bytes {
            match self.evict_one(Eviction::Memory) {
                Some(weight) => gone += weight,
                None => break,
            }
        }
        gone
    }
}

impl Cache {
    /// Creates an empty cache.
    pub(super) fn new(max_sessions: usize, metrics: Arc<Metrics>) -> Self {
        // One shard: few and heavy entries would not spread evenly over several.
        let options = OptionsBuilder::new().shards(1).estimated_items_capacity(1024).weight_capacity(NO_BOUND).build();
        let options = options.unwrap_or_else(|_| unreachable!("all three options are given"));
        let kept =
            QuickCache::with_options(options, ByBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { kept, max_sessions: AtomicUsize::new(max_sessions), evicting: Mutex::new(()), metrics }
    }

    /// Returns a cached session and marks it as used.
    pub(super) fn get(&self, key: &SessionKey) -> Option<Arc<Kept>> {
        let kept = self.kept.get(key)?;
        kept.touch();
        Some(kept)
    }

    /// Returns a cached session without marking it as used.
    pub(super) fn peek(&self, key: &SessionKey) -> Option<Arc<Kept>> {
        self.kept.peek(key)
    }

    /// Returns all cached sessions, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Kept>> {
        self.kept.iter().map(|(_, kept)| kept).collect()
    }

    /// Inserts a session, replacing the one under the same key.
    pub(super) fn keep(&self, key: SessionKey, kept: Arc<Kept>) {
        self.kept.remove(&key);
        while self.kept.len() >= self.max_sessions.load(Ordering::Relaxed).max(1) {
            if self.evict_one(Eviction::Count).is_none() {
                break;
            }
        }
        self.kept.insert(key, kept);
        self.measure();
    }

    /// Replaces a session only while it is still `old`, so that a newer load wins.
    pub(super) fn replace(&self, key: &SessionKey, old: &Arc<Kept>, new: Arc<Kept>) {
        if self.kept.peek(key).is_some_and(|now| Arc::ptr_eq(&now, old)) {
            self.kept.insert(key.clone(), new);
            self.measure();
        }
    }

    /// Removes this session if it is still cached.
    pub(super) fn forget(&self, key: &SessionKey, kept: &Arc<Kept>) {
        self.kept.remove_if(key, |now| Arc::ptr_eq(now, kept));
        self.measure();
    }

    /// Removes all sessions that must no longer be shown.
    pub(super) fn retain(&self, may_be_shown: impl Fn(&SessionKey) -> bool) {
        self.kept.retain(|key, _| may_be_shown(key));
        self.measure();
    }

    /// Changes the bound on the number of sessions.
    pub(super) fn resize(&self, max_sessions: usize) {
        self.max_sessions.store(max_sessions, Ordering::Relaxed);
        while self.kept.len() > max_sessions.max(1) {
            if self.evict_one(Eviction::Count).is_none() {
                break;
            }
        }
    }

    /// Removes sessions that were not used for `ttl`.
    pub(super) fn expire(&self, ttl: Duration) {
        let before = self.kept.len();
        self.kept.retain(|_, kept| kept.idle() < ttl);
        self.metrics.evicted(Eviction::Expired, before.saturating_sub(self.kept.len()) as u64);
        self.measure();
    }

    /// Removes all sessions, because the store was replaced.
    pub(super) fn clear(&self) {
        self.kept.clear();
        self.measure();
    }

    /// Returns the number of cached sessions.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    fn evict_one(&self, why: Eviction) -> Option<u64> {
        let _turn = self.evicting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.kept.weight();
        if before == 0 {
            return None;
        }
        self.kept.set_capacity(before - 1);
        self.kept.set_capacity(NO_BOUND);
        let gone = before.saturating_sub(self.kept.weight());
        if gone == 0 {
            return None;
        }
        self.metrics.evicted(why, 1);
        self.measure();
        Some(gone)
    }

    fn measure(&self) {
        self.metrics.kept(self.kept.len(), self.kept.weight());
    }
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<SessionKey, Arc<Kept>> for ByBytes {
    fn weight(&self, _: &SessionKey, kept: &Arc<Kept>) -> u64 {
        // At least two: `quick_cache` keeps entries of weight zero for ever, and evicting one of weight one would set
        // the capacity to zero.
        kept.session.bytes().max(2)
    }
}

#[cfg(test)]
mod tests;
