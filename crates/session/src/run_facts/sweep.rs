//! Reads the facts of jobs before anybody asks, those of the newest sessions first.
//!
//! One session at a time, with a rest of a second for each request, so that it never costs more than a request a second,
//! however many sessions there are. It ends where the index is nearly full, so that it reads nothing that would replace
//! what was read before.

use super::super::Sessions;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Newest sessions that are looked at.
const MAX_SESSIONS: usize = 50_000;
/// Delay after the start, so that listings come first.
const DELAY: Duration = Duration::from_secs(5);
/// Sessions read before it begins with the newest again: others have ended meanwhile.
const BATCH: usize = 16;
/// Pause after a pass that read something, but no whole batch.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause after a pass that found nothing to read.
const LONG_PAUSE: Duration = Duration::from_secs(300);
/// Rest for each request to a bucket.
const REST: Duration = Duration::from_secs(1);
/// Rest for each request to a folder, which costs no money, but is work for a disk.
const REST_OF_FREE: Duration = Duration::from_millis(20);
/// Sessions looked at without a pause for other tasks.
const AT_A_TIME: usize = 64;

impl Sessions {
    /// Reads the facts of jobs of sessions that are over until the token is cancelled.
    pub async fn keep_facts_read(self: Arc<Self>, shutdown: CancellationToken) {
        let keep = async {
            tokio::time::sleep(DELAY).await;
            loop {
                match self.sweep().await {
                    0 => tokio::time::sleep(LONG_PAUSE).await,
                    BATCH => {}
                    _ => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        shutdown.run_until_cancelled(keep).await;
    }

    /// Reads a batch of what was not read, until the store is replaced. Returns the number of sessions.
    async fn sweep(&self) -> usize {
        let mut read = 0;
        let source = self.source();
        let rest = if source.store.listing_is_free() { REST_OF_FREE } else { REST };
        let listing = source.catalog.listing();
        for (at, entry) in listing.iter().take(MAX_SESSIONS).enumerate() {
            if at % AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
            if read == BATCH || source.facts.is_nearly_full() || !Arc::ptr_eq(&source, &self.source()) {
                break;
            }
            let known = source.facts.0.peek(&entry.key);
            let is_settled = known.as_ref().is_some_and(|known| known.is_final);
            if is_settled || self.peek(&entry.key).is_some() {
                continue;
            }
            let is_due = self.is_due(&entry.key, known.as_ref(), self.is_over(&entry.key), false);
            if is_due && source.facts.0.claim(&entry.key) {
                read += 1;
                let requests = Box::pin(self.read_facts(&source, &entry.key)).await;
                tokio::time::sleep(rest.saturating_mul(u32::try_from(requests.max(1)).unwrap_or(u32::MAX))).await;
            }
        }
        read
    }
}
