//! One listing of all sessions: what readers of the catalog see.

use crate::session::name::{ClusterId, Owner, SessionKey};
use std::cmp::Ordering;
use std::time::SystemTime;

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which session.
    pub key: SessionKey,
    /// Who owns its cluster, if any marker or folder says so.
    pub owner: Option<Owner>,
    /// Whether a marker was written; without one its head was killed.
    pub marked: bool,
    /// Whether the namespace is one. Where only a v1.6 layout names it, it may be a free id (`default` for clusters of
    /// any namespace): to be shown as stored, but of no use for access decisions and lookups in Kubernetes.
    pub namespace_known: bool,
}

/// A listing: immutable, newest session first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The sessions.
    pub entries: Vec<Entry>,
    /// Keys in marker folders that could not be understood.
    pub unknown_keys: Oddities,
    /// Places that could not be listed, and why; sessions in there are missing here.
    pub skipped: Oddities,
    /// Whether any folder of a known layout was found.
    pub recognised: bool,
    /// Roots that would be recognised, when nothing was: the user may have meant one of them.
    pub roots_below: Vec<String>,
    /// When the store was last listed with success; never, when none.
    pub listed_at: Option<SystemTime>,
    /// Why the listing could not be renewed since, if it could not.
    pub stale: Option<String>,
}

/// What is odd about the bucket: counted, with the first examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Oddities {
    /// Examples kept.
    const EXAMPLES: usize = 20;

    pub(super) fn add(&mut self, example: &str) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(example.to_owned());
        }
    }
}

impl Listing {
    /// The entry of a session.
    pub fn find(&self, key: &SessionKey) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| newest_first(&entry.key, key)).ok()?;
        self.entries.get(at)
    }

    /// The newest session of a cluster.
    pub fn latest(&self, cluster: &ClusterId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.cluster == *cluster)
    }
}

/// The order of `Listing::entries`. Times are those of the heads' own clocks.
pub(super) fn newest_first(a: &SessionKey, b: &SessionKey) -> Ordering {
    b.session.local_micros().cmp(&a.session.local_micros()).then_with(|| a.cmp(b))
}
