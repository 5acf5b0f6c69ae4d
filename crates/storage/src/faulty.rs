//! Fault injection: wraps any store for tests and benchmarks, and counts requests.
//!
//! Faults are armed by key; the key of a listing is its prefix. A fault stays armed until `heal`, except one with a
//! number of occurrences.

#[cfg(test)]
mod tests;

use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

const ARMED: &str = "a fault armed by a test";

/// A fault.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Every request fails with this kind. `NotFound` is an object that vanished between the listing and the read.
    Always(ErrorKind),
    /// The next requests, up to this number, fail with this kind; later ones succeed.
    Times(u32, ErrorKind),
    /// The body breaks off with a transient error after this number of bytes.
    CutAfter(u64),
    /// The body ends after this number of bytes as if it were complete.
    EndAfter(u64),
    /// Listings skip the keys below this one and report it in `skipped`, like a folder without permission.
    Closed,
}

/// Numbers of requests, including failed ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages listed.
    pub lists: u64,
    /// Objects opened.
    pub reads: u64,
}

/// The wrapper.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Storage>,
    latency: Duration,
    paid: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    at_once: u64,
    most_at_once: u64,
    fail_next: u32,
    faults: HashMap<String, Fault>,
}

impl Faulty {
    /// Wraps a store, without faults.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, latency: Duration::ZERO, paid: false, state: Mutex::default() }
    }

    /// Delays each request before it reaches the store.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Makes listings cost money, as in a bucket.
    #[must_use]
    pub fn with_paid_listings(self) -> Self {
        Self { paid: true, ..self }
    }

    /// Makes the next `count` requests of any kind fail as if the store were down.
    pub fn fail_next(&self, count: u32) {
        self.state().fail_next = count;
    }

    /// Arms a fault for a key, or for listings of a prefix.
    pub fn arm(&self, key: impl Into<String>, fault: Fault) {
        self.state().faults.insert(key.into(), fault);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.fail_next = 0;
    }

    /// Returns the numbers of requests so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Returns the maximum number of requests that waited for the latency at the same time.
    pub fn most_at_once(&self) -> u64 {
        self.state().most_at_once
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Counts a request, waits for the latency, and fails if a fault is armed. Otherwise returns the fault of the body.
    async fn request(&self, key: &str, count: fn(&mut Counts)) -> Result<Option<Fault>, Error> {
        let verdict = self.state().request(key, count);
        if !self.latency.is_zero() {
            let _waiting = Waiting::begin(self);
            tokio::time::sleep(self.latency).await;
        }
        verdict.map_err(|kind| Error::because(kind, key, ARMED))
    }
}

/// A request on its way to the store.
struct Waiting<'a>(&'a Faulty);

impl<'a> Waiting<'a> {
    fn begin(store: &'a Faulty) -> Self {
        let mut state = store.state();
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        Self(store)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().at_once -= 1;
    }
}

impl State {
    fn request(&mut self, key: &str, count: fn(&mut Counts)) -> Result<Option<Fault>, ErrorKind> {
        count(&mut self.counts);
        if self.fail_next > 0 {
            self.fail_next -= 1;
            return Err(ErrorKind::Unavailable);
        }
        match self.faults.get_mut(key) {
            Some(Fault::Always(kind)) => Err(*kind),
            Some(Fault::Times(left, kind)) if *left > 0 => {
                *left -= 1;
                Err(*kind)
            }
            fault => Ok(fault.copied()),
        }
    }

    fn closed(&self) -> Vec<String> {
        let closed = self.faults.iter().filter(|(_, fault)| matches!(fault, Fault::Closed));
        closed.map(|(folder, _)| folder.clone()).collect()
    }
}

#[async_trait]
impl Storage for Faulty {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.request(prefix, |counts| counts.lists += 1).await?;
        let mut page = self.inner.list(prefix, delimiter, page).await?;
        for folder in self.state().closed() {
            let before = page.objects.len();
            page.objects.retain(|object| !object.key.starts_with(&folder));
            if page.objects.len() < before {
                page.skipped.push(Error::because(ErrorKind::PermissionDenied, folder, ARMED));
            }
        }
        Ok(page)
    }

    fn listing_is_free(&self) -> bool {
        !self.paid && self.inner.listing_is_free()
    }

    fn lists_in_order(&self) -> bool {
        self.inner.lists_in_order()
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let fault = self.request(key, |counts| counts.reads += 1).await?;
        let body = self.inner.read_matching(key, range, if_match).await?;
        let key = key.to_owned();
        Ok(match fault {
            Some(Fault::CutAfter(bytes)) => shortened(body, bytes, Some(Error::new(ErrorKind::Truncated, key))),
            Some(Fault::EndAfter(bytes)) => shortened(body, bytes, None),
            _ => body,
        })
    }
}

/// Returns a body with only its first bytes, followed by the error if there is one.
fn shortened(body: ObjectBody, bytes: u64, error: Option<Error>) -> ObjectBody {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let stream = body.stream.map(move |piece| {
        piece.map(|mut piece: Bytes| {
            piece.truncate(left);
            left -= piece.len();
            piece
        })
    });
    let stream = stream.filter(|piece| ready(!matches!(piece, Ok(piece) if piece.is_empty())));
    ObjectBody { stream: stream.chain(stream::iter(error.map(Err))).boxed(), ..body }
}
