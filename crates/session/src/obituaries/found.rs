//! The rows of listed sessions, found once for all of them whenever the listing or the rows change.

use super::Obituaries;
use super::rows::Rows;
use crate::catalog::{Listing, Runs};
use crate::{Sessions, source::Source};
use ray_history_core::base::name::SessionKey;
use ray_history_obituary::ledger::Row;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time after which sessions that could not be told from others are looked at again: the zone of a head may have become
/// known.
const AGAIN: Duration = Duration::from_secs(10);

/// The rows of the sessions of one listing.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    listing: Arc<Listing>,
    rows: Arc<Rows>,
    runs: Arc<Runs>,
    since: Instant,
}

impl Found {
    /// Returns the row of a session.
    pub(crate) fn of(&self, key: &SessionKey) -> Option<Row> {
        let at = self.runs.of(self.listing.position(key)?)?;
        self.rows.all().get(at).map(super::Packed::row)
    }

    fn is_of(&self, listing: &Listing, rows: &Arc<Rows>) -> bool {
        let may_change = self.runs.is_ambiguous && self.since.elapsed() >= AGAIN;
        self.listing.has_sessions_of(listing) && Arc::ptr_eq(&self.rows, rows) && !may_change
    }
}

impl Obituaries {
    /// Returns the rows of the sessions of a listing.
    pub(crate) fn found(&self, listing: &Arc<Listing>, zone: &dyn Fn(&SessionKey) -> Option<i64>) -> Found {
        // Held while they are found, so that they are found once.
        let mut found = self.found.lock();
        let rows = self.rows();
        if let Some(known) = found.as_ref().filter(|known| known.is_of(listing, &rows)) {
            return known.clone();
        }
        let runs = Arc::new(listing.runs(&rows, zone));
        let new = Found { listing: Arc::clone(listing), rows, runs, since: Instant::now() };
        *found = Some(new.clone());
        new
    }
}

impl Sessions {
    /// Returns the row that tells why the run of a listed session ended; `None` if none does, or if it cannot be told which.
    pub fn why(&self, key: &SessionKey) -> Option<Row> {
        self.found(&self.source()).of(key)
    }

    /// Returns the rows of all listed sessions.
    pub(crate) fn found(&self, source: &Source) -> Found {
        let zone = |key: &SessionKey| source.facts.facts(key)?.zone_minutes;
        self.obituaries.found(&source.catalog.listing(), &zone)
    }
}
