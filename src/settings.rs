//! Validated settings: what the rest of the program sees of a `RayHistory`, of flags, or of an older server's settings.
//!
//! Owns the meaning and the defaults; every value is parsed once, at the border, and nothing deeper sees text such as
//! `2Gi`. They reach their users through a watch channel, so that a change applies while the program runs.
//! Pure: no I/O, no clock.

pub mod server;

mod file;
mod kuberay;
mod mend;
mod problem;
mod read;
mod shape;
mod storage;

#[cfg(test)]
mod tests;

pub use crate::crd::Redaction;
pub use file::Document;
pub use kuberay::{Environment, KubeRay};
pub use problem::{Problem, Problems};
pub use read::default_max_memory;
pub use storage::Storage;

use crate::crd::RayHistorySpec;
use std::fmt;
use std::time::Duration;

/// Where a spec was written; the rules are the same, but a file cannot name a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file on disk.
    File,
    /// An object of the API server.
    Kubernetes,
}

/// Everything that may change while the program runs.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Settings {
    /// Where sessions lie.
    pub storage: Storage,
    /// What is kept in memory.
    pub cache: Cache,
    /// How sessions are loaded.
    pub loading: Loading,
    /// Which clusters are watched and served.
    pub clusters: Clusters,
    /// Whether sessions are loaded as soon as they die, before anybody asks.
    pub prewarm: bool,
    /// Whose answers hide the values of environment variables.
    pub redaction: Redaction,
}

impl Settings {
    /// Settings of a spec. `memory_limit` is what this process may use, in bytes; the default budget is a share of it.
    pub fn from_spec(spec: &RayHistorySpec, origin: Origin, memory_limit: Option<u64>) -> Result<Self, Problems> {
        read::settings(spec, origin, memory_limit)
    }

    /// Settings of a document: the YAML that `kubectl apply` takes.
    pub fn from_document(text: &str, memory_limit: Option<u64>) -> Result<Self, Problems> {
        Document::read(text)?.settings(Origin::File, memory_limit)
    }
}

/// Everything but the storage, in the words of a `RayHistory`.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { storage: _, cache, loading, clusters, prewarm, redaction } = self;
        let seconds = |duration: Duration| format!("{}s", duration.as_secs_f64());
        let namespaces = if clusters.namespaces.is_empty() { "all".to_owned() } else { clusters.namespaces.join(",") };
        write!(
            f,
            "cache.maxSessions={} cache.maxMemory={} cache.ttl={} loading.timeout={} loading.maxConcurrent={} \
             loading.requestTimeout={} clusters.namespaces={namespaces} clusters.sharedStorage={} prewarm.enabled={prewarm} \
             redaction={}",
            cache.max_sessions,
            cache.max_memory,
            seconds(cache.ttl.unwrap_or_default()),
            seconds(loading.timeout),
            loading.max_concurrent,
            seconds(loading.request_timeout),
            clusters.shared_storage,
            redaction.name(),
        )
    }
}

/// Bounds of the cache of open sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// How many sessions are kept at most.
    pub max_sessions: usize,
    /// Bytes for kept sessions and for the ones being built together.
    pub max_memory: u64,
    /// Sessions that nobody has asked for during this time are let go; never, when none.
    pub ttl: Option<Duration>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_sessions: 100, max_memory: 2 << 30, ttl: None }
    }
}

/// How sessions are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// A load that takes longer is stopped.
    pub timeout: Duration,
    /// How many sessions are loaded at once.
    pub max_concurrent: usize,
    /// How long a request waits for a load before it is told to come back: Ray's own proxy gives up at 30 s.
    pub request_timeout: Duration,
}

impl Default for Loading {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(10), max_concurrent: 4, request_timeout: Duration::from_secs(25) }
    }
}

/// Which clusters are watched and served.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Clusters {
    /// Only sessions of these namespaces exist for this server; all, when empty.
    pub namespaces: Vec<String>,
    /// Whether several Kubernetes clusters write into this bucket: then a name that the watch has never seen may be
    /// another cluster's, and its session is `unknown` instead of dead.
    pub shared_storage: bool,
}
