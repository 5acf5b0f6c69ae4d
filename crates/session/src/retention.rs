//! Retention, as everything that shows sessions sees it: marks say which sessions go and hide those that are being
//! deleted, pins say which stay, and a plan says what the rules would do.
//!
//! ```text
//! bucket: marks, pins ──► Marks ──► list, pages, API: "will be deleted on …"
//!                           │  └─ hidden ──► catalog, cache, open: 410
//!                           ▼
//! candidates: what is known of each session ──► plan, executor (in the controller and the command)
//! ```
//!
//! Nothing is deleted here.

mod candidates;
mod clock;
mod first_listed;
mod keep;
mod marks;
mod planned;

pub use clock::SystemClock;
pub use marks::{Expiry, Marks};
pub use planned::Planned;

use super::{Error, Sessions};
use crate::catalog::Catalog;
use first_listed::FirstListed;
use parking_lot::{Mutex, RwLock};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_retention::{Pins, Tombstones};
use ray_history_storage::Storage;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Retention of the sessions of one store.
#[derive(Debug, Default)]
pub(super) struct Retention {
    marks: RwLock<Arc<Marks>>,
    /// The marks as the listing that runs has them.
    listing: tokio::sync::Mutex<Tombstones>,
    /// The first listing of marks, successful or not.
    first: OnceCell<()>,
    first_listed: Mutex<FirstListed>,
    plan: RwLock<Option<Arc<Planned>>>,
}

impl Retention {
    /// Lists marks and pins, one listing at a time, and hides the sessions that are being deleted.
    async fn refresh(&self, store: &dyn Storage, catalog: &Catalog) -> Result<Arc<Marks>, Error> {
        let roots = catalog.roots();
        // What a listing has read before it failed is not read again.
        let mut tombstones = self.listing.lock().await;
        tombstones.refresh(store, roots).await?;
        let pins = Pins::list(store, roots).await?;
        let before = Arc::clone(&self.marks.read());
        if before.is_listed && before.pins == pins && before.tombstones == *tombstones {
            return Ok(before);
        }
        let marks = Arc::new(Marks { tombstones: tombstones.clone(), pins, is_listed: true });
        *self.marks.write() = Arc::clone(&marks);
        let hidden = marks.tombstones.iter().filter(|(key, _)| marks.tombstones.hides(key)).map(|(key, _)| key.clone());
        catalog.hide(hidden.collect::<HashSet<SessionKey>>()).await;
        Ok(marks)
    }
}

impl Sessions {
    /// Returns marks and pins as they were last listed.
    pub fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.source().retention.marks.read())
    }

    /// Lists marks and pins, and closes the sessions that are being deleted.
    ///
    /// # Errors
    /// Returns the error of the store; the last marks stay in force.
    pub async fn refresh_marks(&self) -> Result<Arc<Marks>, Error> {
        let source = self.source();
        let listing = Arc::clone(&source);
        let marks = self
            .run_detached(async move { listing.retention.refresh(&*listing.store, &listing.catalog).await })
            .await?;
        self.cache.retain(|key| !source.catalog.hides(key));
        self.update_metrics();
        Ok(marks)
    }

    /// Has marks listed soon, because some have changed.
    pub fn list_marks_soon(&self) {
        self.marks_wanted.notify_one();
    }

    /// Lists marks unless that was tried before, so that a session that is being deleted is not shown even once.
    pub(super) async fn list_marks_first(&self) {
        let source = self.source();
        let first = source.retention.first.get_or_init(|| async {
            if let Err(error) = self.refresh_marks().await {
                tracing::debug!(error = %chain(&error), "marks of retention cannot be listed yet");
            }
        });
        first.await;
    }

    /// Returns the deletion that waits for a session; `None` if it is not marked.
    pub fn expiry(&self, key: &SessionKey) -> Option<Expiry> {
        self.marks().expiry(key)
    }

    /// Returns the error for a session that is being deleted or was; `None` if its namespace is not served.
    pub(super) fn deleted(&self, key: &SessionKey) -> Option<Error> {
        let deleted = self.source().retention.marks.read().deleted(key)?;
        self.serves(&key.cluster.namespace).then_some(deleted)
    }

    /// Returns a text that changes whenever a person changes these rules or the namespaces that are served: if fewer
    /// sessions are listed then, none was lost.
    pub fn generation(&self, rules: &ray_history_settings::Retention) -> String {
        format!("{} {}", rules.revision(), self.settings().clusters.namespaces.join(","))
    }

    /// Returns the last plan.
    pub fn planned(&self) -> Option<Arc<Planned>> {
        self.source().retention.plan.read().clone()
    }

    /// Keeps a plan for those who show it; `None` while retention is off.
    pub fn set_plan(&self, plan: Option<Planned>) {
        *self.source().retention.plan.write() = plan.map(Arc::new);
    }
}

#[cfg(test)]
mod tests;
