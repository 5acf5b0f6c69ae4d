//! A second request beside one that is slow to begin.
//!
//! Few reads of a store take seconds where others take milliseconds, and a load waits for its slowest file. Must never
//! add to the load of a store that is slow altogether: of twenty reads, one may be asked for twice.

use futures_util::future::{Either, select};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// One in so many reads.
const SHARE: u64 = 20;

/// Reads so far, and how many of them were asked for twice.
#[derive(Debug, Default)]
pub(super) struct Hedge {
    reads: AtomicU64,
    twice: AtomicU64,
}

impl Hedge {
    /// The first good answer of `ask`, or of a second one that begins when the first has taken `after`; the last error
    /// when there is none. `free` says whether there is room for a second request, and holds it.
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
        let allowed = self.twice.load(Ordering::Relaxed) * SHARE < self.reads.load(Ordering::Relaxed);
        let Some(_room) = allowed.then(free).flatten() else { return first.await };
        self.twice.fetch_add(1, Ordering::Relaxed);
        match select(first, pin!(ask())).await {
            Either::Left((Ok(answer), _)) | Either::Right((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), second)) => second.await,
            Either::Right((Err(_), first)) => first.await,
        }
    }
}
