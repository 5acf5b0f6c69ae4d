//! Guards for any store: timeouts, a limit of concurrent requests, retries, metrics.
//!
//! A request waits for a permit and holds it until its body ends or is dropped. Transient errors are retried after a
//! pause with jitter, at least as long as the store asks for. A body that breaks off or stalls resumes at the same
//! byte, as long as the object is unchanged. Callers therefore never retry. Permanent errors are not retried, and every
//! wait is bounded.

mod body;
mod hedge;
#[cfg(test)]
mod tests;

use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use crate::metrics::{Metrics, Request};
use async_trait::async_trait;
use hedge::Hedge;
use prometheus_client::metrics::gauge::Gauge;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// Timeouts and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Timeout for a page of a listing, or until a body begins.
    pub call: Duration,
    /// Timeout between two pieces of a body.
    pub stall: Duration,
    /// Time after which a read whose body has not begun is requested a second time; the first to begin is used.
    pub hedge: Duration,
    /// Maximum number of concurrent requests, including their bodies.
    pub concurrent: usize,
    /// Maximum number of attempts per request. The count starts again when a body makes progress.
    pub attempts: u32,
    /// Pause before the first retry; each later one is twice as long, plus or minus a quarter.
    pub first_pause: Duration,
    /// Maximum pause. If a store asks for a longer one, the request fails at once.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            stall: Duration::from_secs(20),
            hedge: Duration::from_secs(1),
            concurrent: 128,
            attempts: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(20),
        }
    }
}

/// A guarded store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Guarded {
    inner: Arc<dyn Storage>,
    name: &'static str,
    limits: Limits,
    permits: Arc<Semaphore>,
    hedge: Arc<Hedge>,
    metrics: Arc<Metrics>,
}

impl Guarded {
    /// Wraps a store; `name` is its label in the metrics.
    pub fn new(inner: Arc<dyn Storage>, name: &'static str, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let permits = Arc::new(Semaphore::new(limits.concurrent.max(1)));
        Self { inner, name, limits, permits, hedge: Arc::default(), metrics }
    }

    async fn admit(&self, request: &Request) -> Permit {
        // The semaphore is never closed, so a permit always comes.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        let gauge = self.metrics.in_flight(request);
        gauge.inc();
        Permit { _permit: permit, gauge }
    }

    /// Runs one attempt with a timeout, and counts it.
    async fn attempt<T>(
        &self,
        request: &Request,
        key: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let result = timeout(self.limits.call, work).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", self.limits.call.as_secs());
            Err(Error::because(ErrorKind::Unavailable, key, why))
        });
        let outcome = result.as_ref().map_or_else(|error| error.kind().as_str(), |_| "ok");
        self.metrics.ended(request, outcome, began.elapsed());
        result
    }

    /// Returns the pause before the next attempt; `None` if there is none.
    fn pause(&self, attempts: u32, error: &Error) -> Option<Duration> {
        let asked = error.retry_after().unwrap_or_default();
        if !error.is_transient() || attempts >= self.limits.attempts || asked > self.limits.longest_pause {
            return None;
        }
        let doubled = self.limits.first_pause * 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
        Some(jittered(doubled.min(self.limits.longest_pause)).max(asked))
    }

    async fn open(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let request = self.request("read");
        let ask = || self.attempt(&request, key, self.inner.read_matching(key, range, if_match));
        for attempts in 1.. {
            let slot = || Arc::clone(&self.permits).try_acquire_owned().ok();
            match self.hedge.first(self.limits.hedge, ask, slot).await {
                Err(error) => match self.pause(attempts, &error) {
                    Some(pause) => sleep(pause).await,
                    None => return Err(error),
                },
                Ok(opened) if if_match.is_some_and(|etag| is_other(&opened, etag)) => {
                    return Err(Error::new(ErrorKind::PreconditionFailed, key));
                }
                opened => return opened,
            }
        }
        Err(Error::new(ErrorKind::Unavailable, key))
    }

    fn request(&self, operation: &'static str) -> Request {
        Request { store: self.name, operation }
    }
}

#[async_trait]
impl Storage for Guarded {
    fn listing_is_free(&self) -> bool {
        self.inner.listing_is_free()
    }

    fn lists_in_order(&self) -> bool {
        self.inner.lists_in_order()
    }

    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let request = self.request("list");
        let _permit = self.admit(&request).await;
        for attempts in 1.. {
            match self.attempt(&request, prefix, self.inner.list(prefix, delimiter, page.clone())).await {
                Err(error) => match self.pause(attempts, &error) {
                    Some(pause) => sleep(pause).await,
                    None => return Err(error),
                },
                listed => return listed,
            }
        }
        Err(Error::new(ErrorKind::Unavailable, prefix))
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let permit = self.admit(&self.request("read")).await;
        let opened = self.open(key, range, if_match).await?;
        Ok(body::guard(self.clone(), opened, permit))
    }
}

/// Returns `true` if a store that ignores conditions, as some servers and proxies do, opened another version.
fn is_other(opened: &ObjectBody, etag: &str) -> bool {
    opened.meta.etag.as_deref().is_some_and(|opened| opened != etag)
}

/// A permit for a request in flight.
#[derive(Debug)]
struct Permit {
    _permit: Option<OwnedSemaphorePermit>,
    gauge: Gauge,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// Changes a pause by up to a quarter, so that requests that failed together are not retried together.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 512;
    pause * 3 / 4 + pause / 1024 * random as u32
}
