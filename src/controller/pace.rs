//! How often something may happen: a few times at once, then once in a while. Pure: told the time.

use std::time::Duration;
use tokio::time::Instant;

/// A pace, and what of it is used up.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    burst: u32,
    between: Duration,
    /// When everything so far would have happened, had nothing happened at once.
    due: Option<Instant>,
}

impl Pace {
    /// `burst` times at once, then once in each `between`.
    pub(super) const fn new(burst: u32, between: Duration) -> Self {
        Self { burst, between, due: None }
    }

    /// Counts one more time, and returns how long it has to wait.
    pub(super) fn turn(&mut self, now: Instant) -> Duration {
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + self.between);
        (due - now).saturating_sub(self.between * self.burst.saturating_sub(1))
    }

    /// Counts one more time if it need not wait; returns whether.
    pub(super) fn now(&mut self, now: Instant) -> bool {
        let before = self.due;
        let free = self.turn(now).is_zero();
        if !free {
            self.due = before;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_few_come_at_once_and_the_others_one_by_one() {
        let (mut pace, start) = (Pace::new(3, 5 * SECOND), Instant::now());
        let waits: Vec<u64> = (0..5).map(|_| pace.turn(start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 5, 10]);
        let later = start + 100 * SECOND;
        let waits: Vec<u64> = (0..4).map(|_| pace.turn(later).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 5], "what was not used is not saved up beyond a burst");
    }

    #[test]
    fn what_may_not_happen_now_uses_nothing_up() {
        let (mut pace, start) = (Pace::new(1, 5 * SECOND), Instant::now());
        assert!(pace.now(start));
        assert!((1..5).all(|second| !pace.now(start + second * SECOND)));
        assert!(pace.now(start + 5 * SECOND));
    }
}
