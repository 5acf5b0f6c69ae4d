//! The life of a cached answer: fresh, then believed only while no review is possible, then gone.

use std::time::Duration;
use tokio::time::Instant;

/// Time after a failed review in which the same is not asked for again, if there is an older answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Longest wait for a review while there is an older answer to fall back to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The life of a cached answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) made: Instant,
    fresh_until: Instant,
    stale_until: Instant,
    /// No review before this time.
    pause_until: Instant,
}

impl Freshness {
    /// Returns the life of an answer made now.
    pub(crate) fn new(fresh: Duration, stale: Duration) -> Self {
        let now = Instant::now();
        let fresh_until = now + fresh;
        Self { made: now, fresh_until, stale_until: fresh_until + stale, pause_until: now }
    }

    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        now < self.fresh_until
    }

    /// Returns `true` if the answer may be used while no review is possible.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        now < self.stale_until
    }

    /// Returns `true` if a review failed just now.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        now < self.pause_until
    }

    /// Notes that a review failed.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.pause_until = now + PAUSE;
    }
}
