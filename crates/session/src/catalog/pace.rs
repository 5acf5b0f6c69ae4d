//! Schedules the listings of a source: often while it changes, seldom while it does not, never above a fixed price.
//!
//! This module is pure. After a pass of N requests, its source rests for at least N seconds. So markers and walk
//! together cost at most two requests a second however many sessions there are (some 26 USD a month at the 0.005 USD
//! per 1,000 that S3 asks), and a small bucket costs next to nothing. A folder rests for N milliseconds.

use std::time::Duration;

/// The outcome of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The sessions changed.
    Changed,
    /// The sessions are the same as before.
    Same,
    /// The store could not be listed.
    Failed,
}

/// The schedule of one source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Pause after a change.
    changed: Duration,
    /// Longest pause, while nothing changes or the store is down.
    longest: Duration,
    /// Pause after the first failure.
    failed: Duration,
    /// Pause per request.
    rest: Duration,
    failures: u32,
    wait: Duration,
}

impl Pace {
    /// For the markers of a bucket.
    pub(crate) const MARKERS: Self = Self::new(60, 300, 15, 1_000);
    /// For the marks of retention in a bucket, while a deletion is near: [`Self::longest_pause`] is well below the pause
    /// between the beginning of a deletion and its first request.
    pub(crate) const NEAR_DELETION: Self = Self::new(60, 60, 15, 0);
    /// For the walk of a bucket.
    pub(crate) const WALK: Self = Self::new(86_400, 86_400, 600, 1_000);
    /// For everything, where listing is free: it is still work for a disk, or for the network behind a folder.
    pub(crate) const FREE: Self = Self::new(30, 30, 30, 1);

    const fn new(changed: u64, longest: u64, failed: u64, rest_ms: u64) -> Self {
        let seconds = Duration::from_secs;
        Self {
            changed: seconds(changed),
            longest: seconds(longest),
            failed: seconds(failed),
            rest: Duration::from_millis(rest_ms),
            failures: 0,
            wait: seconds(changed),
        }
    }

    /// Returns the longest pause after passes of few requests.
    pub(crate) const fn longest_pause(self) -> Duration {
        self.longest
    }

    /// Returns the pause after a pass of `requests` requests.
    pub(crate) fn after(&mut self, outcome: Outcome, requests: u64) -> Duration {
        self.failures = if outcome == Outcome::Failed { self.failures.saturating_add(1) } else { 0 };
        let wait = match outcome {
            Outcome::Changed => {
                self.wait = self.changed;
                self.wait
            }
            Outcome::Same => {
                let wait = self.wait;
                self.wait = (self.wait * 3 / 2).min(self.longest);
                wait
            }
            Outcome::Failed => self.failed.saturating_mul(1 << (self.failures - 1).min(16)).min(self.longest),
        };
        wait.max(self.rest.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Markers are listed every minute while they change, and every five while they do not.
    #[test]
    fn idle_markers_slow_down_to_five_minutes() {
        let mut pace = Pace::MARKERS;
        let mut after = |outcome| pace.after(outcome, 2).as_secs();
        let waits = [Outcome::Same; 7].map(&mut after);
        assert_eq!(waits, [60, 90, 135, 202, 300, 300, 300]);
        assert_eq!([after(Outcome::Changed), after(Outcome::Same), after(Outcome::Same)], [60, 60, 90]);
    }

    #[test]
    fn failures_back_off() {
        let mut pace = Pace::MARKERS;
        let waits = [Outcome::Failed; 7].map(|outcome| pace.after(outcome, 1).as_secs());
        assert_eq!(waits, [15, 30, 60, 120, 240, 300, 300]);
        assert_eq!(pace.after(Outcome::Same, 1).as_secs(), 60);
    }

    #[test]
    fn pause_is_at_least_one_second_per_request() {
        let after = |mut pace: Pace, outcome, requests| pace.after(outcome, requests);
        assert_eq!(after(Pace::MARKERS, Outcome::Changed, 100).as_secs(), 100);
        assert_eq!(after(Pace::WALK, Outcome::Same, 200_000).as_secs(), 200_000);
        assert_eq!(after(Pace::WALK, Outcome::Failed, 200_000).as_secs(), 200_000);
        assert_eq!(after(Pace::WALK, Outcome::Same, 10).as_secs(), 86_400);
        assert_eq!(after(Pace::FREE, Outcome::Same, 20_000).as_secs(), 30);
        assert_eq!(after(Pace::FREE, Outcome::Same, 200_000).as_secs(), 200);
    }
}
