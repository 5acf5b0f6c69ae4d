//! A client that is made anew after a request without an answer.
//!
//! Google's clients keep one connection for many requests, without a keep-alive: when it dies silently, every later
//! request would wait on it in vain.

use super::Error;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Make<C> = Box<dyn Fn() -> BoxFuture<'static, Result<C, Error>> + Send + Sync>;

/// The client and how to make another.
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
    /// Makes the first one, so that what cannot work shows at once.
    pub(super) async fn new(
        make: impl Fn() -> BoxFuture<'static, Result<C, Error>> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let client = Mutex::new(Some(make().await?));
        Ok(Self { make: Box::new(make), client })
    }

    /// The client for one request, and what to tell when it was answered.
    pub(super) async fn get(&self) -> Result<(C, Waiting<'_, C>), Error> {
        let client = self.client().clone();
        let client = if let Some(client) = client {
            client
        } else {
            let made = (self.make)().await?;
            *self.client() = Some(made.clone());
            made
        };
        Ok((client, Waiting { renewed: self, answered: false }))
    }
}

impl<C> Renewed<C> {
    fn client(&self) -> MutexGuard<'_, Option<C>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way; dropped without an answer, it lets go of the client.
pub(super) struct Waiting<'a, C> {
    renewed: &'a Renewed<C>,
    answered: bool,
}

impl<C> Waiting<'_, C> {
    /// An answer came, whatever it says.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl<C> Drop for Waiting<'_, C> {
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
    async fn who_gives_up_waiting_gets_another_client() {
        let made = Arc::new(AtomicU32::new(0));
        let renewed = Renewed::new(move || {
            let client = made.fetch_add(1, Ordering::Relaxed);
            async move { Ok(client) }.boxed()
        });
        let renewed = renewed.await.unwrap();
        for expected in [0, 0] {
            let (client, waiting) = renewed.get().await.unwrap();
            assert_eq!(client, expected);
            waiting.answered();
        }
        drop(renewed.get().await.unwrap());
        assert_eq!(renewed.get().await.unwrap().0, 1);
    }
}
