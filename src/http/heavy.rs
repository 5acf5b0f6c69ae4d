//! Slots for long answers: they reserve memory, and are built on blocking threads, a few at a time.
//!
//! Memory is held until the last byte is written to the connection or the client disconnects; a slot only while a piece
//! is built. So slow readers hold memory, but do not block other answers.

mod log_reads;

pub(super) use log_reads::LogRead;

use super::error::Error;
use log_reads::LogReads;
use ray_history_metrics::Metrics;
use ray_history_session::{Reservation, Sessions};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest wait for memory and a slot before a request is rejected with [`Error::Busy`].
const WAIT: Duration = Duration::from_secs(10);

/// The slots for long answers; cheap to clone.
#[derive(Clone, Debug)]
pub struct Heavy {
    slots: Arc<Semaphore>,
    log_reads: LogReads,
    metrics: Metrics,
}

impl Heavy {
    /// Returns slots for `slots` pieces at a time.
    pub fn new(slots: usize, metrics: Metrics) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)), log_reads: LogReads::default(), metrics }
    }

    /// Starts an answer that holds `bytes` of memory: waits for the memory and a slot, and runs `work`.
    pub(super) async fn begin<T: Send + 'static>(
        &self,
        sessions: &Sessions,
        bytes: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, LongAnswer), Error> {
        let resources = async {
            let memory = sessions.reserve_for_answer(bytes).await;
            (memory, Arc::clone(&self.slots).acquire_owned().await)
        };
        let (memory, slot) = self.with_timeout(resources).await?;
        let slot = slot.map_err(|_| ray_history_session::Error::Stopping)?;
        self.metrics.http.heavy_in_flight.inc();
        let held = Arc::new(HeldMemory { _memory: memory, metrics: self.metrics.clone() });
        let answer = LongAnswer { held, slots: Arc::clone(&self.slots) };
        let made = answer.run(slot, work).await?;
        Ok((made, answer))
    }

    /// Waits for memory only, for an answer that is read and not built.
    pub(super) async fn memory(&self, sessions: &Sessions, bytes: u64) -> Result<Reservation, Error> {
        self.with_timeout(sessions.reserve_for_answer(bytes)).await
    }

    /// Waits for a turn at reading all logs of a session, which a person asks for if one is known.
    pub(super) async fn log_read(&self, person: Option<&str>) -> Result<LogRead, Error> {
        let turn = self.with_timeout(self.log_reads.begin(person)).await?;
        Ok(turn.ok_or(ray_history_session::Error::Stopping)?)
    }

    async fn with_timeout<T>(&self, resources: impl Future<Output = T>) -> Result<T, Error> {
        tokio::time::timeout(WAIT, resources).await.map_err(|_| {
            let reason = ray_history_metrics::http::ReasonLabels { reason: "heavy" };
            self.metrics.http.refused.get_or_create(&reason).inc();
            Error::Busy
        })
    }
}

/// A long answer in progress; holds its memory.
#[derive(Debug)]
pub(super) struct LongAnswer {
    held: Arc<HeldMemory>,
    slots: Arc<Semaphore>,
}

impl LongAnswer {
    /// Waits for a slot and runs `work`.
    pub(super) async fn make<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| ray_history_session::Error::Stopping)?;
        self.run(slot, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        slot: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        // Work continues when its client disconnects: its slot and memory are released when it ends, and not before.
        let held = Arc::clone(&self.held);
        let run = move || {
            let made = work();
            drop((slot, held));
            made
        };
        Ok(tokio::task::spawn_blocking(run).await.map_err(|_| ray_history_session::Error::Broken)?)
    }
}

/// The memory of a long answer, counted in a metric.
#[derive(Debug)]
struct HeldMemory {
    _memory: Reservation,
    metrics: Metrics,
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.metrics.http.heavy_in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that waits too long is rejected, and an answer that ends frees its memory and slot.
    #[tokio::test(start_paused = true)]
    async fn waits_are_limited_and_slots_are_reused() {
        let sessions = Sessions::of_nothing();
        let heavy = Heavy::new(1, Metrics::default());
        let ((), first) = heavy.begin(&sessions, u64::MAX, || ()).await.unwrap();
        assert!(matches!(heavy.begin(&sessions, 1, || ()).await, Err(Error::Busy)), "all memory is held");
        drop(first);
        let ((), slow) = heavy.begin(&sessions, 1, || ()).await.unwrap();
        let (made, _) = heavy.begin(&sessions, 1, || 7).await.unwrap();
        assert_eq!(made, 7, "a slow reader has no slot");
        assert_eq!(slow.make(|| 8).await.unwrap(), 8);
    }
}
