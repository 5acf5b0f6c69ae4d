//! The source of sessions: a store and its catalog. Replaced as a whole when the storage settings change, so that two
//! stores are never mixed.

use super::Error;
use super::catalog::Catalog;
use super::fact_index::FactIndex;
use super::glances::Glances;
use super::links::Submissions;
use super::load::Places;
use super::memory::Parts;
use super::retention::Retention;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_metrics::catalog::Metrics;
use ray_history_storage::Storage;
use std::sync::Arc;

/// A store and its catalog.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) store: Arc<dyn Storage>,
    pub(super) catalog: Catalog,
    pub(super) submissions: Submissions,
    pub(super) glances: Glances,
    pub(super) facts: FactIndex,
    pub(super) retention: Retention,
}

impl Source {
    /// Creates the source for a store of which nothing is listed yet, with these parts of the memory.
    pub(super) fn new(
        store: Arc<dyn Storage>,
        roots: Vec<Root>,
        namespaces: &[String],
        metrics: &Arc<Metrics>,
        parts: Parts,
    ) -> Self {
        let catalog = Catalog::new(Arc::clone(&store), roots).counted_by(Arc::clone(metrics)).limited_to(namespaces);
        let (glances, facts) = (Glances::new(parts.glances), FactIndex::new(parts.facts));
        let retention = Retention::default();
        Self { catalog, store, submissions: Submissions::default(), glances, facts, retention }
    }

    /// Returns the places where the objects of a session may be.
    pub(super) async fn places(&self, key: &SessionKey) -> Result<Places, Error> {
        let entry = self.catalog.find(key).await?.ok_or_else(|| Error::Unknown(key.clone()))?;
        Ok(Places { roots: self.catalog.roots().to_vec(), owner: entry.owner })
    }
}
