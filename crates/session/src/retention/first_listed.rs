//! The time at which this process listed each session first: what has just appeared is not deleted.

use crate::catalog::Listing;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use std::collections::HashMap;

/// Times of the first listing of sessions.
#[derive(Debug, Default)]
pub(super) struct FirstListed {
    /// By the hash of the key, sixteen bytes a session.
    times: HashMap<u64, Nanos>,
    /// The number of the listing that was looked at last.
    version: Option<u64>,
}

impl FirstListed {
    /// Notes the sessions of a listing, and forgets those that are gone.
    pub(super) fn note(&mut self, listing: &Listing, now: Nanos) {
        if self.version == Some(listing.version) || listing.listed_at.is_none() {
            return;
        }
        self.version = Some(listing.version);
        let time = |key| {
            let hash = super::hash(&key);
            (hash, self.times.get(&hash).copied().unwrap_or(now))
        };
        self.times = listing.iter().map(|entry| time(entry.key)).collect();
    }

    /// Returns the time at which a session was listed first.
    pub(super) fn of(&self, key: &SessionKey) -> Option<Nanos> {
        self.times.get(&super::hash(key)).copied()
    }
}
