//! What one load holds in memory, and what it has reserved for that.
//!
//! Owns the sum, and the load's slot: both are given back when nobody holds this any more. Every thread that works for
//! the load holds it, so that one that outlives the load (it was stopped, or began again) still counts until it ends.
//! Must never decide what becomes of a load that has outgrown its place.

use super::room::Room;
use crate::session::Error;
use crate::session::admission::{Permit, Short};
use crate::session::memory::Charge;
use crate::session::quiet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// What every load holds at least: blocks on their way from decompressor to parser.
pub(super) const BASE: u64 = 4 << 20;
/// How often what is held is compared with what is reserved.
const CHECK: Duration = Duration::from_millis(20);

/// The sum of one load.
#[derive(Debug)]
pub(super) struct Held {
    permit: Mutex<Option<Permit>>,
    /// For event files.
    pub(super) room: Room,
    builders: AtomicU64,
    other: AtomicU64,
    outgrown: OnceLock<(u64, Short)>,
}

impl Held {
    /// Nothing yet.
    pub(super) fn new(permit: Permit) -> Arc<Self> {
        let (permit, room) = (Mutex::new(Some(permit)), Room::default());
        Arc::new(Self {
            permit,
            room,
            builders: AtomicU64::new(0),
            other: AtomicU64::new(0),
            outgrown: OnceLock::new(),
        })
    }

    /// Of the only load there is, and the account that it is on.
    #[cfg(test)]
    pub(super) async fn alone(total: u64) -> (Arc<Self>, Arc<crate::session::memory::Ledger>) {
        let ledger = crate::session::memory::Ledger::new(total);
        let admission = crate::session::admission::Admission::new(1, Arc::clone(&ledger), Arc::new(()));
        (Self::new(Arc::new(admission).admit(BASE).await), ledger)
    }

    /// In bytes. Builders count twice: finishing one holds it and the tables made of it.
    pub(super) fn bytes(&self) -> u64 {
        let built = self.builders.load(Ordering::Relaxed);
        BASE + built.saturating_mul(2) + self.room.taken() + self.other.load(Ordering::Relaxed)
    }

    /// A builder has become heavier.
    pub(super) fn built(&self, more: u64) {
        self.builders.fetch_add(more, Ordering::Relaxed);
    }

    /// Something beside the builders is held too, until the end.
    pub(super) fn add(&self, bytes: u64) {
        self.other.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something beside the builders is held for a while.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> Hold {
        self.add(bytes);
        Hold { held: Arc::clone(self), bytes }
    }

    /// Reserves what is held now. Where that cannot be, the load has failed; all later calls say so too.
    pub(super) fn cover(&self) -> Result<(), (u64, Short)> {
        if let Some(outgrown) = self.outgrown() {
            return Err(outgrown);
        }
        let bytes = self.bytes();
        let covered = self.permit().as_mut().map_or(Ok(()), |permit| permit.cover(bytes));
        covered.map_err(|short| *self.outgrown.get_or_init(|| (bytes, short)))
    }

    /// What was held when it could not be reserved, and why not.
    pub(super) fn outgrown(&self) -> Option<(u64, Short)> {
        self.outgrown.get().copied()
    }

    /// Reserves what is held, time and again, until that cannot be.
    pub(super) async fn outgrows(&self) -> (u64, Short) {
        loop {
            if let Err(outgrown) = self.cover() {
                return outgrown;
            }
            tokio::time::sleep(CHECK).await;
        }
    }

    /// Runs a computation of this load; counted until it has ended, even if nobody waits for it.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let held = Arc::clone(self);
        quiet::run(move || {
            let _held = held;
            work()
        })
        .await
    }

    /// Ends the load: what it made weighs so much, and holds that for as long as it lives.
    pub(super) fn settle(&self, bytes: u64) -> Option<Charge> {
        self.permit().take()?.settle(bytes)
    }

    fn permit(&self) -> MutexGuard<'_, Option<Permit>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    held: Arc<Held>,
    bytes: u64,
}

impl Hold {
    /// It is so many now.
    pub(super) fn set(&mut self, bytes: u64) {
        self.held.other.fetch_add(bytes, Ordering::Relaxed);
        self.held.other.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests;
