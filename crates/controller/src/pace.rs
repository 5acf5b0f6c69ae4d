//! Rate limits: a burst at once, then one action per interval. Pure: gets the time as an argument.

use std::time::Duration;
use tokio::time::Instant;

/// A rate limit and its current use.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    burst: u32,
    between: Duration,
    /// Time at which all actions so far would have happened at one per `between`, without a burst.
    next_regular: Option<Instant>,
}

impl Pace {
    /// Allows `burst` actions at once, then one per `between`.
    pub(super) const fn new(burst: u32, between: Duration) -> Self {
        Self { burst, between, next_regular: None }
    }

    /// Counts one action, and returns its delay.
    pub(super) fn delay(&mut self, now: Instant) -> Duration {
        let next_regular = self.next_regular.map_or(now, |next_regular| next_regular.max(now));
        self.next_regular = Some(next_regular + self.between);
        (next_regular - now).saturating_sub(self.between * self.burst.saturating_sub(1))
    }

    /// Counts one action if it is allowed now. Returns `true` if it is.
    pub(super) fn try_now(&mut self, now: Instant) -> bool {
        let before = self.next_regular;
        let free = self.delay(now).is_zero();
        if !free {
            self.next_regular = before;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn allows_a_burst_and_then_one_per_interval() {
        let (mut pace, start) = (Pace::new(3, 5 * SECOND), Instant::now());
        let waits: Vec<u64> = (0..5).map(|_| pace.delay(start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 5, 10]);
        let later = start + 100 * SECOND;
        let waits: Vec<u64> = (0..4).map(|_| pace.delay(later).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 5], "what was not used is not saved up beyond a burst");
    }

    #[test]
    fn rejected_actions_are_not_counted() {
        let (mut pace, start) = (Pace::new(1, 5 * SECOND), Instant::now());
        assert!(pace.try_now(start));
        assert!((1..5).all(|second| !pace.try_now(start + second * SECOND)));
        assert!(pace.try_now(start + 5 * SECOND));
    }
}
