//! The time at which this process listed each session first: what has just appeared is not deleted.

use crate::catalog::Listing;
use crate::key_hash::{KeyHash, KeyHasher};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use std::collections::HashMap;

/// Times of the first listing of sessions.
#[derive(Debug, Default)]
pub(super) struct FirstListed {
    hasher: KeyHasher,
    times: HashMap<KeyHash, Nanos>,
    /// The number of the listing that was looked at last.
    version: Option<u64>,
}

impl FirstListed {
    /// Notes the sessions of a listing, hidden ones included, and forgets those that are gone.
    pub(super) fn note(&mut self, listing: &Listing, now: Nanos) {
        if self.version == Some(listing.version) || listing.listed_at.is_none() {
            return;
        }
        self.version = Some(listing.version);
        let time = |key| {
            let hash = self.hasher.hash(&key);
            (hash, self.times.get(&hash).copied().unwrap_or(now))
        };
        self.times = listing.iter().chain(listing.hidden()).map(|entry| time(entry.key)).collect();
    }

    /// Returns the time at which a session was listed first.
    pub(super) fn of(&self, key: &SessionKey) -> Option<Nanos> {
        self.times.get(&self.hasher.hash(key)).copied()
    }
}
