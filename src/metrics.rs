//! Every metric family, named and documented, and the one registry.
//!
//! Owns names, help texts and labels; one file per layer that counts. Labels have few values: route patterns, kinds of
//! errors, words; never paths, names of sessions or other input. Names begin with `ray_history_`; what every process
//! has (memory, start time) goes by its usual name. `docs/metrics.md` is written from here.

pub mod catalog;
pub mod http;
pub mod process;
mod registry;
pub mod sessions;
pub mod storage;

pub use registry::{Family, Registry};

use prometheus_client::metrics::{counter::Counter, family};
use std::hash::Hash;
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
    /// The process itself.
    pub process: Arc<process::Metrics>,
}

impl Metrics {
    /// A registry that shows these families.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("ray_history");
        self.storage.register(&mut registry);
        self.catalog.register(&mut registry);
        self.sessions.register(&mut registry);
        self.http.register(&mut registry);
        self.process.register(&mut registry);
        registry
    }

    /// The exposition as `OpenMetrics` text, with the process's numbers as they are now.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        self.process.measure();
        self.registry().render()
    }
}

/// Counters that are there before they count: an increase is only seen from a sample to the next.
fn from_zero<L: Clone + Hash + Eq>(labels: impl IntoIterator<Item = L>) -> family::Family<L, Counter> {
    let counters = family::Family::default();
    for label in labels {
        drop(counters.get_or_create(&label));
    }
    counters
}

#[cfg(test)]
mod tests;
