//! Turns for long answers: they wait for memory, and are made off the threads that accept requests, a few at a time.
//!
//! Memory is held until the last byte was handed to the connection, or until the client is gone; a processor only while
//! a piece is made. So slow readers cost what they hold, and take no turn from others.

use super::error::Error;
use crate::metrics::Metrics;
use crate::session::{Memory, Sessions};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for memory and for its turn before it is told to come back.
const WAIT: Duration = Duration::from_secs(10);

/// The turns; cheap to clone.
#[derive(Clone, Debug)]
pub struct Heavy {
    turns: Arc<Semaphore>,
    metrics: Metrics,
}

impl Heavy {
    /// Lets so many pieces be made at a time.
    pub fn new(turns: usize, metrics: Metrics) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), metrics }
    }

    /// Begins an answer that holds so many bytes: waits for them and for a turn, and runs `work` in it.
    pub(super) async fn begin<T: Send + 'static>(
        &self,
        sessions: &Sessions,
        bytes: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Making), Error> {
        let admitted = async {
            let memory = sessions.hold(bytes).await;
            (memory, Arc::clone(&self.turns).acquire_owned().await)
        };
        let (memory, turn) = self.patiently(admitted).await?;
        let turn = turn.map_err(|_| crate::session::Error::Stopping)?;
        self.metrics.http.heavy_in_flight.inc();
        let held = Arc::new(Held { _memory: memory, metrics: self.metrics.clone() });
        let making = Making { held, turns: Arc::clone(&self.turns) };
        let made = making.run(turn, work).await?;
        Ok((made, making))
    }

    /// Waits for memory alone: of an answer that is read, not made.
    pub(super) async fn memory(&self, sessions: &Sessions, bytes: u64) -> Result<Memory, Error> {
        self.patiently(sessions.hold(bytes)).await
    }

    async fn patiently<T>(&self, admitted: impl Future<Output = T>) -> Result<T, Error> {
        tokio::time::timeout(WAIT, admitted).await.map_err(|_| {
            let reason = crate::metrics::http::ReasonLabels { reason: "heavy" };
            self.metrics.http.refused.get_or_create(&reason).inc();
            Error::Busy
        })
    }
}

/// A long answer that has begun.
#[derive(Debug)]
pub(super) struct Making {
    held: Arc<Held>,
    turns: Arc<Semaphore>,
}

impl Making {
    /// Waits for the next turn, and runs `work` in it.
    pub(super) async fn make<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| crate::session::Error::Stopping)?;
        self.run(turn, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        // Work goes on when its client leaves: its turn and its memory end with it, and not before.
        let held = Arc::clone(&self.held);
        let run = move || {
            let made = work();
            drop((turn, held));
            made
        };
        Ok(tokio::task::spawn_blocking(run).await.map_err(|_| crate::session::Error::Broken)?)
    }
}

/// What a long answer holds.
#[derive(Debug)]
struct Held {
    _memory: Memory,
    metrics: Metrics,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.http.heavy_in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_to_come_back_and_what_ends_is_given_on() {
        let sessions = Sessions::of_nothing();
        let heavy = Heavy::new(1, Metrics::default());
        let ((), first) = heavy.begin(&sessions, u64::MAX, || ()).await.unwrap();
        assert!(matches!(heavy.begin(&sessions, 1, || ()).await, Err(Error::Busy)), "all memory is held");
        drop(first);
        let ((), slow) = heavy.begin(&sessions, 1, || ()).await.unwrap();
        let (made, _) = heavy.begin(&sessions, 1, || 7).await.unwrap();
        assert_eq!(made, 7, "a slow reader has no turn");
        assert_eq!(slow.make(|| 8).await.unwrap(), 8);
    }
}
