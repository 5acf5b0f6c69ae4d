//! The times of a scene as times of the day of the test.
//!
//! An hour without news passes within some seconds, and a second stays one: order is kept, and times of objects lie
//! between the times at which they are shown.

use ray_history_obituary::time::Time;
use std::time::{Duration, SystemTime};

/// The longest time between two steps of a scene.
const GAP: Duration = Duration::from_secs(3);
/// The same in a scene of many steps, as recorded ones are.
const SHORT_GAP: Duration = Duration::from_millis(1_200);
/// Steps from which on a scene has many.
const MANY: usize = 16;
/// The time for which what waits is shown, so that it is asked about: of pods after a minute, of queues twice a minute.
const HOLD: Duration = Duration::from_secs(60);

const SECOND: i64 = 1_000_000_000;

/// The clock of one scene.
pub(super) struct Clock {
    /// The time at which the scene begins.
    start: Time,
    /// Times of the scene that were shown, in seconds, with the real times.
    shown: Vec<(i64, Time)>,
    longest: Duration,
    holds: Option<i64>,
}

impl Clock {
    /// Returns the clock of a scene with so many steps, of which all before `first` is over now.
    pub(super) fn new(start: Time, first: i64, steps: usize, holds: Option<i64>) -> Self {
        let longest = if steps >= MANY { SHORT_GAP } else { GAP };
        Self { start, shown: vec![(first, now())], longest, holds }
    }

    /// Waits until a step is to be shown, in seconds of the scene.
    pub(super) async fn until(&mut self, step: i64) {
        let Some((last, at)) = self.shown.last().copied().filter(|(last, _)| *last < step) else { return };
        let gap = Duration::from_secs(step.abs_diff(last)).min(self.longest);
        let gap = if self.holds.is_some_and(|from| (last..step).contains(&from)) { HOLD } else { gap };
        let passed = Duration::from_nanos(u64::try_from(now().0 - at.0).unwrap_or(0));
        tokio::time::sleep(gap.saturating_sub(passed)).await;
        self.shown.push((step, now()));
    }

    /// Returns the real time of a time of the scene.
    pub(super) fn real(&self, time: Time) -> Time {
        let of_step = |step: i64| self.start.plus(step);
        let later = self.shown.iter().position(|(step, _)| of_step(*step) >= time);
        let (step, at) = match later {
            Some(0) => self.shown[0],
            Some(later) => {
                let ((before, from), (after, to)) = (self.shown[later - 1], self.shown[later]);
                let whole = i128::from(after - before) * i128::from(SECOND);
                let part = i128::from(time.0 - of_step(before).0);
                let passed = part * i128::from(to.0 - from.0) / whole;
                return Time(from.0 + i64::try_from(passed).unwrap());
            }
            // The present of the scene ends here; what is to come has its own pace.
            None => self.shown[self.shown.len() - 1],
        };
        Time(at.0 + (time.0 - of_step(step).0))
    }
}

/// Returns the time now.
pub(super) fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Time(i64::try_from(since.as_nanos()).unwrap())
}

/// Returns a time as objects have it: in seconds, or in microseconds.
pub(super) fn written(time: Time, is_precise: bool) -> String {
    let format = if is_precise { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    jiff::Timestamp::from_nanosecond(time.0.into()).unwrap().strftime(format).to_string()
}
