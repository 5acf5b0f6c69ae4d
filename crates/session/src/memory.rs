//! The memory that open sessions, loads and long answers share, and the nouns for it.
//!
//! ```text
//! cache.maxMemory ─┬─► MemoryBudget of sessions ──► Reservation of each open session, cached or still in use
//!                  │                            └─► Reservation in each LoadPermit ◄── Lanes: small, large
//!                  │                                              └─► FetchSlots: event files on their way
//!                  ├─► MemoryBudget of answers ───► Reservation of each long answer
//!                  ├─► bound of the facts of jobs (`run_facts`), which weighs them itself
//!                  ├─► bound of what manifests say of sessions that are not open (`glances`), by their number
//!                  ├─► bound of rows and documents of why runs ended (`obituaries`), which weighs them itself
//!                  └─► bound of the facts of watched objects, which the controller weighs, if it keeps why runs ended
//! ```
//!
//! Beside it are the list of sessions, and marks and plan of retention: they grow with the number of sessions, and without
//! them nothing could be listed or planned.
//!
//! A [`MemoryBudget`] is a number of bytes, and a [`Reservation`] a part of it that is given back on drop, so an evicted
//! session still counts until the last answer from it is sent.
//! A load waits in its `Lane` for a `LoadPermit` (`load_permit`): a slot, and a reservation by the stored size. While it
//! reads, the permit compares what the load holds with the reservation, and grows it or ends the load. Each event file
//! takes a part of the permit's [`FetchSlots`] until it is parsed, which bounds what a fast store can send ahead.
//! At the end the reservation gets the size of the tables and goes over to the open session.
//!
//! Sizes come from `Snapshot::weight` and `Builder::weight`: they are measured, not guessed. Eviction is decided by
//! `load_permit`, not here.

use parking_lot::{Mutex, MutexGuard};
use ray_history_settings::{ObituariesMode, Settings};
use std::sync::Arc;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Upper bound of the part for long answers, in bytes.
const MAX_ANSWERS: u64 = 64 << 20;
/// Upper bound of the part for facts of jobs, in bytes: those of some 60,000 sessions.
const MAX_FACTS: u64 = 64 << 20;
/// Upper bound of the part for what manifests say, in bytes: that of some 300,000 sessions.
const MAX_GLANCES: u64 = 64 << 20;
/// Upper bound of the part for rows and documents of why runs ended, in bytes: rows of some 150,000 runs.
const MAX_OBITUARIES: u64 = 64 << 20;
/// Upper bound of the part for facts of watched objects, in bytes: those of some 10,000 clusters.
const MAX_WATCHED: u64 = 256 << 20;
/// Size of all files together that one load fetches, in KiB. Fewer big files than small ones are fetched concurrently.
const FETCHED_KIB: usize = 32 << 10;
/// Maximum bytes that one fetched file holds: pieces of the largest size that any store returns.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// Approximate cost of a waiting fetched file in addition to its bytes, in KiB.
const OVERHEAD_KIB: u64 = 2;

/// The parts of `cache.maxMemory`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// For open sessions and loads.
    pub(super) sessions: u64,
    /// For long answers.
    pub(super) answers: u64,
    /// For facts of jobs.
    pub(super) facts: u64,
    /// For what manifests say.
    pub(super) glances: u64,
    /// For rows and documents of why runs ended.
    pub(super) obituaries: u64,
}

/// Splits the budget of settings into its parts.
pub(super) fn split(settings: &Settings) -> Parts {
    let budget = settings.cache.max_memory;
    let (answers, facts) = ((budget / 8).min(MAX_ANSWERS), (budget / 32).min(MAX_FACTS));
    let (glances, obituaries) = ((budget / 32).min(MAX_GLANCES), (budget / 32).min(MAX_OBITUARIES));
    let sessions = budget - answers - facts - glances - obituaries - watched_objects(settings);
    Parts { sessions, answers, facts, glances, obituaries }
}

/// Returns the part of `cache.maxMemory` for the facts of watched objects, in bytes: none unless why runs ended is kept.
pub fn watched_objects(settings: &Settings) -> u64 {
    match settings.obituaries.mode {
        ObituariesMode::Off => 0,
        ObituariesMode::Resources | ObituariesMode::Pods => (settings.cache.max_memory / 32).min(MAX_WATCHED),
    }
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
    pub(super) async fn reserve(self: &Arc<Self>, bytes: u64) -> Reservation {
        loop {
            let changed = self.changed();
            if let Some(reservation) = self.try_reserve(bytes.min(self.total()), 0) {
                return reservation;
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
        self.sums.lock()
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

/// Reserved bytes, released on drop.
#[derive(Debug)]
pub struct Reservation {
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

/// The fetch slots of one load: they bound and count the bytes of event files that are being fetched or parsed.
///
/// A file keeps its slot until its parser is done with it, not only until it was fetched: a store that is faster than
/// the parser would fill the memory.
#[derive(Debug)]
pub(super) struct FetchSlots {
    free: Arc<Semaphore>,
}

/// The slot of a file, released on drop.
#[derive(Debug)]
pub(super) struct FetchSlot {
    /// Never `None`, because the semaphore is not closed.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for FetchSlots {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(FETCHED_KIB)) }
    }
}

impl FetchSlots {
    /// Waits for a slot for a file of `size` bytes.
    pub(super) async fn acquire(&self, size: u64) -> FetchSlot {
        let kib = size.min(MAX_FILE_BYTES) / 1024 + 1 + OVERHEAD_KIB;
        FetchSlot { _permit: Arc::clone(&self.free).acquire_many_owned(kib as u32).await.ok() }
    }

    /// Returns the bytes in use.
    pub(super) fn used_bytes(&self) -> u64 {
        (FETCHED_KIB - self.free.available_permits().min(FETCHED_KIB)) as u64 * 1024
    }
}

#[cfg(test)]
mod tests;
