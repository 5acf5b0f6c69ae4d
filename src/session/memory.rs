//! The memory budget, in two parts: one account for sessions that are open or being built, and one for long answers.
//!
//! Owns the sum and who holds how much of it; a `Charge` gives its bytes back when it is dropped, so a session that was
//! evicted still counts until the last answer from it is sent. Must never decide who has to give way: that is
//! `admission`'s. Bytes are those of `Snapshot::weight` and `Builder::weight`, measured, not guessed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The most that long answers may hold together.
const MAX_ANSWERS: u64 = 64 << 20;

/// Divides a budget: returns the part of sessions and the part of answers.
pub(super) fn parts(budget: u64) -> (u64, u64) {
    let answers = (budget / 8).min(MAX_ANSWERS);
    (budget - answers, answers)
}

/// An account.
#[derive(Debug)]
pub(super) struct Ledger {
    sums: Mutex<Sums>,
    /// Told whenever something became free, or the budget changed.
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Sums {
    total: u64,
    used: u64,
}

impl Ledger {
    /// An account of so many bytes.
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { sums: Mutex::new(Sums { total, used: 0 }), changed: Notify::new() })
    }

    /// The whole budget.
    pub(super) fn total(&self) -> u64 {
        self.sums().total
    }

    /// What is held of it. May be more than the budget for a moment after that was lowered.
    pub(super) fn used(&self) -> u64 {
        self.sums().used
    }

    /// Another budget from now on.
    pub(super) fn resize(&self, total: u64) {
        self.sums().total = total;
        self.wake();
    }

    /// Bytes that would have to become free before `bytes` fit and `spare` bytes stay free.
    pub(super) fn missing(&self, bytes: u64, spare: u64) -> u64 {
        let sums = self.sums();
        (sums.used + bytes + spare).saturating_sub(sums.total)
    }

    /// Takes bytes, if they fit and `spare` bytes stay free.
    pub(super) fn take(self: &Arc<Self>, bytes: u64, spare: u64) -> Option<Charge> {
        let mut sums = self.sums();
        if sums.used + bytes + spare > sums.total {
            return None;
        }
        sums.used += bytes;
        Some(Charge { ledger: Arc::clone(self), bytes })
    }

    /// Waits for bytes; more than there are at all are cut to that.
    pub(super) async fn wait(self: &Arc<Self>, bytes: u64) -> Memory {
        loop {
            let changed = self.changed();
            if let Some(charge) = self.take(bytes.min(self.total()), 0) {
                return Memory(charge);
            }
            changed.await;
        }
    }

    /// Completes when something became free after this was called, even if it is awaited later.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Lets everybody who waits look again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who holds bytes that nobody needs to hold.
pub(super) trait Evict: std::fmt::Debug + Send + Sync {
    /// How many.
    fn bytes(&self) -> u64;

    /// Lets go of the least wanted until it weighs `bytes` together; tells how much went. What requests still use of it
    /// becomes free when they end.
    fn evict(&self, bytes: u64) -> u64;
}

/// Nobody.
#[cfg(test)]
impl Evict for () {
    fn bytes(&self) -> u64 {
        0
    }

    fn evict(&self, _: u64) -> u64 {
        0
    }
}

/// Bytes that an answer holds; given back on drop.
#[derive(Debug)]
pub struct Memory(#[expect(dead_code, reason = "held, never read")] Charge);

/// Bytes held; given back on drop.
#[derive(Debug)]
pub(super) struct Charge {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Charge {
    /// How many.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds so many instead, if `spare` bytes stay free.
    pub(super) fn grow(&mut self, bytes: u64, spare: u64) -> bool {
        let mut sums = self.ledger.sums();
        let more = bytes.saturating_sub(self.bytes);
        if sums.used + more + spare > sums.total {
            return false;
        }
        sums.used += more;
        self.bytes += more;
        true
    }

    /// Holds so many instead, whatever the budget says: the bytes are there already.
    pub(super) fn settle(&mut self, bytes: u64) {
        let mut sums = self.ledger.sums();
        sums.used = (sums.used + bytes).saturating_sub(self.bytes);
        self.bytes = bytes;
        drop(sums);
        self.ledger.wake();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.settle(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let ledger = Ledger::new(100);
        let first = ledger.take(60, 0).unwrap();
        assert!(ledger.take(41, 0).is_none());
        assert!(ledger.take(30, 11).is_none(), "11 bytes must stay free");
        assert_eq!(ledger.missing(41, 0), 1);
        let mut second = ledger.take(40, 0).unwrap();
        assert!(!second.grow(41, 0));
        drop(first);
        assert!(second.grow(100, 0));
        second.settle(7);
        assert_eq!((ledger.used(), second.bytes()), (7, 7));
    }

    #[test]
    fn a_budget_may_shrink_below_what_is_held() {
        let ledger = Ledger::new(100);
        let held = ledger.take(80, 0).unwrap();
        ledger.resize(50);
        assert!(ledger.take(0, 0).is_none());
        assert_eq!(ledger.missing(10, 0), 40);
        drop(held);
        assert!(ledger.take(50, 0).is_some());
    }
}
