//! The rows of listed sessions, found once for all of them whenever the listing or the rows change.

use super::Obituaries;
use crate::Sessions;
use crate::catalog::{FoundRuns, Listing};
use crate::source::Source;
use ray_history_core::base::name::SessionKey;
use ray_history_obituary::ledger::Row;
use std::sync::Arc;

impl Obituaries {
    /// Returns the rows of the sessions of a listing.
    fn found(&self, listing: &Arc<Listing>, zone: &dyn Fn(&SessionKey) -> Option<i64>) -> FoundRuns {
        // Held while they are found, so that they are found once.
        let mut found = self.found.lock();
        let rows = self.rows();
        if let Some(known) = found.as_ref().filter(|known| known.is_of(listing, &rows)) {
            return known.clone();
        }
        let new = FoundRuns::new(listing, rows, zone);
        *found = Some(new.clone());
        new
    }
}

impl Sessions {
    /// Returns the row that tells why the run of a listed session ended; `None` if none does, or if it cannot be told which.
    pub fn why(&self, key: &SessionKey) -> Option<Row> {
        let source = self.source();
        self.found(&source, &source.catalog.listing()).of(key)
    }

    /// Returns the rows of the sessions of a listing.
    pub(crate) fn found(&self, source: &Source, listing: &Arc<Listing>) -> FoundRuns {
        let zone = |key: &SessionKey| source.facts.facts(key)?.zone_minutes;
        self.obituaries.found(listing, &zone)
    }
}
