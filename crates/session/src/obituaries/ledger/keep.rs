//! Keeps the ledger read: in the rhythm of the listing, which rests longer while nothing changes.

use crate::Sessions;
use crate::catalog::{Pace, PassOutcome};
use crate::load::now;
use ray_history_obituary::time::Time;
use tokio_util::sync::CancellationToken;

impl Sessions {
    /// Keeps the ledger of why runs ended read until the token is cancelled. Follows the current store.
    pub async fn keep_obituaries_read(&self, shutdown: CancellationToken) {
        let mut sources = self.sources();
        let keep = async {
            loop {
                let source = std::sync::Arc::clone(&sources.borrow_and_update());
                let mut pace = if source.store.listing_is_free() { Pace::FREE } else { Pace::MARKERS };
                let read = async {
                    loop {
                        let pass = self.obituaries.read_ledger(&self.metrics.catalog, Time(now())).await;
                        let outcome = match (pass.has_failed, pass.read) {
                            (true, _) => PassOutcome::Failed,
                            (false, 0) => PassOutcome::Same,
                            (false, _) => PassOutcome::Changed,
                        };
                        let requests = pass.requests + pass.read as u64 / 10;
                        tokio::time::sleep(pace.after(outcome, requests)).await;
                    }
                };
                tokio::select! {
                    () = read => {}
                    _ = sources.changed() => {}
                }
            }
        };
        shutdown.run_until_cancelled(keep).await;
    }

    /// Reads the ledger of why runs ended once.
    pub async fn read_obituaries_once(&self) {
        self.obituaries.read_once(&self.metrics.catalog).await;
    }
}
