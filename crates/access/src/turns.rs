//! The bounds of reviews: how many may be in flight, and how many may start in a second.
//!
//! The client of Kubernetes has no limits of its own. Tokens that were never seen before get no more than a part of
//! each, so that garbage leaves turns to people who are known.

use crate::observer::ReviewKind;
use crate::rate::Rate;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// Most reviews of tokens in flight.
const TOKENS: usize = 16;

/// Most reviews in flight of tokens that were never seen before.
const NEW_TOKENS: usize = 12;

/// Most reviews of permissions in flight.
const PERMISSIONS: usize = 32;

/// Longest wait for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The subject of a review, by which it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A token that was never seen before.
    NewToken,
    /// A token that was somebody's when it was last reviewed.
    KnownToken,
    /// A permission of somebody.
    Permission,
}

impl Subject {
    pub(crate) fn kind(self) -> ReviewKind {
        match self {
            Self::NewToken | Self::KnownToken => ReviewKind::Token,
            Self::Permission => ReviewKind::Access,
        }
    }
}

/// Gives turns.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Starts of reviews: 50 in a second, 200 at once.
    all: Mutex<Rate>,
    /// Starts of reviews of tokens that were never seen before.
    new: Mutex<Rate>,
    new_tokens: Arc<Semaphore>,
    tokens: Arc<Semaphore>,
    permissions: Arc<Semaphore>,
}

/// The right to make one review, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permits: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self {
            all: Mutex::new(Rate::new(50, 200)),
            new: Mutex::new(Rate::new(40, 150)),
            new_tokens: Arc::new(Semaphore::new(NEW_TOKENS)),
            tokens: Arc::new(Semaphore::new(TOKENS)),
            permissions: Arc::new(Semaphore::new(PERMISSIONS)),
        }
    }

    /// Waits for a turn; `None` if there is none in time.
    pub(crate) async fn take(&self, subject: Subject) -> Option<Turn> {
        timeout(LONGEST_WAIT, self.wait(subject)).await.ok().flatten()
    }

    async fn wait(&self, subject: Subject) -> Option<Turn> {
        let mut first = None;
        if subject == Subject::NewToken {
            start(&self.new).await?;
            first = Some(Arc::clone(&self.new_tokens).acquire_owned().await.ok()?);
        }
        let permits = match subject.kind() {
            ReviewKind::Token => &self.tokens,
            ReviewKind::Access => &self.permissions,
        };
        let second = Arc::clone(permits).acquire_owned().await.ok()?;
        start(&self.all).await?;
        Some(Turn { _permits: (first, second) })
    }
}

/// Waits until a review may start.
async fn start(rate: &Mutex<Rate>) -> Option<()> {
    let wait = rate.lock().take(Instant::now(), LONGEST_WAIT)?;
    if !wait.is_zero() {
        sleep(wait).await;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test(start_paused = true)]
    async fn each_subject_has_its_bound_of_reviews_in_flight() {
        for (subject, most) in
            [(Subject::NewToken, NEW_TOKENS), (Subject::KnownToken, TOKENS), (Subject::Permission, PERMISSIONS)]
        {
            let turns = Turns::new();
            let taken = join_all((0..100).map(|_| turns.take(subject))).await;
            assert_eq!(taken.iter().flatten().count(), most, "{subject:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn new_tokens_leave_turns_to_known_ones() {
        let turns = Turns::new();
        let garbage = join_all((0..1_000).map(|_| turns.take(Subject::NewToken)));
        let known = async {
            sleep(Duration::from_millis(100)).await;
            timeout(Duration::from_millis(100), turns.take(Subject::KnownToken)).await
        };
        let (garbage, known) = futures_util::future::join(garbage, known).await;
        assert!(known.unwrap().is_some());
        assert_eq!(garbage.iter().flatten().count(), NEW_TOKENS);
    }

    #[tokio::test(start_paused = true)]
    async fn reviews_start_at_a_bounded_rate() {
        let (turns, start) = (Turns::new(), Instant::now());
        let mut count = 0;
        while start.elapsed() < Duration::from_secs(4) {
            drop(turns.take(Subject::Permission).await.unwrap());
            count += 1;
        }
        assert!((395..=405).contains(&count), "{count} in 4 s");
    }
}
