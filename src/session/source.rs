//! Where sessions come from: a store and the list of what is in it. Replaced as a whole when the storage settings
//! change, so that nobody mixes two stores.

use super::Error;
use super::catalog::Catalog;
use super::load::Places;
use super::name::SessionKey;
use crate::layout::Root;
use crate::storage::Storage;
use std::sync::Arc;

/// A store and its catalog.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) store: Arc<dyn Storage>,
    pub(super) catalog: Catalog,
}

impl Source {
    /// A store of which nothing is listed yet.
    pub(super) fn new(store: Arc<dyn Storage>, roots: Vec<Root>) -> Self {
        Self { catalog: Catalog::new(Arc::clone(&store), roots), store }
    }

    /// Where the objects of a session may be.
    pub(super) async fn places(&self, key: &SessionKey) -> Result<Places, Error> {
        let entry = match self.catalog.listing().find(key).cloned() {
            Some(entry) => entry,
            // It may be newer than the listing.
            None => self.catalog.refresh().await?.find(key).cloned().ok_or_else(|| Error::Unknown(key.clone()))?,
        };
        Ok(Places { roots: self.catalog.roots().to_vec(), owner: entry.owner, marked: entry.marked })
    }
}
