//! Validated settings, made from a `RayHistory`, from flags, or from the settings of KubeRay's history server.
//!
//! Every value is parsed and gets its default here, once; the rest of the program never sees text such as `2Gi`.
//! `Sessions::apply` replaces the settings in force, so that a change applies while the program runs.
//! Pure: no I/O, no clock.

pub mod crd;
pub mod server;

mod access;
mod file;
mod kuberay;
mod persist;
mod read;
mod reader;
mod repair;
mod retention;
mod secret;
mod shape;
mod storage;
mod stores;

#[cfg(test)]
mod tests;

pub use crate::crd::{
    ObituariesMode, ObituariesSpec as Obituaries, ObituariesStore, PersistMode, PersistedEnvironments, Redaction,
};
pub use access::Access;
pub use file::Document;
pub use kuberay::KubeRay;
pub use persist::Persist;
pub use ray_history_retention::{Mode as RetentionMode, Settings as Retention};
pub use ray_history_store_settings::kuberay::Environment;
pub use ray_history_store_settings::{Problem, Problems};
pub use read::default_max_memory;
pub use secret::{SecretData, Secrets};
pub use storage::Storage;

use crate::crd::RayHistorySpec;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// Source of a spec. The rules are the same for both, but a file cannot name a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// File on disk.
    File,
    /// Object of the API server.
    Kubernetes,
}

/// The settings that may change while the program runs.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Settings {
    /// The store with the sessions.
    pub storage: Storage,
    /// Bounds of the cache of open sessions.
    pub cache: Cache,
    /// Bounds of loads.
    pub loading: Loading,
    /// The clusters that are watched and served.
    pub clusters: Clusters,
    /// `true` if a session is loaded as soon as its cluster is gone, before the first request for it.
    pub prewarm: bool,
    /// Clients from which the values of environment variables are hidden.
    pub redaction: Redaction,
    /// Access control; `None` if whoever reaches the server sees everything.
    pub access: Option<Access>,
    /// Obituaries: why runs ended.
    pub obituaries: Obituaries,
    /// Retention: how long sessions are kept.
    pub retention: Retention,
    /// Persisted snapshots: what is written of dead sessions.
    pub persist: Persist,
}

impl Settings {
    /// Returns the settings of a spec. `memory_limit` is the memory that this process may use, in bytes; the default
    /// budget is a share of it.
    pub fn from_spec(spec: &RayHistorySpec, origin: Origin, memory_limit: Option<u64>) -> Result<Self, Problems> {
        read::settings(spec, origin, memory_limit)
    }

    /// Returns the names of all Secrets that the settings need, in the server's own namespace.
    pub fn secrets(&self) -> BTreeSet<String> {
        let access = self.access.iter().flat_map(Access::secrets);
        access.chain(&self.storage.credentials_secret).cloned().collect()
    }

    /// Returns the settings of a document: the YAML that `kubectl apply` accepts.
    pub fn from_document(text: &str, memory_limit: Option<u64>) -> Result<Self, Problems> {
        Document::read(text)?.settings(Origin::File, memory_limit)
    }
}

/// Writes everything except the storage, with the field names of a `RayHistory`.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { storage: _, cache, loading, clusters, prewarm, redaction, access, obituaries, retention, persist } =
            self;
        let seconds = |duration: Duration| format!("{}s", duration.as_secs_f64());
        let namespaces = if clusters.namespaces.is_empty() { "all".to_owned() } else { clusters.namespaces.join(",") };
        write!(
            f,
            "cache.maxSessions={} cache.maxMemory={} cache.ttl={} loading.timeout={} loading.maxConcurrent={} \
             loading.requestTimeout={} clusters.namespaces={namespaces} clusters.sharedStorage={} \
             prewarm.enabled={prewarm} redaction={} access.mode={} obituaries.mode={:?} obituaries.store={:?} \
             obituaries.submitterLogs={} retention.mode={:?} persist.mode={}",
            cache.max_sessions,
            cache.max_memory,
            seconds(cache.ttl.unwrap_or_default()),
            seconds(loading.timeout),
            loading.max_concurrent,
            seconds(loading.request_timeout),
            clusters.shared_storage,
            redaction.name(),
            if access.is_some() { "Kubernetes" } else { "None" },
            obituaries.mode,
            obituaries.store,
            obituaries.submitter_logs,
            retention.mode,
            persist.mode.name(),
        )
    }
}

/// Bounds of the cache of open sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Maximum number of cached sessions.
    pub max_sessions: usize,
    /// Memory for cached sessions and those being built, together, in bytes.
    pub max_memory: u64,
    /// A session that is not requested for this time is closed; `None` for never.
    pub ttl: Option<Duration>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_sessions: 100, max_memory: 2 << 30, ttl: None }
    }
}

/// Bounds of loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// Maximum duration of a load; one that takes longer is stopped.
    pub timeout: Duration,
    /// Maximum number of concurrent loads.
    pub max_concurrent: usize,
    /// Maximum time a request waits for a load before it gets 503 with `Retry-After`. Ray's own proxy gives up at 30 s.
    pub request_timeout: Duration,
}

impl Default for Loading {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(10), max_concurrent: 4, request_timeout: Duration::from_secs(25) }
    }
}

/// The clusters that are watched and served.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Clusters {
    /// Namespaces whose sessions are served; empty for all.
    pub namespaces: Vec<String>,
    /// `true` if several Kubernetes clusters write into this bucket: a RayCluster that the watch has never seen may
    /// then be in another Kubernetes cluster, so its session is `unknown` instead of dead.
    pub shared_storage: bool,
}
