//! Decisions about permissions, cached by identity, right and namespace together.

use crate::flights::{Flights, Joined};
use crate::freshness::{Freshness, PATIENCE};
use crate::identity::Identity;
use crate::reviewer::Decision;
use crate::reviews::{NoReview, Reviews};
use crate::right::{Attributes, Right, Scope};
use crate::settings::CacheTimes;
use lru::LruCache;
use parking_lot::Mutex;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Most decisions in the cache.
const MOST: usize = 200_000;

/// Time for which a decision is believed during which something went wrong.
const UNCERTAIN_FOR: Duration = Duration::from_secs(5);

/// Age at which a denial is asked for again by those who want it now.
pub(crate) const OLD_DENIAL: Duration = Duration::from_secs(10);

/// The keyed hash of identity, namespace and right.
type Key = u128;

/// A decision that was made, and its life.
type Cached = (bool, Freshness);

/// A decision, and whether it was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) allowed: bool,
    pub(crate) cached: bool,
}

/// Decisions about permissions.
#[derive(Debug)]
pub(crate) struct Decisions {
    reviews: Arc<Reviews>,
    times: CacheTimes,
    /// With a random key, which no client can aim at.
    hash: SipHasher24,
    cache: Mutex<LruCache<Key, Cached>>,
    flights: Flights<Key, Result<bool, NoReview>>,
}

impl Decisions {
    pub(crate) fn new(times: CacheTimes, reviews: Arc<Reviews>, secret: &[u8; 16]) -> Arc<Self> {
        let (hash, cache) = (SipHasher24::new_with_key(secret), Mutex::new(LruCache::unbounded()));
        Arc::new(Self { reviews, times, hash, cache, flights: Flights::new() })
    }

    /// Returns the scope of a right if no review is needed for it, as `of` would decide it for all namespaces and then
    /// for the one.
    pub(crate) fn scope(
        &self,
        identity: &Identity,
        right: Right,
        namespace: Option<&str>,
        at_once: bool,
    ) -> Option<Scope> {
        let everywhere = self.key(identity, right, "");
        let namespace = namespace.map(|namespace| self.key(identity, right, namespace));
        let (now, mut cache) = (Instant::now(), self.cache.lock());
        let mut allowed = |key| {
            let cached = cache.get(&key).filter(|cached| counts(cached, now, at_once));
            cached.map(|(allowed, _)| *allowed)
        };
        if allowed(everywhere)? {
            return Some(Scope::Everywhere);
        }
        Some(if namespace.map_or(Some(false), allowed)? { Scope::Namespace } else { Scope::Nowhere })
    }

    /// Returns a decision if it is fresh.
    pub(crate) fn fresh(&self, identity: &Identity, right: Right, namespace: &str) -> Option<bool> {
        let cached = self.cached(&self.key(identity, right, namespace));
        cached.filter(|(_, freshness)| freshness.is_fresh(Instant::now())).map(|(allowed, _)| allowed)
    }

    /// Returns a decision. With `now`, a denial that is over ten seconds old does not count.
    pub(crate) async fn of(
        self: &Arc<Self>,
        identity: &Arc<Identity>,
        right: Right,
        attributes: Attributes,
        at_once: bool,
    ) -> Result<Decided, NoReview> {
        let key = self.key(identity, right, &attributes.namespace);
        let (now, earlier) = (Instant::now(), self.cached(&key));
        if let Some(earlier) = earlier.filter(|earlier| counts(earlier, now, at_once)) {
            return Ok(Decided { allowed: earlier.0, cached: true });
        }
        let usable = earlier.filter(|(_, freshness)| freshness.is_usable(now)).map(|(allowed, _)| allowed);
        let (this, identity) = (Arc::clone(self), Arc::clone(identity));
        let there = || {
            let cached = self.cached(&key).filter(|cached| counts(cached, Instant::now(), at_once));
            cached.map(|(allowed, _)| Ok(allowed))
        };
        let joined = self.flights.join(key, there, || async move { this.review(key, &identity, &attributes).await });
        let result = match joined {
            Joined::There(result) => Some(result),
            Joined::Flight(flight) if usable.is_some() => timeout(PATIENCE, flight).await.ok().flatten(),
            Joined::Flight(flight) => flight.await,
        };
        match result {
            Some(Ok(allowed)) => Ok(Decided { allowed, cached: false }),
            Some(Err(NoReview)) | None => usable.map(|allowed| Decided { allowed, cached: true }).ok_or(NoReview),
        }
    }

    fn cached(&self, key: &Key) -> Option<Cached> {
        self.cache.lock().get(key).copied()
    }

    async fn review(&self, key: Key, identity: &Identity, attributes: &Attributes) -> Result<bool, NoReview> {
        let reviewed = self.reviews.permission(identity, attributes).await;
        let mut cache = self.cache.lock();
        if let Ok(decision) = reviewed {
            let freshness = Freshness::new(life(decision, self.times, key), self.times.stale_for);
            cache.put(key, (decision.allowed, freshness));
            if cache.len() > MOST {
                cache.pop_lru();
            }
        } else if let Some((_, freshness)) = cache.peek_mut(&key) {
            freshness.pause(Instant::now());
        }
        reviewed.map(|decision| decision.allowed)
    }

    fn key(&self, identity: &Identity, right: Right, namespace: &str) -> Key {
        let mut hash = self.hash;
        hash.write(identity.digest());
        hash.write(namespace.as_bytes());
        // After the only part of varying length, so that no two keys have the same text.
        hash.write(&[right as u8]);
        hash.finish128().as_u128()
    }

    /// Returns the number of decisions in the cache.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.cache.lock().len()
    }
}

/// Returns `true` if a decision is believed without a review; with `at_once`, a denial only for ten seconds.
fn counts((allowed, freshness): &Cached, now: Instant, at_once: bool) -> bool {
    let asked_again = at_once && !allowed && now.duration_since(freshness.made) > OLD_DENIAL;
    (freshness.is_fresh(now) && !asked_again) || (freshness.is_usable(now) && freshness.is_paused(now))
}

/// Returns the time for which a decision is believed. Times differ by the key, so that the decisions of a list do not
/// end together: those of denials by a fifth up or down; permissions are never believed longer than the settings say.
fn life(decision: Decision, times: CacheTimes, key: Key) -> Duration {
    let share = f64::from(key as u8) / 255.0;
    let life = if decision.allowed {
        times.allowed_for.mul_f64(0.8 + 0.2 * share)
    } else {
        times.denied_for.mul_f64(0.8 + 0.4 * share)
    };
    if decision.uncertain { life.min(UNCERTAIN_FOR) } else { life }
}
