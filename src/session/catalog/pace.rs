//! When a source is listed again: often while it changes, seldom while it does not, never for more than a fixed price.
//!
//! Pure. The price: after a pass that took so many requests, its source rests at least as many seconds. So markers and
//! walk together cost at most two requests a second however many sessions there are (some 26 USD a month at the
//! 0.005 USD per 1,000 that S3 asks), and a small bucket costs next to nothing. A folder rests as many milliseconds.

use std::time::Duration;

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// There is something new.
    Changed,
    /// Everything is as it was.
    Same,
    /// The store could not be listed.
    Failed,
}

/// The rhythm of one source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// After a change.
    changed: Duration,
    /// At most this, while nothing changes or the store is down.
    longest: Duration,
    /// After the first failure.
    failed: Duration,
    /// A request rests so long.
    rest: Duration,
    failures: u32,
    wait: Duration,
}

impl Pace {
    /// Of the markers of a bucket.
    pub(super) const MARKERS: Self = Self::new(60, 300, 15, 1_000);
    /// Of the walk of a bucket.
    pub(super) const WALK: Self = Self::new(86_400, 86_400, 600, 1_000);
    /// Of everything, where listing is free: it is still work for a disk, or for the network behind a folder.
    pub(super) const FREE: Self = Self::new(30, 30, 30, 1);

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

    /// How long to wait after a pass that took so many requests.
    pub(super) fn after(&mut self, passed: Passed, requests: u64) -> Duration {
        self.failures = if passed == Passed::Failed { self.failures.saturating_add(1) } else { 0 };
        let wait = match passed {
            Passed::Changed => {
                self.wait = self.changed;
                self.wait
            }
            Passed::Same => {
                let wait = self.wait;
                self.wait = (self.wait * 3 / 2).min(self.longest);
                wait
            }
            Passed::Failed => self.failed.saturating_mul(1 << (self.failures - 1).min(16)).min(self.longest),
        };
        wait.max(self.rest.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_listed_every_minute_while_they_change_and_every_five_while_they_do_not() {
        let mut pace = Pace::MARKERS;
        let mut after = |passed| pace.after(passed, 2).as_secs();
        let waits = [Passed::Same; 7].map(&mut after);
        assert_eq!(waits, [60, 90, 135, 202, 300, 300, 300]);
        assert_eq!([after(Passed::Changed), after(Passed::Same), after(Passed::Same)], [60, 60, 90]);
    }

    #[test]
    fn a_store_that_is_down_is_asked_soon_and_then_less_and_less() {
        let mut pace = Pace::MARKERS;
        let waits = [Passed::Failed; 7].map(|passed| pace.after(passed, 1).as_secs());
        assert_eq!(waits, [15, 30, 60, 120, 240, 300, 300]);
        assert_eq!(pace.after(Passed::Same, 1).as_secs(), 60);
    }

    #[test]
    fn many_requests_rest_as_many_seconds() {
        let after = |mut pace: Pace, passed, requests| pace.after(passed, requests);
        assert_eq!(after(Pace::MARKERS, Passed::Changed, 100).as_secs(), 100);
        assert_eq!(after(Pace::WALK, Passed::Same, 200_000).as_secs(), 200_000);
        assert_eq!(after(Pace::WALK, Passed::Failed, 200_000).as_secs(), 200_000);
        assert_eq!(after(Pace::WALK, Passed::Same, 10).as_secs(), 86_400);
        assert_eq!(after(Pace::FREE, Passed::Same, 20_000).as_secs(), 30);
        assert_eq!(after(Pace::FREE, Passed::Same, 200_000).as_secs(), 200);
    }
}
