//! All metric families with their help texts, and the registry.
//!
//! One file per layer. Labels have few values: route patterns, kinds of errors, fixed words; never paths, names of
//! sessions or other input. Names begin with `ray_history_`; metrics that every process has (memory, start time) keep
//! their usual names. `docs/metrics.md` is generated from this module.

pub mod access;
pub mod catalog;
pub mod http;
pub mod obituaries;
pub mod persist;
pub mod process;
mod registry;
pub mod retention;
pub mod sessions;
pub mod storage;

pub use registry::{Family, Registry};

use prometheus_client::metrics::{counter::Counter, family};
use std::hash::Hash;
use std::sync::Arc;

/// All metric families; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Requests to the store.
    pub storage: Arc<storage::Metrics>,
    /// The list of sessions.
    pub catalog: Arc<catalog::Metrics>,
    /// Loads and the cache.
    pub sessions: Arc<sessions::Metrics>,
    /// Why runs ended.
    pub obituaries: Arc<obituaries::Metrics>,
    /// Retention.
    pub retention: Arc<retention::Metrics>,
    /// Persisted snapshots.
    pub persist: Arc<persist::Metrics>,
    /// Reviews and decisions about access.
    pub access: Arc<access::Metrics>,
    /// Requests to this server.
    pub http: Arc<http::Metrics>,
    /// The process itself.
    pub process: Arc<process::Metrics>,
}

impl Metrics {
    /// Returns a registry with these families.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("ray_history");
        storage::register(&self.storage, &mut registry);
        self.catalog.register(&mut registry);
        self.sessions.register(&mut registry);
        self.obituaries.register(&mut registry);
        self.retention.register(&mut registry);
        self.persist.register(&mut registry);
        self.access.register(&mut registry);
        self.http.register(&mut registry);
        self.process.register(&mut registry);
        registry
    }

    /// Returns the exposition as `OpenMetrics` text, after measuring the process.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        self.process.measure();
        self.registry().render()
    }
}

/// Returns counters that start at zero: Prometheus sees an increase only between two samples.
fn from_zero<L: Clone + Hash + Eq>(labels: impl IntoIterator<Item = L>) -> family::Family<L, Counter> {
    let counters = family::Family::default();
    for label in labels {
        drop(counters.get_or_create(&label));
    }
    counters
}

#[cfg(test)]
mod tests;
