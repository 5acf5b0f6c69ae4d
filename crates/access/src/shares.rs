//! The share of the reviews of permissions that one person may have.
//!
//! Whoever asks for ever more names of namespaces would otherwise take the turns of all others.

use crate::identity::Identity;
use crate::rate::{Rate, wait_for};
use lru::LruCache;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reviews for one person: in a second, and at once. A first list of 200 namespaces waits for no turn.
const REVIEWS: (u32, u32) = (20, 200);

/// Most reviews in flight for one person.
pub(crate) const IN_FLIGHT: usize = 16;

/// Most people who are remembered.
const MOST: usize = 10_000;

/// The shares of people. Tokens, groups and extra fields make nobody another person.
#[derive(Debug)]
pub(crate) struct Shares(Mutex<LruCache<[u8; 32], Share>>);

#[derive(Clone, Debug)]
struct Share {
    rate: Arc<Mutex<Rate>>,
    in_flight: Arc<Semaphore>,
}

impl Shares {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }

    /// Waits until a person may have a review; `None` if too many wait already.
    pub(crate) async fn take(&self, person: &Identity) -> Option<OwnedSemaphorePermit> {
        let share = self.of(person);
        wait_for(&share.rate).await?;
        share.in_flight.acquire_owned().await.ok()
    }

    fn of(&self, person: &Identity) -> Share {
        let mut shares = self.0.lock();
        let new = || Share {
            rate: Arc::new(Mutex::new(Rate::new(REVIEWS.0, REVIEWS.1))),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
        };
        let share = shares.get_or_insert(person.name_digest(), new).clone();
        if shares.len() > MOST {
            shares.pop_lru();
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::collections::BTreeMap;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    fn person(name: &str, credential: &str) -> Identity {
        let extra = BTreeMap::from([("credential-id".to_owned(), vec![credential.to_owned()])]);
        Identity::new(name, "", Vec::new(), extra)
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_has_a_rate_whatever_tokens_they_have() {
        let (shares, begun, mut count) = (Shares::new(), Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(10) {
            drop(shares.take(&person("ann", &count.to_string())).await.unwrap());
            count += 1;
        }
        assert!((395..=405).contains(&count), "{count} in 10 s");
        let others = Instant::now();
        for at in 0..200 {
            drop(shares.take(&person("bob", &at.to_string())).await.unwrap());
        }
        assert_eq!(others.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn reviews_in_flight_and_people_are_bounded() {
        let shares = Shares::new();
        let ann = person("ann", "");
        let wanted = (0..100).map(|_| timeout(Duration::from_secs(1), shares.take(&ann)));
        let taken: Vec<_> = join_all(wanted).await.into_iter().filter_map(Result::ok).flatten().collect();
        assert_eq!(taken.len(), IN_FLIGHT);
        for at in 0..20_000 {
            drop(shares.take(&person(&at.to_string(), "")).await);
        }
        assert_eq!(shares.0.lock().len(), MOST);
    }
}
