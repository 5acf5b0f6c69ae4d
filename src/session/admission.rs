//! Admits loads: grants slots and memory in a fair order.
//!
//! There are two lanes, each first come, first served. A small load never waits for a huge one to end, because huge
//! loads leave one slot and an eighth of the memory to small ones, including what small loads hold already. Memory is
//! reserved by stored size and corrected while reading (`LoadPermit::cover`). Cached sessions are evicted for a load if
//! that frees enough memory. This module loads nothing itself.

use super::memory::{Evict, MemoryBudget, Reservation};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Largest estimate of a small load, which must also be at most a sixteenth of the budget.
const MAX_SMALL: u64 = 64 << 20;

/// The queue that a load waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Small = 0,
    Large = 1,
}

/// The reason why a permit could not cover more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoverError {
    /// Other loads hold the memory: start again with a larger estimate, which waits for it.
    Retry,
    /// The bytes exceed the limit of one load, which this variant contains.
    TooLarge(u64),
}

/// Grants permits to loads.
#[derive(Debug)]
pub(super) struct Admission {
    budget: Arc<MemoryBudget>,
    cached: Arc<dyn Evict>,
    lanes: Mutex<Lanes>,
}

#[derive(Debug)]
struct Lanes {
    max_concurrent: usize,
    next_ticket: u64,
    running: [usize; 2],
    waiting: [VecDeque<u64>; 2],
    /// Bytes reserved by small loads.
    small_held: u64,
}

impl Lanes {
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
}

impl Admission {
    /// Creates an admission with `max_concurrent` slots.
    pub(super) fn new(max_concurrent: usize, budget: Arc<MemoryBudget>, cached: Arc<dyn Evict>) -> Self {
        let lanes = Lanes {
            max_concurrent: max_concurrent.max(1),
            next_ticket: 0,
            running: [0; 2],
            waiting: [VecDeque::new(), VecDeque::new()],
            small_held: 0,
        };
        Self { budget, cached, lanes: Mutex::new(lanes) }
    }

    /// Changes the number of slots. Running loads continue.
    pub(super) fn resize(&self, max_concurrent: usize) {
        self.lock().max_concurrent = max_concurrent.max(1);
        self.budget.wake_waiters();
    }

    /// Waits for a slot and for memory. An estimate above the limit of one load is reduced to it.
    pub(super) async fn admit(self: &Arc<Self>, estimate: u64) -> LoadPermit {
        let ticket = Ticket::draw(self, self.lane(estimate));
        loop {
            let changed = self.budget.changed();
            if let Some(permit) = self.try_admit(&ticket, estimate) {
                return permit;
            }
            changed.await;
        }
    }

    /// Grants a permit only if no load waits, a slot stays free, and no cached session has to be evicted.
    pub(super) fn admit_idle(self: &Arc<Self>, estimate: u64) -> Option<LoadPermit> {
        let lane = self.lane(estimate);
        let mut lanes = self.lock();
        let busy = lanes.running.iter().sum::<usize>() + 1 >= lanes.max_concurrent.max(2);
        if busy || lanes.waiting.iter().any(|lane| !lane.is_empty()) {
            return None;
        }
        let reservation = self.budget.try_reserve(estimate, self.headroom(lane, &lanes))?;
        Some(self.issue_permit(lane, reservation, &mut lanes))
    }

    fn try_admit(self: &Arc<Self>, ticket: &Ticket, estimate: u64) -> Option<LoadPermit> {
        let mut lanes = self.lock();
        let lane = ticket.lane;
        if lanes.waiting[lane as usize].front() != Some(&ticket.number) || !lanes.has_slot(lane) {
            return None;
        }
        let estimate = estimate.min(self.limit(lane));
        let headroom = self.headroom(lane, &lanes);
        let reservation = self.budget.try_reserve(estimate, headroom).or_else(|| {
            self.evict_for(self.budget.shortfall(estimate, headroom));
            self.budget.try_reserve(estimate, headroom)
        })?;
        Some(self.issue_permit(lane, reservation, &mut lanes))
    }

