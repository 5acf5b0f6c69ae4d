//! The memory budget: one part for sessions that are open or being built, and one for long answers.
//!
//! A `Reservation` returns its bytes on drop, so an evicted session still counts until the last answer from it is sent.
//! Eviction is decided by `admission`, not here. Sizes come from `Snapshot::weight` and `Builder::weight`: they are
//! measured, not guessed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Upper bound of the part for long answers, in bytes.
const MAX_ANSWERS: u64 = 64 << 20;

/// Splits a budget: returns the part for sessions and the part for answers.
pub(super) fn split(budget: u64) -> (u64, u64) {
    let answers = (budget / 8).min(MAX_ANSWERS);
    (budget - answers, answers)
}

/// A number of bytes that can be reserved.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    sums: Mutex<Sums>,
    /// Notified when bytes are released or the budget changes.
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Sums {
    total: u64,
    used: u64,
}

impl MemoryBudget {
    /// Creates a budget of `total` bytes.
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { sums: Mutex::new(Sums { total, used: 0 }), changed: Notify::new() })
    }

    /// Returns the whole budget in bytes.
    pub(super) fn total(&self) -> u64 {
        self.sums().total
    }

    /// Returns the reserved bytes. They may exceed the budget for a while after it was lowered.
    pub(super) fn used(&self) -> u64 {
        self.sums().used
    }

    /// Changes the budget.
    pub(super) fn resize(&self, total: u64) {
        self.sums().total = total;
        self.wake_waiters();
    }

    /// Returns how many bytes have to be released before `bytes` fit and `headroom` bytes stay free.
    pub(super) fn shortfall(&self, bytes: u64, headroom: u64) -> u64 {
        let sums = self.sums();
        (sums.used + bytes + headroom).saturating_sub(sums.total)
    }

    /// Reserves bytes if they fit and `headroom` bytes stay free.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64, headroom: u64) -> Option<Reservation> {
        let mut sums = self.sums();
        if sums.used + bytes + headroom > sums.total {
            return None;
        }
        sums.used += bytes;
        Some(Reservation { budget: Arc::clone(self), bytes })
    }

    /// Waits until `bytes` are free and reserves them. More than the whole budget is reduced to it.
    pub(super) async fn reserve(self: &Arc<Self>, bytes: u64) -> Memory {
        loop {
            let changed = self.changed();
            if let Some(reservation) = self.try_reserve(bytes.min(self.total()), 0) {
                return Memory(reservation);
            }
            changed.await;
        }
    }

    /// Completes when bytes were released after this call, even if it is awaited later.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Wakes all waiters to try again.
    pub(super) fn wake_waiters(&self) {
        self.changed.notify_waiters();
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A holder of bytes that can be evicted.
pub(super) trait Evict: std::fmt::Debug + Send + Sync {
    /// Returns the number of bytes.
    fn bytes(&self) -> u64;

    /// Evicts the least used entries until at least `bytes` were evicted, and returns how many were. Bytes that
    /// requests still use are released when those end.
    fn evict(&self, bytes: u64) -> u64;
}

/// Holds nothing.
#[cfg(test)]
impl Evict for () {
    fn bytes(&self) -> u64 {
        0
    }

    fn evict(&self, _: u64) -> u64 {
        0
    }
}

/// Bytes reserved for an answer, released on drop.
#[derive(Debug)]
pub struct Memory(#[expect(dead_code, reason = "held, never read")] Reservation);

/// Reserved bytes, released on drop.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl Reservation {
    /// Returns the number of bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Grows to `bytes` if `headroom` bytes stay free. Returns `true` on success.
    pub(super) fn try_grow(&mut self, bytes: u64, headroom: u64) -> bool {
        let mut sums = self.budget.sums();
        let more = bytes.saturating_sub(self.bytes);
        if sums.used + more + headroom > sums.total {
            return false;
        }
        sums.used += more;
        self.bytes += more;
        true
    }

    /// Changes the size even if it exceeds the budget, for bytes that are already in use.
    pub(super) fn settle(&mut self, bytes: u64) {
        let mut sums = self.budget.sums();
        sums.used = (sums.used + bytes).saturating_sub(self.bytes);
        self.bytes = bytes;
        drop(sums);
        self.budget.wake_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.settle(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_releases_bytes() {
        let budget = MemoryBudget::new(100);
        let first = budget.try_reserve(60, 0).unwrap();
        assert!(budget.try_reserve(41, 0).is_none());
        assert!(budget.try_reserve(30, 11).is_none(), "11 bytes must stay free");
        assert_eq!(budget.shortfall(41, 0), 1);
        let mut second = budget.try_reserve(40, 0).unwrap();
        assert!(!second.try_grow(41, 0));
        drop(first);
        assert!(second.try_grow(100, 0));
        second.settle(7);
        assert_eq!((budget.used(), second.bytes()), (7, 7));
    }

    #[test]
    fn budget_can_shrink_below_use() {
        let budget = MemoryBudget::new(100);
        let held = budget.try_reserve(80, 0).unwrap();
        budget.resize(50);
        assert!(budget.try_reserve(0, 0).is_none());
        assert_eq!(budget.shortfall(10, 0), 40);
        drop(held);
        assert!(budget.try_reserve(50, 0).is_some());
    }
}
