//! A rate with bursts: a bucket that is refilled as time passes.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for a turn.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A bucket of turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Time in which one turn comes back.
    interval: Duration,
    /// Time in which all turns of a full bucket come back.
    burst: Duration,
    /// The time at which the bucket is full again.
    full_at: Option<Instant>,
}

impl Rate {
    /// Returns a full bucket of `burst` turns, of which so many come back in a second.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, burst: interval * burst, full_at: None }
    }

    /// Takes a turn, and returns the time until it may be used; `None`, and nothing is taken, if that is longer than
    /// `most`.
    pub(crate) fn take(&mut self, now: Instant, most: Duration) -> Option<Duration> {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + self.interval;
        let wait = full_at.duration_since(now).saturating_sub(self.burst);
        (wait <= most).then(|| {
            self.full_at = Some(full_at);
            wait
        })
    }

    /// Returns `true` if a turn can be taken now.
    pub(crate) fn has_turn(&self, now: Instant) -> bool {
        let mut copy = *self;
        copy.take(now, Duration::ZERO).is_some()
    }
}

/// Takes a turn of a rate, and waits until it may be used; `None` if that would be too long.
pub(crate) async fn wait_for(rate: &Mutex<Rate>) -> Option<()> {
    let wait = rate.lock().take(Instant::now(), LONGEST_WAIT)?;
    if !wait.is_zero() {
        sleep(wait).await;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_followed_by_a_steady_rate() {
        let (mut rate, start) = (Rate::new(50, 200), Instant::now());
        assert!((0..200).all(|_| rate.take(start, Duration::ZERO) == Some(Duration::ZERO)));
        assert!(!rate.has_turn(start));
        assert_eq!(rate.take(start, Duration::ZERO), None);
        assert_eq!(rate.take(start, Duration::from_secs(1)), Some(Duration::from_millis(20)));
        assert_eq!(rate.take(start, Duration::from_secs(1)), Some(Duration::from_millis(40)));
        let later = start + Duration::from_secs(1);
        let taken = (0..100).filter(|_| rate.take(later, Duration::ZERO).is_some()).count();
        assert_eq!(taken, 48, "two of fifty were taken before");
        let rested = later + Duration::from_secs(60);
        assert_eq!((0..300).filter(|_| rate.take(rested, Duration::ZERO).is_some()).count(), 200);
    }
}
