//! The two clocks: tokio's for the life of cached answers, and the wall clock for ends that tokens and cookies carry.

use std::time::SystemTime;
use tokio::time::Instant;

/// A wall clock that follows tokio's clock where a test pauses or advances it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    tokio: Instant,
    real: std::time::Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { tokio: Instant::now(), real: std::time::Instant::now() }
    }

    /// Returns the wall-clock time. Steps of the system's clock are followed, because it is read each time.
    pub(crate) fn now(&self) -> SystemTime {
        let (tokio, real) = (self.tokio.elapsed(), self.real.elapsed());
        let now = SystemTime::now();
        // One of the two differences is zero.
        let shifted =
            now.checked_add(tokio.saturating_sub(real)).and_then(|at| at.checked_sub(real.saturating_sub(tokio)));
        shifted.unwrap_or(now)
    }
}
