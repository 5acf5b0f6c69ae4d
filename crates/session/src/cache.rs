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

use super::freshness::RefreshSchedule;
use super::load::OpenSession;
use super::memory::Evict;
use parking_lot::Mutex;
use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use ray_history_core::base::name::SessionKey;
use ray_history_metrics::sessions::{Eviction, Metrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A capacity that is never reached, yet small enough for the `f64` arithmetic of `quick_cache` not to round.
const UNBOUNDED: u64 = 1 << 50;

/// A cached session.
#[derive(Debug)]
pub(super) struct Cached {
    /// The session.
    pub(super) session: Arc<OpenSession>,
    /// When the session is compared with the store again.
    pub(super) schedule: Mutex<RefreshSchedule>,
    last_used: Mutex<Instant>,
}

impl Cached {
    /// Creates an entry that was last used now.
    pub(super) fn new(session: Arc<OpenSession>, schedule: RefreshSchedule) -> Self {
        Self { session, schedule: Mutex::new(schedule), last_used: Mutex::new(Instant::now()) }
    }

    fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }

    /// Returns the time since it was used last.
    pub(super) fn idle_time(&self) -> Duration {
        self.last_used.lock().elapsed()
    }
}

/// The cache of open sessions.
#[derive(Debug)]
pub(super) struct Cache {
    entries: QuickCache<
        SessionKey,
        Arc<Cached>,
        WeightInBytes,
        DefaultHashBuilder,
        DefaultLifecycle<SessionKey, Arc<Cached>>,
    >,
    max_sessions: AtomicUsize,
    /// Held while evicting, which lowers the capacity for a moment.
    evicting: Mutex<()>,
    metrics: Arc<Metrics>,
}

impl Evict for Cache {
    fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    fn evict(&self, bytes: u64) -> u64 {
        let mut freed = 0;
        while freed < bytes {
            match self.evict_one(Eviction::Memory) {
                Some(weight) => freed += weight,
                None => break,
            }
        }
        freed
    }
}

impl Cache {
    /// Creates an empty cache.
    pub(super) fn new(max_sessions: usize, metrics: Arc<Metrics>) -> Self {
        // One shard: few and heavy entries would not spread evenly over several.
        let options = OptionsBuilder::new().shards(1).estimated_items_capacity(1024).weight_capacity(UNBOUNDED).build();
        let options = options.unwrap_or_else(|_| unreachable!("all three options are given"));
        let entries = QuickCache::with_options(
            options,
            WeightInBytes,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Self { entries, max_sessions: AtomicUsize::new(max_sessions), evicting: Mutex::new(()), metrics }
    }

    /// Returns a cached session and marks it as used.
    pub(super) fn get(&self, key: &SessionKey) -> Option<Arc<Cached>> {
        let cached = self.entries.get(key)?;
        cached.touch();
        Some(cached)
    }

    /// Returns a cached session without marking it as used.
    pub(super) fn peek(&self, key: &SessionKey) -> Option<Arc<Cached>> {
        self.entries.peek(key)
    }

    /// Returns all cached sessions, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Cached>> {
        self.entries.iter().map(|(_, cached)| cached).collect()
    }

    /// Inserts a session, replacing the one under the same key.
    pub(super) fn insert(&self, key: SessionKey, cached: Arc<Cached>) {
        self.entries.remove(&key);
        while self.entries.len() >= self.max_sessions.load(Ordering::Relaxed).max(1) {
            if self.evict_one(Eviction::Count).is_none() {
                break;
            }
        }
        self.entries.insert(key, cached);
        self.update_metrics();
    }

    /// Replaces a session only while it is still `old`, so that a newer load wins.
    pub(super) fn replace(&self, key: &SessionKey, old: &Arc<Cached>, new: Arc<Cached>) {
        if self.entries.peek(key).is_some_and(|now| Arc::ptr_eq(&now, old)) {
            self.entries.insert(key.clone(), new);
            self.update_metrics();
        }
    }

    /// Removes this session if it is still cached.
    pub(super) fn remove(&self, key: &SessionKey, cached: &Arc<Cached>) {
        self.entries.remove_if(key, |now| Arc::ptr_eq(now, cached));
        self.update_metrics();
    }

    /// Removes all sessions that must no longer be shown.
    pub(super) fn retain(&self, may_be_shown: impl Fn(&SessionKey) -> bool) {
        self.entries.retain(|key, _| may_be_shown(key));
        self.update_metrics();
    }

    /// Changes the bound on the number of sessions.
    pub(super) fn resize(&self, max_sessions: usize) {
        self.max_sessions.store(max_sessions, Ordering::Relaxed);
        while self.entries.len() > max_sessions.max(1) {
            if self.evict_one(Eviction::Count).is_none() {
                break;
            }
        }
    }

    /// Removes sessions that were not used for `ttl`.
    pub(super) fn expire(&self, ttl: Duration) {
        let before = self.entries.len();
        self.entries.retain(|_, cached| cached.idle_time() < ttl);
        self.metrics.evicted(Eviction::Expired, before.saturating_sub(self.entries.len()) as u64);
        self.update_metrics();
    }

    /// Removes all sessions, because the store was replaced.
    pub(super) fn clear(&self) {
        self.entries.clear();
        self.update_metrics();
    }

    /// Returns the number of cached sessions.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn evict_one(&self, why: Eviction) -> Option<u64> {
        let _guard = self.evicting.lock();
        let before = self.entries.weight();
        if before == 0 {
            return None;
        }
        self.entries.set_capacity(before - 1);
        self.entries.set_capacity(UNBOUNDED);
        let freed = before.saturating_sub(self.entries.weight());
        if freed == 0 {
            return None;
        }
        self.metrics.evicted(why, 1);
        self.update_metrics();
        Some(freed)
    }

    fn update_metrics(&self) {
        self.metrics.cached(self.entries.len(), self.entries.weight());
    }
}

#[derive(Clone, Debug)]
struct WeightInBytes;

impl Weighter<SessionKey, Arc<Cached>> for WeightInBytes {
    fn weight(&self, _: &SessionKey, cached: &Arc<Cached>) -> u64 {
        // At least two: `quick_cache` keeps entries of weight zero for ever, and evicting one of weight one would set
        // the capacity to zero.
        cached.session.bytes().max(2)
    }
}

#[cfg(test)]
mod tests;
