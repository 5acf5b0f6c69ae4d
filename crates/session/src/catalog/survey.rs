//! A bounded listing of everything below the roots: the trees that collectors wrote, and sessions without a marker.
//!
//! Used when a bucket is set up, before a server walks it in its own time. Removes nothing from the listing.

use super::found::Found;
use super::lister::Lister;
use super::place::Place;
use super::{Catalog, walk};
use ray_history_core::base::name::SessionName;
use ray_history_core::layout::{BucketTree, Root, flat_cluster};
use ray_history_metrics::catalog::Purpose;
use ray_history_storage::Error;
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum number of folders, possibly clusters of the flat tree, that are searched for sessions.
const MAX_FLAT_FOLDERS: usize = 20;

/// The result of a survey, in addition to the listing.
#[derive(Debug, Default)]
pub(crate) struct Surveyed {
    /// The trees that were found.
    pub(crate) trees: BTreeSet<BucketTree>,
    /// `true` if time ran out before every folder was listed.
    pub(crate) timed_out: bool,
    /// Prefixes below which collectors wrote, if the roots have nothing.
    pub(crate) roots_below: Vec<String>,
}

impl Catalog {
    /// Lists the markers, and walks the data trees for at most `within`.
    pub(crate) async fn survey(&self, within: Duration) -> Result<Surveyed, Error> {
        let listing = self.refresh().await?;
        let mut surveyed = Surveyed { roots_below: listing.roots_below.clone(), ..Surveyed::default() };
        let lister = Lister::new(&*self.store, &self.metrics, Purpose::Walk);
        for root in self.roots.iter().flat_map(Root::spellings) {
            self.find_trees(&lister, &root, &mut surveyed.trees).await?;
        }
        // A folder has been listed whole by the refresh.
        if self.store.listing_is_free() {
            return Ok(surveyed);
        }
        let (namespaces, mut found) = (self.namespaces(), Found::default());
        let walked = walk::walk(&lister, Place::all(&self.roots), &namespaces, &mut found);
        match tokio::time::timeout(within, walked).await {
            Ok(walked) => walked?,
            Err(_) => surveyed.timed_out = true,
        }
        if surveyed.trees.is_empty() {
            walk::roots_below(&lister, &self.roots, &mut found).await?;
            surveyed.roots_below = std::mem::take(&mut found.roots_below);
        }
        self.add_found(found).await;
        Ok(surveyed)
    }

    async fn find_trees(&self, lister: &Lister<'_>, root: &str, trees: &mut BTreeSet<BucketTree>) -> Result<(), Error> {
        let (folders, _) = lister.folders(root).await?;
        trees.extend(folders.iter().filter_map(|name| BucketTree::of_folder(name)));
        let flat = folders.iter().filter(|name| flat_cluster(name).is_some()).take(MAX_FLAT_FOLDERS);
        for folder in flat {
            let (below, _) = lister.folders(&format!("{root}{folder}/")).await?;
            if below.iter().any(|name| SessionName::parse(name).is_some()) {
                trees.insert(BucketTree::FlatData);
                break;
            }
        }
        Ok(())
    }
}
