//! The rows of the sessions of one listing, as they were found once.

use super::listing::Listing;
use super::runs::Runs;
use crate::ledger_rows::{Packed, Rows};
use ray_history_core::base::name::SessionKey;
use ray_history_obituary::ledger::Row;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time after which sessions that could not be told from others are looked at again: the zone of a head may have become
/// known.
const AGAIN: Duration = Duration::from_secs(10);
/// Time of a search from which on searches rest: rows may come every second.
const LONG: Duration = Duration::from_millis(50);
/// Times the length of a search that searches rest after a long one, so that they take a tenth of the time.
const REST: u32 = 10;

/// The rows of the sessions of one listing.
#[derive(Clone, Debug)]
pub(crate) struct FoundRuns {
    listing: Arc<Listing>,
    rows: Arc<Rows>,
    runs: Arc<Runs>,
    since: Instant,
    took: Duration,
}

impl FoundRuns {
    /// Finds the rows. `zone` returns the minutes by which a head's clock is ahead of UTC.
    pub(crate) fn new(listing: &Arc<Listing>, rows: Arc<Rows>, zone: &dyn Fn(&SessionKey) -> Option<i64>) -> Self {
        let begun = Instant::now();
        let runs = Arc::new(listing.runs(&rows, zone));
        let since = Instant::now();
        Self { listing: Arc::clone(listing), rows, runs, since, took: since.duration_since(begun) }
    }

    /// Returns `true` if the same would be found for this listing and these rows, or if it is too soon to search again.
    pub(crate) fn is_of(&self, listing: &Listing, rows: &Arc<Rows>) -> bool {
        let may_change = self.runs.is_ambiguous && self.since.elapsed() >= AGAIN;
        let is_same = Arc::ptr_eq(&self.rows, rows) && !may_change;
        let rests = self.took >= LONG && self.since.elapsed() < self.took * REST;
        self.listing.has_sessions_of(listing) && (is_same || rests)
    }

    /// Returns the row of the session at an index of the listing.
    pub(crate) fn row(&self, at: usize) -> Option<&Packed> {
        self.rows.all().get(self.runs.of(at)?)
    }

    /// Returns the rows of which no session is listed, the newest first.
    pub(crate) fn without_session(&self) -> impl Iterator<Item = &Packed> {
        self.runs.without_session().iter().filter_map(|at| self.rows.all().get(*at as usize))
    }

    /// Returns the row of a session.
    pub(crate) fn of(&self, key: &SessionKey) -> Option<Row> {
        self.row(self.listing.position(key)?).map(Packed::row)
    }
}
