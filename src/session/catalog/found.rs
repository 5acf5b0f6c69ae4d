//! Sessions found so far, merged over all trees and roots.

use super::listing::{Entry, Listing, Oddities, newest_first};
use crate::layout::Marker;
use crate::session::name::{Owner, SessionKey};
use crate::storage::Error;
use std::collections::HashMap;
use std::time::SystemTime;

/// A listing that grows.
#[derive(Debug, Default)]
pub(super) struct Found {
    sessions: HashMap<SessionKey, Seen>,
    pub(super) unknown_keys: Oddities,
    skipped: Oddities,
    pub(super) recognised: bool,
    pub(super) roots_below: Vec<String>,
}

#[derive(Debug, Default)]
struct Seen {
    owner: Option<Owner>,
    marked: bool,
    namespace_known: bool,
}

impl Found {
    /// A marker was found.
    pub(super) fn marker(&mut self, marker: Marker) {
        let seen = self.seen(marker.key, marker.owner);
        seen.marked = true;
        seen.namespace_known |= marker.namespace_known;
    }

    /// A folder with the data of a session was found.
    pub(super) fn data(&mut self, key: SessionKey, owner: Option<Owner>, namespace_known: bool) {
        self.recognised = true;
        self.seen(key, owner).namespace_known |= namespace_known;
    }

    /// Some places could not be listed.
    pub(super) fn skip<'a>(&mut self, errors: impl IntoIterator<Item = &'a Error>) {
        for error in errors {
            self.skipped.add(&error.to_string());
        }
    }

    /// An owner, if any place has one, wins: head and workers may have had different settings.
    fn seen(&mut self, key: SessionKey, owner: Option<Owner>) -> &mut Seen {
        let seen = self.sessions.entry(key).or_default();
        seen.owner = seen.owner.take().max(owner);
        seen
    }

    pub(super) fn into_listing(self) -> Listing {
        let entry = |(key, Seen { owner, marked, namespace_known })| Entry { key, owner, marked, namespace_known };
        let mut entries: Vec<Entry> = self.sessions.into_iter().map(entry).collect();
        entries.sort_unstable_by(|a, b| newest_first(&a.key, &b.key));
        Listing {
            entries,
            unknown_keys: self.unknown_keys,
            skipped: self.skipped,
            recognised: self.recognised,
            roots_below: self.roots_below,
            listed_at: Some(SystemTime::now()),
            stale: None,
        }
    }
}
