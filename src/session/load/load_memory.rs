//! The memory that one load holds, and its reservation.
//!
//! The memory count and the load's slot are released when the last reference is dropped. Every thread that works for
//! the load has a reference, so a thread that outlives the load (because the load was stopped or restarted) still
//! counts until it ends. The caller decides what happens to a load that has outgrown its reservation.

use super::fetch_slots::FetchSlots;
use crate::session::Error;
use crate::session::admission::{CoverError, LoadPermit};
use crate::session::low_priority;
use crate::session::memory::Reservation;
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Bytes that every load holds at least: blocks on their way from decompressor to parser.
pub(super) const BASE: u64 = 4 << 20;
/// Interval between comparisons of the held bytes with the reservation.
const CHECK: Duration = Duration::from_millis(20);

/// The memory of one load.
#[derive(Debug)]
pub(super) struct LoadMemory {
    permit: Mutex<Option<LoadPermit>>,
    /// Slots for event files that are being fetched.
    pub(super) slots: FetchSlots,
    builders: AtomicU64,
    other: AtomicU64,
    outgrown: OnceLock<(u64, CoverError)>,
}

impl LoadMemory {
    /// Creates the count of a load that holds nothing yet.
    pub(super) fn new(permit: LoadPermit) -> Arc<Self> {
        let (permit, slots) = (Mutex::new(Some(permit)), FetchSlots::default());
        Arc::new(Self {
            permit,
            slots,
            builders: AtomicU64::new(0),
            other: AtomicU64::new(0),
            outgrown: OnceLock::new(),
        })
    }

    /// Creates the count of a single load, and its budget.
    #[cfg(test)]
    pub(super) async fn with_budget(total: u64) -> (Arc<Self>, Arc<crate::session::memory::MemoryBudget>) {
        let budget = crate::session::memory::MemoryBudget::new(total);
        let admission = crate::session::admission::Admission::new(1, Arc::clone(&budget), Arc::new(()));
        (Self::new(Arc::new(admission).admit(BASE).await), budget)
    }

    /// Returns the held bytes. Builders count twice, because finishing one holds it and the tables made of it.
    pub(super) fn bytes(&self) -> u64 {
        let built = self.builders.load(Ordering::Relaxed);
        BASE + built.saturating_mul(2) + self.slots.used_bytes() + self.other.load(Ordering::Relaxed)
    }

    /// Adds to the weight of the builders.
    pub(super) fn add_built(&self, more: u64) {
        self.builders.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds bytes outside the builders that are held until the end of the load.
    pub(super) fn add(&self, bytes: u64) {
        self.other.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds bytes outside the builders until the returned value is dropped.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> HeldBytes {
        self.add(bytes);
        HeldBytes { held: Arc::clone(self), bytes }
    }

    /// Reserves the bytes that are held now. If that fails, the load has failed, and all later calls return the same
    /// error.
    pub(super) fn cover(&self) -> Result<(), (u64, CoverError)> {
        if let Some(outgrown) = self.outgrown() {
            return Err(outgrown);
        }
        let bytes = self.bytes();
        let covered = self.permit().as_mut().map_or(Ok(()), |permit| permit.cover(bytes));
        covered.map_err(|short| *self.outgrown.get_or_init(|| (bytes, short)))
    }

    /// Returns the bytes held when they could not be reserved, and the reason.
    pub(super) fn outgrown(&self) -> Option<(u64, CoverError)> {
        self.outgrown.get().copied()
    }

    /// Reserves the held bytes periodically, until that fails.
    pub(super) async fn outgrows(&self) -> (u64, CoverError) {
        loop {
            if let Err(outgrown) = self.cover() {
                return outgrown;
            }
            tokio::time::sleep(CHECK).await;
        }
    }

    /// Runs a computation of this load. It counts until it has ended, even if the future is dropped.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let held = Arc::clone(self);
        low_priority::run(move || {
            let _held = held;
            work()
        })
        .await
    }

    /// Ends the load and returns the reservation of its result, which takes `bytes`.
    pub(super) fn settle(&self, bytes: u64) -> Option<Reservation> {
        self.permit().take()?.settle(bytes)
    }

    fn permit(&self) -> MutexGuard<'_, Option<LoadPermit>> {
        self.permit.lock()
    }
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    held: Arc<LoadMemory>,
    bytes: u64,
}

impl HeldBytes {
    /// Changes the number of bytes.
    pub(super) fn set(&mut self, bytes: u64) {
        self.held.other.fetch_add(bytes, Ordering::Relaxed);
        self.held.other.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests;
