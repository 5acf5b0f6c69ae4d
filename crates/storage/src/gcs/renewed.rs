//! A client that is replaced after a request without a response.
//!
//! Google's clients keep one connection for many requests, without a keep-alive: when it dies silently, every later
//! request would wait on it in vain.

use super::Error;
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use std::fmt;

type Make<C> = Box<dyn Fn() -> BoxFuture<'static, Result<C, Error>> + Send + Sync>;

/// A client, and the function that makes a new one.
pub(super) struct Renewed<C> {
    make: Make<C>,
    client: Mutex<Option<C>>,
}

impl<C> fmt::Debug for Renewed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewed").finish_non_exhaustive()
    }
}

impl<C: Clone> Renewed<C> {
    /// Makes the first client, so that configuration errors show early.
    pub(super) async fn new(
        make: impl Fn() -> BoxFuture<'static, Result<C, Error>> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let client = Mutex::new(Some(make().await?));
        Ok(Self { make: Box::new(make), client })
    }

    /// Returns the client for one request, and a guard to call `answered` on when the response arrived.
    pub(super) async fn get(&self) -> Result<(C, InFlight<'_, C>), Error> {
        let client = self.client().clone();
        let client = if let Some(client) = client {
            client
        } else {
            let made = (self.make)().await?;
            *self.client() = Some(made.clone());
            made
        };
        Ok((client, InFlight { renewed: self, answered: false }))
    }
}

impl<C> Renewed<C> {
    fn client(&self) -> MutexGuard<'_, Option<C>> {
        self.client.lock()
    }
}

/// A request in flight. Discards the client if dropped without a response.
pub(super) struct InFlight<'a, C> {
    renewed: &'a Renewed<C>,
    answered: bool,
}

impl<C> InFlight<'_, C> {
    /// Records that a response arrived, success or error.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl<C> Drop for InFlight<'_, C> {
    fn drop(&mut self) {
        if !self.answered {
            *self.renewed.client() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_request_without_a_response_gets_a_new_client() {
        let made = Arc::new(AtomicU32::new(0));
        let renewed = Renewed::new(move || {
            let client = made.fetch_add(1, Ordering::Relaxed);
            async move { Ok(client) }.boxed()
        });
        let renewed = renewed.await.unwrap();
        for expected in [0, 0] {
            let (client, in_flight) = renewed.get().await.unwrap();
            assert_eq!(client, expected);
            in_flight.answered();
        }
        drop(renewed.get().await.unwrap());
        assert_eq!(renewed.get().await.unwrap().0, 1);
    }
}
