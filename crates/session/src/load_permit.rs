//! The right to load a session: `Lanes` grants a `LoadPermit` in a fair order, and the permit counts what its load holds.
//!
//! There are two lanes, each first come, first served. A small load never waits for a huge one to end, because huge
//! loads leave one slot and an eighth of the memory to small ones, including what small loads hold already. Memory is
//! reserved by stored size, and corrected while reading (`LoadPermit::cover`). Cached sessions are evicted for a load if
//! that frees enough memory. [`memory`](super::memory) shows how this fits together; nothing is loaded here.

use super::memory::{Evict, FetchSlots, MemoryBudget, Reservation};
use super::{Error, low_priority};
use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Bytes that every load holds at least: blocks on their way from decompressor to parser.
pub(super) const BASE: u64 = 4 << 20;
/// Largest estimate of a small load, which must also be at most a sixteenth of the budget.
const MAX_SMALL: u64 = 64 << 20;
/// Interval between comparisons of the held bytes with the reservation.
const CHECK: Duration = Duration::from_millis(20);

/// The queue that a load waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Small = 0,
    Large = 1,
}

/// The lanes of all loads, which share slots and a memory budget.
#[derive(Debug)]
pub(super) struct Lanes {
    budget: Arc<MemoryBudget>,
    cached: Arc<dyn Evict>,
    queues: Mutex<Queues>,
}

/// The loads that run and wait, by lane.
#[derive(Debug)]
struct Queues {
    max_concurrent: usize,
    next_number: u64,
    running: [usize; 2],
    waiting: [VecDeque<u64>; 2],
    /// Bytes reserved by small loads.
    small_bytes: u64,
}

impl Queues {
    /// Returns `true` if a slot is free for the first load of a lane.
    fn has_slot(&self, lane: Lane) -> bool {
        let [small, large] = self.running;
        let large_slots = self.max_concurrent.saturating_sub(1).max(1);
        match lane {
            // A slot is left to a waiting large load, so that a stream of small ones cannot keep it out.
            Lane::Small => {
                let wanted = usize::from(!self.waiting[Lane::Large as usize].is_empty() && large < large_slots);
                small < self.max_concurrent.saturating_sub(large + wanted).max(1)
            }
            // With one slot, a large load may run in addition to a small one, so that both lanes keep moving.
            Lane::Large => large < large_slots && (self.max_concurrent <= 1 || small + large < self.max_concurrent),
        }
    }

    /// Records that the reservation of a load has changed.
    fn resized(&mut self, lane: Lane, before: u64, now: u64) {
        if lane == Lane::Small {
            self.small_bytes = (self.small_bytes + now).saturating_sub(before);
        }
    }
}

impl Lanes {
    /// Creates lanes with `max_concurrent` slots. Entries of `cached` may be evicted for loads.
    pub(super) fn new(max_concurrent: usize, budget: Arc<MemoryBudget>, cached: Arc<dyn Evict>) -> Self {
        let queues = Queues {
            max_concurrent: max_concurrent.max(1),
            next_number: 0,
            running: [0; 2],
            waiting: [VecDeque::new(), VecDeque::new()],
            small_bytes: 0,
        };
        Self { budget, cached, queues: Mutex::new(queues) }
    }

    /// Changes the number of slots. Running loads continue.
    pub(super) fn resize(&self, max_concurrent: usize) {
        self.lock().max_concurrent = max_concurrent.max(1);
        self.budget.wake_waiters();
    }

    /// Waits for a slot and for memory. An estimate above the limit of one load is reduced to it.
    pub(super) async fn admit(self: &Arc<Self>, estimate: u64) -> Arc<LoadPermit> {
        let position = Position::last(self, self.lane(estimate));
        loop {
            let changed = self.budget.changed();
            if let Some(permit) = self.try_admit(&position, estimate) {
                return permit;
            }
            changed.await;
        }
    }

    /// Grants a permit only if no load waits, a slot stays free, and no cached session has to be evicted.
    pub(super) fn admit_idle(self: &Arc<Self>, estimate: u64) -> Option<Arc<LoadPermit>> {
        let lane = self.lane(estimate);
        let mut queues = self.lock();
        let busy = queues.running.iter().sum::<usize>() + 1 >= queues.max_concurrent.max(2);
        if busy || queues.waiting.iter().any(|lane| !lane.is_empty()) {
            return None;
        }
        let reservation = self.budget.try_reserve(estimate, self.headroom(lane, &queues))?;
        Some(self.grant(lane, reservation, &mut queues))
    }

    fn try_admit(self: &Arc<Self>, position: &Position, estimate: u64) -> Option<Arc<LoadPermit>> {
        let mut queues = self.lock();
        let lane = position.lane;
        if queues.waiting[lane as usize].front() != Some(&position.number) || !queues.has_slot(lane) {
            return None;
        }
        let estimate = estimate.min(self.limit(lane));
        let headroom = self.headroom(lane, &queues);
        let reservation = self.budget.try_reserve(estimate, headroom).or_else(|| {
            self.evict_for(self.budget.shortfall(estimate, headroom));
            self.budget.try_reserve(estimate, headroom)
        })?;
        Some(self.grant(lane, reservation, &mut queues))
    }

    fn grant(self: &Arc<Self>, lane: Lane, reservation: Reservation, queues: &mut Queues) -> Arc<LoadPermit> {
        queues.running[lane as usize] += 1;
        queues.resized(lane, 0, reservation.bytes());
        Arc::new(LoadPermit {
            lanes: Arc::clone(self),
            lane,
            reservation: Mutex::new(Some(reservation)),
            slots: FetchSlots::default(),
            builders: AtomicU64::new(0),
            other: AtomicU64::new(0),
            outgrown: OnceLock::new(),
        })
    }

