//! Keeps marks and pins fresh, in the rhythm in which markers are listed.

use crate::Sessions;
use crate::catalog::{Pace, PassOutcome};
use ray_history_core::base::chain::chain;
use ray_history_settings::RetentionMode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The pause while nothing is deleted by anybody: another server of the same bucket may begin to.
const QUIET: Duration = Duration::from_secs(24 * 3_600);
/// The pause of a quiet server after a failure.
const AGAIN: Duration = Duration::from_secs(600);

impl Sessions {
    /// Lists marks and pins again and again until the token is cancelled: as often as markers while retention is on or
    /// there are marks, else once a day. Follows the current store.
    pub async fn keep_marks(&self, shutdown: CancellationToken) {
        let (mut sources, mut pace, mut free) = (self.sources(), Pace::MARKERS, Pace::FREE);
        let keep = async {
            loop {
                let source = Arc::clone(&sources.borrow_and_update());
                let before = self.marks();
                let outcome = match self.refresh_marks().await {
                    Ok(marks) if marks.is_same(&before) => PassOutcome::Same,
                    Ok(_) => PassOutcome::Changed,
                    Err(error) => {
                        tracing::warn!(error = %chain(&error), "marks of retention could not be listed; the last ones are kept");
                        PassOutcome::Failed
                    }
                };
                let marks = self.marks();
                let requests = 2 + marks.tombstones.len() as u64 / 1_000;
                let is_quiet = self.settings().retention.mode == RetentionMode::Off && marks.tombstones.is_empty();
                let pause = match outcome {
                    _ if source.store.listing_is_free() => free.after(outcome, requests),
                    PassOutcome::Failed if is_quiet => AGAIN,
                    _ if is_quiet => QUIET,
                    outcome => pace.after(outcome, requests),
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = sources.changed() => {}
                    () = self.marks_wanted.notified() => {}
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = keep => {}
        }
    }
}
