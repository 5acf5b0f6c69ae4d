//! Which sessions are stored: from markers, and from the data trees for heads that were killed before they wrote one.
//!
//! Kept in memory, so that answers never list. A listing that fails keeps the last one, marked as stale; it is never
//! an empty list. A place that cannot be listed for good (a folder that we may not open) is left out and told.
//! This first form walks everything at every refresh, which only a folder can afford.

mod found;
mod listing;
mod walk;

pub use listing::{Entry, Listing, Oddities};

use crate::layout::{MARKER_TREES, Root, parse_marker};
use crate::storage::{Delimiter, Error, Storage};
use found::Found;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Keeps the last listing.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<dyn Storage>,
    roots: Vec<Root>,
    listing: RwLock<Arc<Listing>>,
    /// Held while listing: whoever waits for it takes the listing of the one before, if that began late enough.
    refreshing: tokio::sync::Mutex<()>,
    begun: AtomicU64,
}

impl Catalog {
    /// A catalog that has listed nothing yet, and says so.
    pub fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        let listing = Listing { stale: Some("nothing has been listed yet".to_owned()), ..Listing::default() };
        let listing = RwLock::new(Arc::new(listing));
        Self { store, roots, listing, refreshing: tokio::sync::Mutex::default(), begun: AtomicU64::new(0) }
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
    ///
    /// Many callers at once cost at most two listings: the one that runs, and one that begins after all have asked.
    pub async fn refresh(&self) -> Result<Arc<Listing>, Error> {
        let asked = self.begun.load(Ordering::SeqCst);
        let _turn = self.refreshing.lock().await;
        let fresh = self.listing();
        if self.begun.load(Ordering::SeqCst) > asked && fresh.stale.is_none() {
            return Ok(fresh);
        }
        self.begun.fetch_add(1, Ordering::SeqCst);
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
                self.markers(&root, tree, &mut found).await?;
            }
            walk::flat(&*self.store, &root, &mut found).await?;
            walk::history(&*self.store, &root, &mut found).await?;
        }
        if !found.recognised {
            for root in self.roots.iter().flat_map(Root::spellings) {
                walk::roots_below(&*self.store, &root, &mut found).await?;
            }
        }
        Ok(found.into_listing())
    }

    async fn markers(&self, root: &str, tree: &str, found: &mut Found) -> Result<(), Error> {
        let mut page = None;
        loop {
            let listed = self.store.list(&format!("{root}{tree}"), Delimiter::None, page.take()).await?;
            found.recognised |= !listed.objects.is_empty();
            found.skip(&listed.skipped);
            for object in listed.objects {
                match object.key.strip_prefix(root).and_then(parse_marker) {
                    Some(marker) => found.marker(marker),
                    // Folder objects are no keys that somebody failed to write.
                    None if object.key.ends_with('/') => {}
                    None => found.unknown_keys.add(&object.key),
                }
            }
            page = listed.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
