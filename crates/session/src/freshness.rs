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
const AGE_DIVISOR: u32 = 60;
/// A rebuild waits at least for this many times its duration.
const REBUILD_FACTOR: u32 = 10;
/// Pause before unreadable files are read again; doubles each time, up to `LONGEST_RETRY`.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// Longest pause before unreadable files are read again.
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// The schedule of one open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefreshSchedule {
    /// Earliest next check.
    next_check: Instant,
    /// Earliest rebuild after a change.
    next_rebuild: Instant,
    /// Earliest next attempt to read unreadable files.
    next_retry: Instant,
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

impl RefreshSchedule {
    /// Creates the schedule after a build.
    pub(super) fn after(built: Built) -> Self {
        let failures = if built.incomplete { built.failures + 1 } else { 0 };
        let wait = interval(built.newest_age);
        let wait = if failures > 0 { wait.min(retry_delay(failures)) } else { wait };
        let next_retry = if failures > 0 { built.at + retry_delay(failures) } else { built.at };
        Self {
            next_check: built.at + wait,
            next_rebuild: built.at + built.took * REBUILD_FACTOR,
            next_retry,
            running: false,
            failures,
        }
    }

    /// Returns `true` if a check is due, and marks it as running until `done`.
    pub(super) fn try_begin(&mut self, now: Instant) -> bool {
        let begin = !self.running && now >= self.next_check;
        self.running |= begin;
        begin
    }

    /// Records the end of a check without a rebuild.
    pub(super) fn done(&mut self, now: Instant, newest_age: Option<Duration>) {
        self.running = false;
        let due = now + interval(newest_age);
        self.next_check = if self.next_retry > now { due.min(self.next_retry) } else { due };
    }

    /// Records that a check or a rebuild failed: the session stays as it is for a while.
    pub(super) fn failed(&mut self, now: Instant) {
        self.running = false;
        self.failures += 1;
        self.next_retry = now + retry_delay(self.failures);
        self.next_check = self.next_retry;
    }

    /// Returns `true` if unreadable files may be read again now.
    pub(super) fn may_retry(&self, now: Instant) -> bool {
        now >= self.next_retry
    }

    /// Returns `true` if a changed session may be rebuilt now. Otherwise the next check is set to when it may.
    pub(super) fn may_rebuild(&mut self, now: Instant) -> bool {
        if now >= self.next_rebuild {
            return true;
        }
        self.running = false;
        self.next_check = self.next_rebuild;
        false
    }

    /// Number of consecutive failures to read files.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

/// Returns the pause after consecutive failures: short at first, then growing.
pub(super) fn retry_delay(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_RETRY)
}

/// Returns the interval between checks. Without a known age the session may have a new file.
fn interval(newest_age: Option<Duration>) -> Duration {
    newest_age.map_or(SHORTEST, |age| (age / AGE_DIVISOR).clamp(SHORTEST, LONGEST))
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
        let mut schedule = RefreshSchedule::after(built(start, false, 0));
        assert!(!schedule.try_begin(start + Duration::from_secs(24 * 60 - 1)));
        let due = start + Duration::from_secs(24 * 60);
        assert!(schedule.try_begin(due));
        assert!(!schedule.try_begin(due), "a check runs");
        schedule.done(due, Some(HOUR));
        assert!(!schedule.try_begin(due + Duration::from_secs(59)));
        assert!(schedule.try_begin(due + Duration::from_secs(60)));
    }

    #[test]
    fn rebuild_waits_ten_times_its_duration() {
        let start = Instant::now();
        let mut schedule = RefreshSchedule::after(Built { newest_age: Some(Duration::ZERO), ..built(start, false, 0) });
        assert!(schedule.try_begin(start + SHORTEST));
        assert!(!schedule.may_rebuild(start + SHORTEST));
        assert!(!schedule.try_begin(start + Duration::from_secs(19)));
        assert!(
            schedule.try_begin(start + Duration::from_secs(20))
                && schedule.may_rebuild(start + Duration::from_secs(20))
        );
    }

    #[test]
    fn unreadable_files_back_off() {
        let start = Instant::now();
        let mut waits = Vec::new();
        let mut schedule = RefreshSchedule::after(built(start, true, 0));
        for _ in 0..10 {
            waits.push(schedule.next_check - start);
            assert!(schedule.try_begin(schedule.next_check) && schedule.may_retry(schedule.next_check));
            schedule = RefreshSchedule::after(built(start, true, schedule.failures()));
        }
        assert_eq!(waits[..3], [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4]);
        assert_eq!(waits[9], LONGEST_RETRY);
        let whole = RefreshSchedule::after(built(start, false, schedule.failures()));
        assert_eq!((whole.failures(), whole.next_check - start), (0, Duration::from_secs(24 * 60)));
    }

    #[test]
    fn checks_continue_while_unreadable_files_wait() {
        let start = Instant::now();
        let mut schedule = RefreshSchedule::after(Built { newest_age: Some(Duration::ZERO), ..built(start, true, 6) });
        let (retry, mut now, mut checks) = (start + retry_delay(7), start, 0);
        while now < retry {
            now = schedule.next_check;
            assert!(schedule.try_begin(now));
            assert_eq!(schedule.may_retry(now), now >= retry);
            schedule.done(now, Some(Duration::ZERO));
            checks += 1;
        }
        assert_eq!((now, checks), (retry, 26), "128 s in steps of 5 s");
        schedule.failed(now);
        assert!(!schedule.may_retry(now + retry_delay(8) - SHORTEST) && schedule.may_retry(now + retry_delay(8)));
    }
}
