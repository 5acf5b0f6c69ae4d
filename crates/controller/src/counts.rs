//! Numbers of the status: sessions by state, and the memory of this replica. Pure.

use ray_history_session::Usage;
use ray_history_session::catalog::Listing;
use ray_history_session::liveness::Watched;
use ray_history_settings::crd::{CacheStatus, SessionsStatus};

/// Returns the memory use of this replica.
pub(super) fn cache_status(usage: Usage) -> CacheStatus {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    CacheStatus {
        sessions: i64::try_from(usage.sessions).unwrap_or(i64::MAX),
        bytes: signed(usage.kept_bytes),
        max_memory: signed(usage.limit_bytes),
    }
}

/// Returns the listed sessions by state.
pub(super) fn sessions_status(listing: &Listing, watched: &Watched) -> SessionsStatus {
    let counts = listing.counts(watched);
    let [total, live, dead] =
        [listing.len(), counts.live, counts.dead].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    SessionsStatus { total, live, dead }
}