    fn issue_permit(self: &Arc<Self>, lane: Lane, reservation: Reservation, lanes: &mut Lanes) -> LoadPermit {
        lanes.running[lane as usize] += 1;
        let mut permit =
            LoadPermit { admission: Arc::clone(self), lane, reservation: Some(reservation), small_held: 0 };
        permit.update_small_held(lanes);
        permit
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
    fn headroom(&self, lane: Lane, lanes: &Lanes) -> u64 {
        self.small_share(lane).saturating_sub(lanes.small_held)
    }

    /// Returns the bytes that one load may hold.
    fn limit(&self, lane: Lane) -> u64 {
        self.budget.total() - self.small_share(lane)
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A position in a lane's queue, given up on drop.
#[derive(Debug)]
struct Ticket {
    admission: Arc<Admission>,
    lane: Lane,
    number: u64,
}

impl Ticket {
    fn draw(admission: &Arc<Admission>, lane: Lane) -> Self {
        let mut lanes = admission.lock();
        let number = lanes.next_ticket;
        lanes.next_ticket += 1;
        lanes.waiting[lane as usize].push_back(number);
        drop(lanes);
        Self { admission: Arc::clone(admission), lane, number }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.lock().waiting[self.lane as usize].retain(|number| *number != self.number);
        self.admission.budget.wake_waiters();
    }
}

/// A slot and memory for one load. Both are released on drop.
#[derive(Debug)]
pub(super) struct LoadPermit {
    admission: Arc<Admission>,
    lane: Lane,
    reservation: Option<Reservation>,
    /// The part of the reservation that is counted in `Lanes::small_held`.
    small_held: u64,
}

impl LoadPermit {
    /// Grows the reservation to at least `bytes`.
    pub(super) fn cover(&mut self, bytes: u64) -> Result<(), CoverError> {
        let admission = Arc::clone(&self.admission);
        let mut lanes = admission.lock();
        let covered = self.try_cover(bytes, admission.headroom(self.lane, &lanes));
        self.update_small_held(&mut lanes);
        covered
    }

    fn try_cover(&mut self, bytes: u64, headroom: u64) -> Result<(), CoverError> {
        let admission = &self.admission;
        let Some(reservation) = &mut self.reservation else { return Ok(()) };
        if bytes <= reservation.bytes() || reservation.try_grow(bytes, headroom) {
            return Ok(());
        }
        let limit = admission.limit(self.lane);
        if bytes > limit {
            return Err(CoverError::TooLarge(limit));
        }
        let more = bytes - reservation.bytes();
        admission.evict_for(admission.budget.shortfall(more, headroom));
        if reservation.try_grow(bytes, headroom) { Ok(()) } else { Err(CoverError::Retry) }
    }

    /// Updates the sum of small loads.
    fn update_small_held(&mut self, lanes: &mut Lanes) {
        if self.lane == Lane::Small {
            let held = self.reservation.as_ref().map_or(0, Reservation::bytes);
            lanes.small_held = (lanes.small_held + held).saturating_sub(self.small_held);
            self.small_held = held;
        }
    }

    /// Ends the load and returns the reservation of its result, which takes `bytes`.
    pub(super) fn settle(mut self, bytes: u64) -> Option<Reservation> {
        let mut reservation = self.reservation.take()?;
        reservation.settle(bytes);
        // The result may be larger than the reservation: cached sessions make room for it.
        self.admission.cached.evict(self.admission.budget.shortfall(0, 0));
        Some(reservation)
    }
}

impl Drop for LoadPermit {
    fn drop(&mut self) {
        self.reservation = None;
        let admission = Arc::clone(&self.admission);
        let mut lanes = admission.lock();
        lanes.running[self.lane as usize] -= 1;
        self.update_small_held(&mut lanes);
        drop(lanes);
        admission.budget.wake_waiters();
    }
}

#[cfg(test)]
mod tests;
