//! Keeps marks and pins fresh, in the rhythm in which markers are listed, and each minute while a deletion is near: a
//! session must be hidden here before its first object goes.

use super::{Marks, SystemClock};
use crate::catalog::{Pace, PassOutcome};
use crate::{Error, Sessions};
use ray_history_core::base::chain::chain;
use ray_history_retention::{Clock, PAUSE};
use ray_history_settings::RetentionMode;
use ray_history_storage::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The pause while nothing is deleted by anybody. Another server of the same bucket may begin to, a day at least after
/// its first mark.
const QUIET: Duration = Duration::from_secs(12 * 3_600);
/// The pause of a quiet server after a failure.
const AGAIN: Duration = Duration::from_secs(600);

// A listing takes a moment, too.
const _: () = assert!(Pace::NEAR_DELETION.longest_pause().as_secs() * 2 < PAUSE.as_secs());
const _: () = assert!(QUIET.as_secs() * 2 <= ray_history_retention::settings::SHORTEST.as_secs());

/// The pauses of one kind of store.
struct Paces {
    usual: Pace,
    near: Pace,
}

impl Paces {
    fn of(is_free: bool) -> Self {
        if is_free {
            Self { usual: Pace::FREE, near: Pace::FREE }
        } else {
            Self { usual: Pace::MARKERS, near: Pace::NEAR_DELETION }
        }
    }

    /// Returns the pause after a listing, which ends as soon as the next deletion may begin.
    fn after(&mut self, outcome: PassOutcome, marks: &Marks) -> Duration {
        // One for marks, one for pins, and each further page.
        let requests = 2 + marks.tombstones.len() as u64 / 1_000;
        let (usual, near) = (self.usual.after(outcome, requests), self.near.after(outcome, requests));
        let until = marks.next_deletion().map(|next| next.saturating_sub(SystemClock.now()));
        let until = until.map_or(Duration::MAX, |nanos| Duration::from_nanos(nanos.try_into().unwrap_or(0)));
        usual.min(until.max(near))
    }
}

impl Sessions {
    /// Lists marks and pins again and again until the token is cancelled: as often as markers while retention is on or
    /// there are marks, else twice a day. Follows the current store.
    pub async fn keep_marks(&self, shutdown: CancellationToken) {
        let mut sources = self.sources();
        let keep = async {
            loop {
                let source = Arc::clone(&sources.borrow_and_update());
                let is_free = source.store.listing_is_free();
                tokio::select! {
                    () = self.keep_marks_of_store(is_free) => {}
                    _ = sources.changed() => {}
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = keep => {}
        }
    }

    async fn keep_marks_of_store(&self, is_free: bool) {
        let (mut paces, mut has_warned) = (Paces::of(is_free), false);
        loop {
            let before = self.marks();
            let listed = self.refresh_marks().await;
            let marks = self.marks();
            let outcome = match &listed {
                Ok(_) if Arc::ptr_eq(&before, &marks) => PassOutcome::Same,
                Ok(_) => PassOutcome::Changed,
                Err(_) => PassOutcome::Failed,
            };
            let is_off = self.settings().retention.mode == RetentionMode::Off;
            let is_denied = listed.as_ref().is_err_and(is_denied);
            // Of marks that were never listed, nothing is known, unless it is that nobody may list them.
            let is_known = marks.is_listed || is_denied;
            let is_quiet = is_off && is_known && marks.tombstones.is_empty() && !is_free;
            if let Err(error) = &listed {
                let error = chain(error);
                // A reader that deletes nothing may do without.
                if is_quiet && is_denied && std::mem::replace(&mut has_warned, true) {
                    tracing::debug!(error, "marks of retention may still not be listed");
                } else {
                    tracing::warn!(error, "marks of retention could not be listed; the last ones are kept");
                }
            }
            let pause = match outcome {
                PassOutcome::Failed if is_quiet && !is_denied => AGAIN,
                _ if is_quiet => QUIET,
                outcome => paces.after(outcome, &marks),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.marks_wanted.notified() => {}
            }
        }
    }
}

/// Returns `true` if the store refuses to list marks.
fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Storage(error) if error.kind() == ErrorKind::PermissionDenied)
}
