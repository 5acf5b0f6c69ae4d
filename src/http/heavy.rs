//! Turns for long answers: how many are made and sent at a time, so that a few readers cannot multiply memory or take
//! every core. A turn ends when the last byte was handed to the connection, or when the client is gone.

use super::error::Error;
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for its turn before it is told to come back.
const WAIT: Duration = Duration::from_secs(10);

/// The turns; cheap to clone.
#[derive(Clone, Debug)]
pub struct Heavy {
    turns: Arc<Semaphore>,
    metrics: Metrics,
}

/// A turn, as long as it is kept.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
    metrics: Metrics,
}

impl Heavy {
    /// So many at a time.
    pub fn new(turns: usize, metrics: Metrics) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), metrics }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            let reason = crate::metrics::http::ReasonLabels { reason: "heavy" };
            self.metrics.http.refused.get_or_create(&reason).inc();
            return Err(Error::Busy);
        };
        self.metrics.http.heavy_in_flight.inc();
        Ok(Turn { _permit: permit, metrics: self.metrics.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.metrics.http.heavy_in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_to_come_back_and_a_turn_that_ends_is_given_on() {
        let heavy = Heavy::new(1, Metrics::default());
        let first = heavy.turn().await.unwrap();
        assert!(matches!(heavy.turn().await, Err(Error::Busy)));
        drop(first);
        assert!(heavy.turn().await.is_ok());
    }
}
