//! A second request for a read that is slow to begin.
//!
//! A few reads of a store take seconds where others take milliseconds, and a load waits for its slowest file. At most
//! one read in twenty is requested twice, so that a store that is slow altogether does not get more load.

use futures_util::future::{Either, select};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// At most one in this many reads is requested twice.
const ONE_IN: u64 = 20;

/// Numbers of reads, and of reads that were requested twice.
#[derive(Debug, Default)]
pub(super) struct Hedge {
    reads: AtomicU64,
    hedged: AtomicU64,
}

impl Hedge {
    /// Returns the first success of `ask`, or of a second call that starts after the first has taken `after`; the last
    /// error if both fail. `free` reserves a slot for the second request; `None` if there is none.
    pub(super) async fn first<T, E, F: Future<Output = Result<T, E>>, P>(
        &self,
        after: Duration,
        ask: impl Fn() -> F,
        free: impl FnOnce() -> Option<P>,
    ) -> Result<T, E> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let first = pin!(ask());
        let first = match select(first, pin!(sleep(after))).await {
            Either::Left((answer, _)) => return answer,
            Either::Right(((), first)) => first,
        };
        let allowed = self.hedged.load(Ordering::Relaxed) * ONE_IN < self.reads.load(Ordering::Relaxed);
        let Some(_slot) = allowed.then(free).flatten() else { return first.await };
        self.hedged.fetch_add(1, Ordering::Relaxed);
        match select(first, pin!(ask())).await {
            Either::Left((Ok(answer), _)) | Either::Right((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), second)) => second.await,
            Either::Right((Err(_), first)) => first.await,
        }
    }
}
