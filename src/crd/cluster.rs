//! The parts of a spec that are not storage: budgets, loading, the clusters it covers. Shapes and defaults only.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::{MAX_MEMORY, REQUEST_TIMEOUT, Size, TIMEOUT, TTL};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds of what is kept in memory.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheSpec {
    /// How many sessions are kept open at most.
    #[serde(default = "CacheSpec::default_max_sessions")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_sessions: i64,
    /// Memory for open sessions and for those being built, together, as a quantity such as `2Gi`; at least 64Mi.
    /// Default: half of the container's memory limit, 2Gi at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = MAX_MEMORY.rule())]
    pub max_memory: Option<Size>,
    /// A session that nobody asked for during this time is let go; `0s` keeps it until the memory is needed.
    #[serde(default = "CacheSpec::default_ttl")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = TTL.rule())]
    pub ttl: String,
}

impl CacheSpec {
    fn default_max_sessions() -> i64 {
        100
    }

    fn default_ttl() -> String {
        "0s".to_owned()
    }
}

impl Default for CacheSpec {
    fn default() -> Self {
        Self { max_sessions: Self::default_max_sessions(), max_memory: None, ttl: Self::default_ttl() }
    }
}

/// How sessions are loaded.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadingSpec {
    /// A load that takes longer is stopped, from `1s` to `24h`.
    #[serde(default = "LoadingSpec::default_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = TIMEOUT.rule())]
    pub timeout: String,
    /// How many sessions are loaded at once.
    #[serde(default = "LoadingSpec::default_max_concurrent")]
    #[schemars(range(min = 1, max = 64))]
    pub max_concurrent: i64,
    /// How long a request waits for a load before it is answered with 503 and `Retry-After`, from `0s` to `10m`.
    /// Ray's own proxy gives up at 30 s.
    #[serde(default = "LoadingSpec::default_request_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = REQUEST_TIMEOUT.rule())]
    pub request_timeout: String,
}

impl LoadingSpec {
    fn default_timeout() -> String {
        "10m".to_owned()
    }

    fn default_max_concurrent() -> i64 {
        4
    }

    fn default_request_timeout() -> String {
        "25s".to_owned()
    }
}

impl Default for LoadingSpec {
    fn default() -> Self {
        Self {
            timeout: Self::default_timeout(),
            max_concurrent: Self::default_max_concurrent(),
            request_timeout: Self::default_request_timeout(),
        }
    }
}

/// Which clusters are watched and served.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClustersSpec {
    /// Namespaces that are watched and whose sessions are served; empty for all.
    #[serde(default)]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63), pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,
    /// Whether several Kubernetes clusters write into this bucket. Then a cluster that this one has never seen is
    /// `unknown`, not dead.
    #[serde(default)]
    pub shared_storage: bool,
}

/// Loading sessions before anybody asks for them.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrewarmSpec {
    /// Whether a session is loaded when it dies and its uploads have gone quiet.
    pub enabled: bool,
}

impl Default for PrewarmSpec {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Whose answers hide the values of environment variables in runtime environments.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Redaction {
    /// Everybody's.
    Always,
    /// Those of browsers, as Ray 2.60 does.
    #[default]
    Browsers,
    /// Nobody's.
    Never,
}

impl std::fmt::Display for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Always => "Always",
            Self::Browsers => "Browsers",
            Self::Never => "Never",
        })
    }
}
