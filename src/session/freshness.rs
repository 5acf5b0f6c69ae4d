//! When an open session is compared with the store again, and when it is built again.
//!
//! Owns the rule; pure: moments come in, moments go out. Nothing is ever final: uploads come late, in gaps, and after
//! outages, so the interval grows with the age of the newest file but never ends.

use std::time::Duration;
use tokio::time::Instant;

/// The shortest time between two looks: while files arrive.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest: for a session nobody has added to for weeks.
const LONGEST: Duration = Duration::from_hours(4);
/// The interval is this part of the newest file's age: a minute for an hour, half an hour for a day.
const PART_OF_AGE: u32 = 60;
/// A session is built again at most after so many times the time that building it takes.
const BUILD_TIMES: u32 = 10;
/// How long files that could not be read are left alone at first; doubles each time, up to `LONGEST_HOLD`.
const FIRST_HOLD: Duration = Duration::from_secs(2);
/// The longest pause before files that could not be read are tried again.
const LONGEST_HOLD: Duration = Duration::from_mins(5);

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Not before.
    due: Instant,
    /// A rebuild of what changed may not begin before.
    rebuild: Instant,
    /// What could not be read is not tried again before.
    retry: Instant,
    /// Somebody is looking.
    running: bool,
    /// How often in a row files could not be read.
    failures: u32,
}

/// What a build tells about the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    /// When it ended.
    pub(super) at: Instant,
    /// How long it took.
    pub(super) took: Duration,
    /// How old its newest file is; none when no store says.
    pub(super) newest_age: Option<Duration>,
    /// Whether stored files could not be read.
    pub(super) incomplete: bool,
    /// How often in a row that was so before.
    pub(super) failures: u32,
}

impl Look {
    /// After a build.
    pub(super) fn after(built: Built) -> Self {
        let failures = if built.incomplete { built.failures + 1 } else { 0 };
        let wait = interval(built.newest_age);
        let wait = if failures > 0 { wait.min(hold(failures)) } else { wait };
        let retry = if failures > 0 { built.at + hold(failures) } else { built.at };
        Self { due: built.at + wait, rebuild: built.at + built.took * BUILD_TIMES, retry, running: false, failures }
    }

    /// Whether to look now; if so, nobody else shall until `done`.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let begin = !self.running && now >= self.due;
        self.running |= begin;
        begin
    }

    /// The look is over and nothing is built now.
    pub(super) fn done(&mut self, now: Instant, newest_age: Option<Duration>) {
        self.running = false;
        let due = now + interval(newest_age);
        self.due = if self.retry > now { due.min(self.retry) } else { due };
    }

    /// The look failed, or a rebuild did: the session stays as it is for a while.
    pub(super) fn failed(&mut self, now: Instant) {
        self.running = false;
        self.failures += 1;
        self.retry = now + hold(self.failures);
        self.due = self.retry;
    }

    /// Whether files that could not be read may be tried again now.
    pub(super) fn may_retry(&self, now: Instant) -> bool {
        now >= self.retry
    }

    /// Something changed: whether it may be built again now. If not, that is looked at again when it may.
    pub(super) fn may_rebuild(&mut self, now: Instant) -> bool {
        if now >= self.rebuild {
            return true;
        }
        self.running = false;
        self.due = self.rebuild;
        false
    }

    /// How often in a row files could not be read.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

/// How long to leave alone what failed so many times in a row: short, and growing.
pub(super) fn hold(failures: u32) -> Duration {
    FIRST_HOLD.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_HOLD)
}

/// A file from the future is new; where nobody knows, it may be.
fn interval(newest_age: Option<Duration>) -> Duration {
    newest_age.map_or(SHORTEST, |age| (age / PART_OF_AGE).clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_older_the_newest_file_the_rarer_the_looks() {
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
    fn one_looks_at_a_time_and_only_when_it_is_due() {
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
    fn a_rebuild_waits_ten_times_the_time_it_takes() {
        let start = Instant::now();
        let mut look = Look::after(Built { newest_age: Some(Duration::ZERO), ..built(start, false, 0) });
        assert!(look.begin(start + SHORTEST));
        assert!(!look.may_rebuild(start + SHORTEST));
        assert!(!look.begin(start + Duration::from_secs(19)));
        assert!(look.begin(start + Duration::from_secs(20)) && look.may_rebuild(start + Duration::from_secs(20)));
    }

    #[test]
    fn what_could_not_be_read_is_tried_again_soon_and_then_ever_later() {
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
    fn new_files_are_looked_for_meanwhile_but_what_could_not_be_read_waits() {
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
