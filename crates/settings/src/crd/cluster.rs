//! The parts of a spec other than storage: cache, loading, clusters. Types and defaults only.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::{MAX_MEMORY, REQUEST_TIMEOUT, Size, TIMEOUT, TTL};
use kube::KubeSchema;
use kube::core::cel::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds of the cache of open sessions.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheSpec {
    /// Maximum number of open sessions.
    #[serde(default = "CacheSpec::default_max_sessions")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_sessions: i64,
    /// Memory for open sessions and for those being loaded, together, as a quantity such as `2Gi`; at least 64Mi.
    /// Default: half of the container's memory limit, at most 2Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = MAX_MEMORY.rule())]
    pub max_memory: Option<Size>,
    /// A session that is not requested for this time is closed; `0s` keeps it open until its memory is needed.
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

/// Bounds of loads.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadingSpec {
    /// Maximum duration of a load, from `1s` to `24h`. A load that takes longer is stopped.
    #[serde(default = "LoadingSpec::default_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = TIMEOUT.rule())]
    pub timeout: String,
    /// Maximum number of sessions loaded concurrently.
    #[serde(default = "LoadingSpec::default_max_concurrent")]
    #[schemars(range(min = 1, max = 64))]
    pub max_concurrent: i64,
    /// Maximum time that a request waits for a load, from `0s` to `10m`. After that it gets 503 with `Retry-After`.
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

/// The clusters that are watched and served.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClustersSpec {
    /// Namespaces to watch and to serve the sessions of; empty for all.
    #[serde(default)]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63), pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,
    /// Set to true if several Kubernetes clusters write into this bucket. A RayCluster that this Kubernetes cluster
    /// has never seen is then `unknown`, not dead.
    #[serde(default)]
    pub shared_storage: bool,
}

/// Loading of sessions before the first request for them.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrewarmSpec {
    /// Load a session when its cluster is gone and its uploads have ended.
    pub enabled: bool,
}

impl Default for PrewarmSpec {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Clients from which the values of environment variables in runtime environments are hidden.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Redaction {
    /// All clients.
    Always,
    /// Browsers, as in Ray 2.60.
    #[default]
    Browsers,
    /// No client.
    Never,
    /// Those who may not `get sessions/env`; only with `access.mode: Kubernetes`.
    #[value(skip)]
    ByRole,
}

/// Returns the rule that `ByRole` needs roles.
pub(super) fn by_role() -> Rule {
    Rule::new("self.redaction != 'ByRole' || self.access.mode == 'Kubernetes'")
        .message(BY_ROLE_EXPECTED)
        .field_path(".redaction")
}

/// The error for `ByRole` without access control.
pub(crate) const BY_ROLE_EXPECTED: &str = "ByRole needs access.mode Kubernetes: without it nobody has a role";

impl Redaction {
    /// Returns the value in a document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::Browsers => "Browsers",
            Self::Never => "Never",
            Self::ByRole => "ByRole",
        }
    }
}
