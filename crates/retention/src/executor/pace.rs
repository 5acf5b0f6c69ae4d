//! The rate of deletions, which are counted by keys, and the second and third attempt of a request.

use ray_history_storage::{Error, ErrorKind};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// The time for which the rate is halved after the store asked for it.
const SLOW: Duration = Duration::from_secs(600);
/// Attempts of a request.
const ATTEMPTS: u32 = 3;
/// The longest wait that a store may ask for.
const LONGEST: Duration = Duration::from_secs(60);

/// The rate, and when the next key may be deleted.
#[derive(Debug, Default)]
pub(super) struct Pace {
    free: Option<Instant>,
    slow_until: Option<Instant>,
}

impl Pace {
    /// Waits until so many keys may be deleted.
    pub(super) async fn take(&mut self, keys: usize, per_second: u32) {
        let now = Instant::now();
        let at = self.free.map_or(now, |free| free.max(now));
        let is_slow = self.slow_until.is_some_and(|until| now < until);
        let rate = f64::from(per_second.max(1)) / if is_slow { 2.0 } else { 1.0 };
        self.free = Some(at + Duration::from_secs_f64(keys as f64 / rate));
        sleep_until(at).await;
    }

    /// Halves the rate for ten minutes.
    pub(super) fn slow_down(&mut self) {
        self.slow_until = Some(Instant::now() + SLOW);
    }
}

/// Makes a request up to three times.
pub(super) async fn tried<T, F: Future<Output = Result<T, Error>>>(request: impl Fn() -> F) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        match request().await {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => wait(&error, attempt).await,
            result => return result,
        }
        attempt += 1;
    }
}

/// Waits before the next attempt, at least as long as the store asks for.
pub(super) async fn wait(error: &Error, attempt: u32) {
    let own = Duration::from_secs(1 << (2 * attempt.min(3)));
    sleep(own.max(error.retry_after().unwrap_or_default()).min(LONGEST)).await;
}

/// Returns `true` if an error may ask for fewer requests.
pub(super) fn is_throttled(error: &Error) -> bool {
    error.kind() == ErrorKind::Throttled
}

/// Returns `true` if there is another attempt after this one.
pub(super) fn may_retry(error: &Error, attempt: u32) -> bool {
    error.is_transient() && attempt < ATTEMPTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_may_ask_for_a_longer_pause_but_for_no_shorter_one() {
        for (asked, attempt, waited) in
            [(None, 1, 4), (Some(0), 1, 4), (Some(3), 2, 16), (Some(30), 2, 30), (Some(99), 1, 60)]
        {
            let error = Error::new(ErrorKind::Throttled, "k").with_retry_after(asked.map(Duration::from_secs));
            let begun = Instant::now();
            wait(&error, attempt).await;
            assert_eq!(begun.elapsed().as_secs(), waited, "{asked:?} {attempt}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_asks_for_less_gets_half() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        for (keys, waited) in [(100, 0), (100, 2), (50, 4)] {
            pace.take(keys, 50).await;
            assert_eq!(begun.elapsed().as_secs(), waited);
        }
        pace.slow_down();
        for (keys, waited) in [(100, 5), (1, 9)] {
            pace.take(keys, 50).await;
            assert_eq!(begun.elapsed().as_secs(), waited);
        }
        sleep(SLOW).await;
        let (again, before) = (begun.elapsed(), Instant::now());
        pace.take(50, 50).await;
        pace.take(1, 50).await;
        assert_eq!((again.as_secs(), before.elapsed().as_secs()), (609, 1));
    }
}
