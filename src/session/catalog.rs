//! Which sessions are stored: from markers, and from the data trees for heads that were killed before they wrote one.
//!
//! Kept in memory, so that answers never list. A listing that fails keeps the last one, marked as stale; it is never
//! an empty list. This first form walks everything at every refresh, which only a folder can afford.

mod walk;

use super::name::{ClusterId, Owner, SessionKey, SessionName};
use crate::layout::{MARKER_TREES, Root, parse_marker};
use crate::storage::{Delimiter, Error, Storage};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which session.
    pub key: SessionKey,
    /// Who owns its cluster, if any marker or folder says so.
    pub owner: Option<Owner>,
    /// Whether a marker was written; without one its head was killed.
    pub marked: bool,
}

/// A listing: immutable, newest session first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The sessions.
    pub entries: Vec<Entry>,
    /// Keys in marker folders that could not be understood.
    pub unknown_keys: u64,
    /// Whether any folder of a known layout was found.
    pub recognised: bool,
    /// Why the listing could not be renewed since, if it could not.
    pub stale: Option<String>,
}

/// Keeps the last listing.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<dyn Storage>,
    roots: Vec<Root>,
    listing: RwLock<Arc<Listing>>,
}

impl Catalog {
    /// A catalog that has listed nothing yet.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        Self { store, roots, listing: RwLock::default() }
    }

    /// The roots it looks under.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The last listing.
    pub fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.listing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lists again. On failure the last listing stays, marked as stale.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        let listed = self.list().await;
        let mut listing = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        match listed {
            Ok(new) => *listing = Arc::new(new),
            Err(error) => {
                *listing = Arc::new(Listing { stale: Some(error.to_string()), ..(**listing).clone() });
                return Err(error);
            }
        }
        Ok(Arc::clone(&listing))
    }

    async fn list(&self) -> Result<Listing, Error> {
        let mut found = Found::default();
        for root in self.roots.iter().flat_map(Root::spellings) {
            for tree in MARKER_TREES {
                let page = self.store.list_all(&format!("{root}{tree}"), Delimiter::None).await?;
                found.recognised |= !page.objects.is_empty();
                for object in page.objects {
                    match object.key.strip_prefix(&root).and_then(parse_marker) {
                        Some(marker) => found.add(marker.cluster, marker.session, marker.owner, true),
                        // Folder objects are no keys that somebody failed to write.
                        None => found.unknown_keys += u64::from(!object.key.ends_with('/')),
                    }
                }
            }
            walk::flat(&*self.store, &root, &mut found).await?;
            walk::history(&*self.store, &root, &mut found).await?;
        }
        Ok(found.into_listing())
    }
}

impl Listing {
    /// The entry of a session.
    pub fn find(&self, key: &SessionKey) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == *key)
    }

    /// The newest session of a cluster.
    pub fn latest(&self, cluster: &ClusterId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.cluster == *cluster)
    }
}

/// Sessions found so far, merged over all trees.
#[derive(Debug, Default)]
struct Found {
    sessions: BTreeMap<SessionKey, (Option<Owner>, bool)>,
    unknown_keys: u64,
    recognised: bool,
}

impl Found {
    /// An owner, if any place has one, wins.
    fn add(&mut self, cluster: ClusterId, session: SessionName, owner: Option<Owner>, marked: bool) {
        let entry = self.sessions.entry(SessionKey { cluster, session }).or_default();
        entry.0 = entry.0.take().max(owner);
        entry.1 |= marked;
    }

    fn into_listing(self) -> Listing {
        let sessions = self.sessions.into_iter();
        let mut entries: Vec<Entry> = sessions.map(|(key, (owner, marked))| Entry { key, owner, marked }).collect();
        entries.sort_by(|a, b| {
            b.key.session.local_micros().cmp(&a.key.session.local_micros()).then_with(|| a.key.cmp(&b.key))
        });
        Listing { entries, unknown_keys: self.unknown_keys, recognised: self.recognised, stale: None }
    }
}

#[cfg(test)]
mod tests;
