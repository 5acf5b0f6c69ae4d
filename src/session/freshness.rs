//! Schedules when an open session is compared with the store again, and when it is rebuilt.
//!
//! This module is pure: times are passed in and returned. A session is never final: uploads come late, in gaps, and
//! after outages, so the interval grows with the age of the newest file but never ends.

use std::time::Duration;
use tokio::time::Instant;

/// Shortest interval between two checks, while files arrive.
const SHORTEST: Duration = Duration::from_secs(5);
/// Longest interval, for a session without new files for weeks.
const LONGEST: Duration = Duration::from_hours(4);
/// The interval is the newest file's age divided by this: a minute for an hour, half an hour for a day.
const PART_OF_AGE: u32 = 60;
/// A rebuild waits at least for this many times its duration.
const BUILD_TIMES: u32 = 10;
/// Pause before unreadable files are read again; doubles each time, up to `LONGEST_RETRY`.
const FIRST_HOLD: Duration = Duration::from_secs(2);
/// Longest pause before unreadable files are read again.
const LONGEST_HOLD: Duration = Duration::from_mins(5);

/// The schedule of one open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Earliest next check.
    due: Instant,
    /// Earliest rebuild after a change.
    rebuild: Instant,
    /// Earliest next attempt to read unreadable files.
    retry: Instant,
    /// `true` while a check runs.
    running: bool,
    /// Number of consecutive failures to read files.
    failures: u32,
}

/// The facts of a build that determine the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    /// End of the build.
    pub(super) at: Instant,
    /// Duration of the build.
    pub(super) took: Duration,
    /// Age of the newest file; `None` if the store reports no times.
    pub(super) newest_age: Option<Duration>,
    /// `true` if stored files could not be read.
    pub(super) incomplete: bool,
    /// Number of consecutive failures before.
    pub(super) failures: u32,
}

impl Look {
    /// Creates the schedule after a build.
    pub(super) fn after(built: Built) -> Self {
        let failures = if built.incomplete { built.failures + 1 } else { 0 };
        let wait = interval(built.newest_age);
        let wait = if failures > 0 { wait.min(hold(failures)) } else { wait };
        let retry = if failures > 0 { built.at + hold(failures) } else { built.at };
        Self { due: built.at + wait, rebuild: built.at + built.took * BUILD_TIMES, retry, running: false, failures }
    }

    /// Returns `true` if a check is due, and marks it as running until `done`.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let begin = !self.running && now >= self.due;
        self.running |= begin;
        begin
    }

    /// Records the end of a check without a rebuild.
    pub(super) fn done(&mut self, now: Instant, newest_age: Option<Duration>) {
        self.running = false;
        let due = now + interval(newest_age);
        self.due = if self.retry > now { due.min(self.retry) } else { due };
    }

    /// Records that a check or a rebuild failed: the session stays as it is for a while.
    pub(super) fn failed(&mut self, now: Instant) {
        self.running = false;
        self.failures += 1;
        self.retry = now + hold(self.failures);
        self.due = self.retry;
    }

    /// Returns `true` if unreadable files may be read again now.
    pub(super) fn may_retry(&self, now: Instant) -> bool {
        now >= self.retry
    }

    /// Returns `true` if a changed session may be rebuilt now. Otherwise the next check is set to when it may.
    pub(super) fn may_rebuild(&mut self, now: Instant) -> bool {
        if now >= self.rebuild {
            return true;
        }
        self.running = false;
        self.due = self.rebuild;
        false
    }

    /// Number of consecutive failures to read files.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

/// Returns the pause after consecutive failures: short at first, then growing.
pub(super) fn hold(failures: u32) -> Duration {
    FIRST_HOLD.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_HOLD)
}

/// Returns the interval between checks. Without a known age the session may have a new file.
fn interval(newest_age: Option<Duration>) -> Duration {
    newest_age.map_or(SHORTEST, |age| (age / PART_OF_AGE).clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn interval_grows_with_age_of_newest_file() {
        for (age, expected) in [
            (None, SHORTEST),
            (Some(Duration::ZERO), SHORTEST),
            (Some(HOUR / 12), SHORTEST),
            (Some(HOUR), Duration::from_secs(60)),
            (Some(24 * HOUR), Duration::from_secs(24 * 60)),
            (Some(1000 * HOUR), LONGEST),
        ] {
            assert_eq!(interval(age), expected, "{age:?}");
        }
    }

    fn built(at: Instant, incomplete: bool, failures: u32) -> Built {
        let took = Duration::from_secs(2);
        Built { at, took, newest_age: Some(24 * HOUR), incomplete, failures }
    }

    #[test]
    fn one_check_runs_at_a_time_and_only_when_due() {
        let start = Instant::now();
        let mut look = Look::after(built(start, false, 0));
        assert!(!look.begin(start + Duration::from_secs(24 * 60 - 1)));
        let due = start + Duration::from_secs(24 * 60);
        assert!(look.begin(due));
        assert!(!look.begin(due), "one is looking");
        look.done(due, Some(HOUR));
        assert!(!look.begin(due + Duration::from_secs(59)));
        assert!(look.begin(due + Duration::from_secs(60)));
    }

    #[test]
    fn rebuild_waits_ten_times_its_duration() {
        let start = Instant::now();
        let mut look = Look::after(Built { newest_age: Some(Duration::ZERO), ..built(start, false, 0) });
        assert!(look.begin(start + SHORTEST));
        assert!(!look.may_rebuild(start + SHORTEST));
        assert!(!look.begin(start + Duration::from_secs(19)));
        assert!(look.begin(start + Duration::from_secs(20)) && look.may_rebuild(start + Duration::from_secs(20)));
    }

    #[test]
    fn unreadable_files_back_off() {
        let start = Instant::now();
        let mut waits = Vec::new();
        let mut look = Look::after(built(start, true, 0));
        for _ in 0..10 {
            waits.push(look.due - start);
            assert!(look.begin(look.due) && look.may_retry(look.due));
            look = Look::after(built(start, true, look.failures()));
        }
        assert_eq!(waits[..3], [FIRST_HOLD, FIRST_HOLD * 2, FIRST_HOLD * 4]);
        assert_eq!(waits[9], LONGEST_HOLD);
        let whole = Look::after(built(start, false, look.failures()));
        assert_eq!((whole.failures(), whole.due - start), (0, Duration::from_secs(24 * 60)));
    }

    #[test]
    fn checks_continue_while_unreadable_files_wait() {
        let start = Instant::now();
        let mut look = Look::after(Built { newest_age: Some(Duration::ZERO), ..built(start, true, 6) });
        let (retry, mut now, mut looks) = (start + hold(7), start, 0);
        while now < retry {
            now = look.due;
            assert!(look.begin(now));
            assert_eq!(look.may_retry(now), now >= retry);
            look.done(now, Some(Duration::ZERO));
            looks += 1;
        }
        assert_eq!((now, looks), (retry, 26), "128 s in steps of 5 s");
        look.failed(now);
        assert!(!look.may_retry(now + hold(8) - SHORTEST) && look.may_retry(now + hold(8)));
    }
}
