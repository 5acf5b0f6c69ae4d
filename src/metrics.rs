//! Every metric family, named and documented, and the one registry.
//!
//! Owns names, help texts and labels; one file per layer that counts. Labels have few values: route patterns, kinds of
//! errors, words; never paths, names of sessions or other input. Names begin with `ray_history_`.

#[allow(clippy::unused_self, reason = "a layer that counts nothing yet registers nothing")]
pub mod catalog;
#[allow(clippy::unused_self, reason = "a layer that counts nothing yet registers nothing")]
pub mod http;
#[allow(clippy::unused_self, reason = "a layer that counts nothing yet registers nothing")]
pub mod sessions;
#[allow(clippy::unused_self, reason = "a layer that counts nothing yet registers nothing")]
pub mod storage;

use prometheus_client::registry::Registry;
use std::sync::Arc;

/// The families; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Requests to the store.
    pub storage: Arc<storage::Metrics>,
    /// The list of sessions.
    pub catalog: Arc<catalog::Metrics>,
    /// Loads and the cache.
    pub sessions: Arc<sessions::Metrics>,
    /// Requests to us.
    pub http: Arc<http::Metrics>,
}

impl Metrics {
    /// A registry that shows these families.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("ray_history");
        self.storage.register(&mut registry);
        self.catalog.register(&mut registry);
        self.sessions.register(&mut registry);
        self.http.register(&mut registry);
        registry
    }
}
