//! The bounds of reviews: how many may be in flight, and how many may start in a second.
//!
//! The client of Kubernetes has no limits of its own. Tokens that were never seen before get no more than a part of
//! each, so that garbage leaves turns to people who are known, and nobody gets more than their share.

use crate::identity::Identity;
use crate::observer::ReviewKind;
use crate::rate::{LONGEST_WAIT, Rate, wait_for};
use crate::shares::Shares;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Most reviews of tokens in flight.
const TOKENS: usize = 16;

/// Most reviews in flight of tokens that were never seen before.
const NEW_TOKENS: usize = 12;

/// Most reviews of permissions in flight.
const PERMISSIONS: usize = 32;

/// The subject of a review, by which it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A token that was never seen before.
    NewToken,
    /// A token that was somebody's when it was last reviewed.
    KnownToken,
    /// A permission of somebody.
    Permission(&'a Identity),
}

impl Subject<'_> {
    pub(crate) fn kind(self) -> ReviewKind {
        match self {
            Self::NewToken | Self::KnownToken => ReviewKind::Token,
            Self::Permission(_) => ReviewKind::Access,
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
    shares: Shares,
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
            shares: Shares::new(),
            tokens: Arc::new(Semaphore::new(TOKENS)),
            permissions: Arc::new(Semaphore::new(PERMISSIONS)),
        }
    }

    /// Waits for a turn; `None` if there is none in time.
    pub(crate) async fn take(&self, subject: Subject<'_>) -> Option<Turn> {
        timeout(LONGEST_WAIT, self.wait(subject)).await.ok().flatten()
    }

    async fn wait(&self, subject: Subject<'_>) -> Option<Turn> {
        let first = match subject {
            Subject::KnownToken => None,
            Subject::NewToken => {
                wait_for(&self.new).await?;
                Some(Arc::clone(&self.new_tokens).acquire_owned().await.ok()?)
            }
            Subject::Permission(person) => Some(self.shares.take(person).await?),
        };
        let permits = match subject.kind() {
            ReviewKind::Token => &self.tokens,
            ReviewKind::Access => &self.permissions,
        };
        let second = Arc::clone(permits).acquire_owned().await.ok()?;
        wait_for(&self.all).await?;
        Some(Turn { _permits: (first, second) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::IN_FLIGHT;
    use futures_util::future::join_all;
    use std::collections::BTreeMap;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    fn people(count: usize) -> Vec<Identity> {
        (0..count).map(|at| Identity::new(format!("person-{at}"), "", Vec::new(), BTreeMap::new())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_subject_has_its_bound_of_reviews_in_flight() {
        let (many, one) = (people(100), people(1));
        let subjects: [(&str, Vec<Subject<'_>>, usize); 4] = [
            ("new tokens", vec![Subject::NewToken; 100], NEW_TOKENS),
            ("known tokens", vec![Subject::KnownToken; 100], TOKENS),
            ("people", many.iter().map(Subject::Permission).collect(), PERMISSIONS),
            ("one person", vec![Subject::Permission(&one[0]); 100], IN_FLIGHT),
        ];
        for (what, subjects, most) in subjects {
            let turns = Turns::new();
            let taken = join_all(subjects.into_iter().map(|subject| turns.take(subject))).await;
            assert_eq!(taken.iter().flatten().count(), most, "{what}");
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
        let (turns, start, people) = (Turns::new(), Instant::now(), people(20));
        let mut count = 0;
        while start.elapsed() < Duration::from_secs(4) {
            drop(turns.take(Subject::Permission(&people[count % 20])).await.unwrap());
            count += 1;
        }
        assert!((395..=405).contains(&count), "{count} in 4 s");
    }
}
