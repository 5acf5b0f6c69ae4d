//! The identities behind tokens, cached.
//!
//! Tokens that are somebody's and tokens that are nobody's have caches of their own, so that garbage evicts nobody.
//! Neither contains a token: the key is a keyed digest of it.

use crate::clock::Clock;
use crate::failures::Failures;
use crate::flights::{Flights, Joined};
use crate::freshness::{Freshness, PATIENCE};
use crate::identity::Identity;
use crate::reviewer::Reviewed;
use crate::reviews::{NoReview, Reviews};
use crate::settings::AccessSettings;
use crate::token::Token;
use crate::turns::Subject;
use aws_lc_rs::hmac;
use lru::LruCache;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout};

/// Longest time for which an identity is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// Time for which a token that is nobody's is not asked for again.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// Most tokens in each cache.
const MOST: usize = 20_000;

/// The keyed digest of a token.
type Key = [u8; 32];

/// An identity with the end of its token.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) identity: Arc<Identity>,
    pub(crate) expires: Option<SystemTime>,
}

/// The reason why a token has no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The token is nobody's.
    Refused,
    /// A review would be needed, and too many failed for the client's address.
    TooMany,
    /// No review was possible.
    NoReview,
}

/// The identities behind tokens.
#[derive(Debug)]
pub(crate) struct Identities {
    reviews: Arc<Reviews>,
    clock: Clock,
    audiences: Vec<String>,
    stale_for: Duration,
    secret: hmac::Key,
    known: Mutex<LruCache<Key, (Known, Freshness)>>,
    refused: Mutex<LruCache<Key, Instant>>,
    failures: Failures,
    flights: Flights<Key, Result<Known, Unknown>>,
}

impl Identities {
    pub(crate) fn new(settings: &AccessSettings, reviews: Arc<Reviews>, clock: Clock, secret: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            reviews,
            clock,
            audiences: settings.audiences.clone(),
            stale_for: settings.cache.stale_for,
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret),
            known: Mutex::new(LruCache::unbounded()),
            refused: Mutex::new(LruCache::unbounded()),
            failures: Failures::new(),
            flights: Flights::new(),
        })
    }

    /// Returns the identity behind a token that came from an address, whose failures count.
    pub(crate) async fn of(self: &Arc<Self>, token: &Token, peer: IpAddr) -> Result<Known, Unknown> {
        let key = self.key(token);
        let (now, earlier) = (Instant::now(), self.cached(&key));
        if let Some((known, freshness)) = &earlier
            && (freshness.is_fresh(now) || (freshness.is_usable(now) && freshness.is_paused(now)))
        {
            return Ok(known.clone());
        }
        // In a box of its own, because nearly all tokens are known already.
        Box::pin(self.ask(key, earlier, token, peer)).await
    }

    /// Returns the identity behind a token that must be reviewed. `earlier` is what the cache has about it.
    async fn ask(
        self: &Arc<Self>,
        key: Key,
        earlier: Option<(Known, Freshness)>,
        token: &Token,
        peer: IpAddr,
    ) -> Result<Known, Unknown> {
        let now = Instant::now();
        if self.is_refused(&key) {
            return Err(Unknown::Refused);
        }
        let subject = if earlier.is_some() { Subject::KnownToken } else { Subject::NewToken };
        if subject == Subject::NewToken && self.failures.too_many(peer) {
            return Err(Unknown::TooMany);
        }
        let usable = earlier.filter(|(_, freshness)| freshness.is_usable(now));
        let (this, copy) = (Arc::clone(self), token.clone());
        let there = || {
            let fresh = self.cached(&key).filter(|(_, freshness)| freshness.is_fresh(Instant::now()));
            fresh.map(|(known, _)| Ok(known)).or_else(|| self.is_refused(&key).then_some(Err(Unknown::Refused)))
        };
        let result = match self.flights.join(key, there, || async move { this.review(key, &copy, subject, peer).await })
        {
            Joined::There(result) => Some(result),
            Joined::Flight(flight) if usable.is_some() => timeout(PATIENCE, flight).await.ok().flatten(),
            Joined::Flight(flight) => flight.await,
        };
        match result.unwrap_or(Err(Unknown::NoReview)) {
            Err(Unknown::NoReview) => usable.map(|(known, _)| known).ok_or(Unknown::NoReview),
            result => result,
        }
    }

    /// Counts a text that can be no token as a failure of an address.
    pub(crate) fn malformed(&self, peer: IpAddr) -> Unknown {
        if self.failures.too_many(peer) {
            return Unknown::TooMany;
        }
        self.failures.count(peer);
        Unknown::Refused
    }

    fn key(&self, token: &Token) -> Key {
        let tag = hmac::sign(&self.secret, token.expose().as_bytes());
        let mut key = Key::default();
        key.copy_from_slice(tag.as_ref());
        key
    }

    fn cached(&self, key: &Key) -> Option<(Known, Freshness)> {
        self.known.lock().get(key).cloned()
    }

    fn is_refused(&self, key: &Key) -> bool {
        self.refused.lock().get(key).is_some_and(|until| Instant::now() < *until)
    }

    /// Reviews a token, and keeps the result. A failure counts although nobody may wait for the answer any more.
    async fn review(&self, key: Key, token: &Token, subject: Subject<'static>, peer: IpAddr) -> Result<Known, Unknown> {
        let reviewed = match self.reviews.turn(subject).await {
            // Others from the same address failed while this one waited.
            Ok(_) if subject == Subject::NewToken && self.failures.too_many(peer) => return Err(Unknown::TooMany),
            Ok(turn) => self.reviews.token(turn, token, &self.audiences).await,
            Err(NoReview) => Err(NoReview),
        };
        match reviewed {
            Ok(Reviewed::Authenticated { identity, audiences }) if self.is_for_us(&audiences) => {
                let known = Known { identity: Arc::new(identity), expires: token.expires() };
                let left = known.expires.map(|end| end.duration_since(self.clock.now()).unwrap_or_default());
                let (fresh, stale) = life(left, self.stale_for);
                self.refused.lock().pop(&key);
                put(&mut self.known.lock(), key, (known.clone(), Freshness::new(fresh, stale)));
                Ok(known)
            }
            Ok(_) => {
                self.failures.count(peer);
                self.known.lock().pop(&key);
                put(&mut self.refused.lock(), key, Instant::now() + REFUSED_FOR);
                Err(Unknown::Refused)
            }
            Err(NoReview) => {
                if let Some((_, freshness)) = self.known.lock().peek_mut(&key) {
                    freshness.pause(Instant::now());
                }
                Err(Unknown::NoReview)
            }
        }
    }

    /// Returns `true` if a token has one of the audiences that are wanted.
    fn is_for_us(&self, audiences: &[String]) -> bool {
        self.audiences.is_empty() || self.audiences.iter().any(|wanted| audiences.contains(wanted))
    }

    /// Returns the number of tokens in both caches.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.known.lock().len(), self.refused.lock().len())
    }
}

/// Returns the times for which an identity is fresh, and then usable, if its token has so much time left.
fn life(left: Option<Duration>, stale_for: Duration) -> (Duration, Duration) {
    let left = left.unwrap_or(Duration::MAX);
    let fresh = left.min(BELIEVED_FOR);
    (fresh, left.saturating_sub(fresh).min(stale_for))
}

fn put<V>(cache: &mut LruCache<Key, V>, key: Key, value: V) {
    cache.put(key, value);
    if cache.len() > MOST {
        cache.pop_lru();
    }
}