    /// Evicts cached sessions for a load, unless evicting all of them would not be enough: the load waits in any case
    /// then.
    fn evict_for(&self, missing: u64) {
        if self.cached.bytes() >= missing {
            self.cached.evict(missing);
        }
    }

    fn lane(&self, estimate: u64) -> Lane {
        if estimate <= MAX_SMALL.min(self.budget.total() / 16) { Lane::Small } else { Lane::Large }
    }

    /// Returns the bytes that a lane leaves to small loads.
    fn small_share(&self, lane: Lane) -> u64 {
        if lane == Lane::Large { self.budget.total() / 8 } else { 0 }
    }

    /// Returns the bytes that a lane must leave free. Bytes that small loads already hold of their share count as left.
    fn headroom(&self, lane: Lane, queues: &Queues) -> u64 {
        self.small_share(lane).saturating_sub(queues.small_bytes)
    }

    /// Returns the bytes that one load may hold.
    fn limit(&self, lane: Lane) -> u64 {
        self.budget.total() - self.small_share(lane)
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock()
    }
}

/// A position in the queue of a lane, given up on drop.
#[derive(Debug)]
struct Position {
    lanes: Arc<Lanes>,
    lane: Lane,
    number: u64,
}

impl Position {
    fn last(lanes: &Arc<Lanes>, lane: Lane) -> Self {
        let mut queues = lanes.lock();
        let number = queues.next_number;
        queues.next_number += 1;
        queues.waiting[lane as usize].push_back(number);
        drop(queues);
        Self { lanes: Arc::clone(lanes), lane, number }
    }
}

impl Drop for Position {
    fn drop(&mut self) {
        self.lanes.lock().waiting[self.lane as usize].retain(|number| *number != self.number);
        self.lanes.budget.wake_waiters();
    }
}

/// The reason why a permit could not cover more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoverError {
    /// Other loads hold the memory: start again with a larger estimate, which waits for it.
    Retry,
    /// The bytes exceed the limit of one load, which this variant contains.
    TooLarge(u64),
}

/// A slot and memory for one load, and the count of what the load holds.
///
/// Both are released when the last reference is dropped. Every thread that works for the load has a reference, so a
/// thread that outlives the load (because the load was stopped or restarted) still counts until it ends. The caller
/// decides what happens to a load that has outgrown its reservation.
#[derive(Debug)]
pub(super) struct LoadPermit {
    lanes: Arc<Lanes>,
    lane: Lane,
    /// `None` after `settle`.
    reservation: Mutex<Option<Reservation>>,
    /// Slots for event files that are being fetched.
    pub(super) slots: FetchSlots,
    builders: AtomicU64,
    other: AtomicU64,
    outgrown: OnceLock<(u64, CoverError)>,
}

impl LoadPermit {
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
        HeldBytes { permit: Arc::clone(self), bytes }
    }

    /// Reserves the bytes that are held now. If that fails, the load has failed, and all later calls return the same
    /// error.
    pub(super) fn cover(&self) -> Result<(), (u64, CoverError)> {
        if let Some(outgrown) = self.outgrown() {
            return Err(outgrown);
        }
        let bytes = self.bytes();
        self.reserve(bytes).map_err(|error| *self.outgrown.get_or_init(|| (bytes, error)))
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
        let permit = Arc::clone(self);
        low_priority::run(move || {
            let _permit = permit;
            work()
        })
        .await
    }

    /// Ends the load and returns the reservation of its result, which takes `bytes`. The slot is free from now on.
    pub(super) fn settle(&self, bytes: u64) -> Option<Reservation> {
        let mut reservation = self.reservation.lock().take()?;
        let before = reservation.bytes();
        reservation.settle(bytes);
        // The result may be larger than the reservation: cached sessions make room for it.
        self.lanes.cached.evict(self.lanes.budget.shortfall(0, 0));
        self.release(before);
        Some(reservation)
    }

    /// Grows the reservation to at least `bytes`.
    fn reserve(&self, bytes: u64) -> Result<(), CoverError> {
        let mut reservation = self.reservation.lock();
        let Some(reservation) = reservation.as_mut() else { return Ok(()) };
        let mut queues = self.lanes.lock();
        let before = reservation.bytes();
        let grown = self.grow(reservation, bytes, self.lanes.headroom(self.lane, &queues));
        queues.resized(self.lane, before, reservation.bytes());
        grown
    }

    fn grow(&self, reservation: &mut Reservation, bytes: u64, headroom: u64) -> Result<(), CoverError> {
        if bytes <= reservation.bytes() || reservation.try_grow(bytes, headroom) {
            return Ok(());
        }
        let limit = self.lanes.limit(self.lane);
        if bytes > limit {
            return Err(CoverError::TooLarge(limit));
        }
        let more = bytes - reservation.bytes();
        self.lanes.evict_for(self.lanes.budget.shortfall(more, headroom));
        if reservation.try_grow(bytes, headroom) { Ok(()) } else { Err(CoverError::Retry) }
    }

    /// Frees the slot of a load that had reserved `bytes`.
    fn release(&self, bytes: u64) {
        let mut queues = self.lanes.lock();
        queues.running[self.lane as usize] -= 1;
        queues.resized(self.lane, bytes, 0);
        drop(queues);
        self.lanes.budget.wake_waiters();
    }
}

impl Drop for LoadPermit {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.get_mut().take() {
            let bytes = reservation.bytes();
            drop(reservation);
            self.release(bytes);
        }
    }
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    permit: Arc<LoadPermit>,
    bytes: u64,
}

impl HeldBytes {
    /// Changes the number of bytes.
    pub(super) fn set(&mut self, bytes: u64) {
        self.permit.other.fetch_add(bytes, Ordering::Relaxed);
        self.permit.other.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
pub(super) mod tests;
