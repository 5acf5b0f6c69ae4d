//! `RayHistory` (history.ray.io/v1alpha1): the types its schema is made of, and the only source of that schema.
//!
//! Owns the wire form: what is written in YAML, its defaults, the rules the API server checks (`rules`), and the
//! status. Knows nothing of how values are used: `settings` turns a spec into what the program works with, by the same
//! rules for a file and for an object.
//!
//! Nothing is immutable: a change of store, of credentials or of budgets is applied while the server runs.
//! Imports no other module of ours.

#![expect(clippy::duplicated_attributes, reason = "two printer columns may have the same type")]

mod bucket;
mod cluster;
mod rules;
mod schema;
mod size;
mod status;
mod storage;

pub(crate) use bucket::{AZURE_EXPECTED, GCS_EXPECTED, OSS_EXPECTED, S3_EXPECTED, is_azure, is_gcs, is_oss, is_s3};
pub use cluster::{CacheSpec, ClustersSpec, LoadingSpec, PrewarmSpec, Redaction};
pub(crate) use rules::{ACCOUNT_EXPECTED, ANONYMOUS_EXPECTED, ENDPOINT_EXPECTED};
pub use rules::{DurationRule, MAX_MEMORY, REQUEST_TIMEOUT, SizeRule, TIMEOUT, TTL, is_endpoint, one_storage};
pub use schema::{definition, schema, yaml};
pub use size::Size;
pub use status::{CacheStatus, RayHistoryStatus, ReplicaStatus, SessionsStatus};
pub use storage::{AzureSpec, GcsSpec, LocalSpec, OssAddressing, OssSpec, S3Spec, SecretRef, StorageSpec};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a history server serves, and within which bounds.
#[derive(CustomResource, JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "history.ray.io",
    version = "v1alpha1",
    kind = "RayHistory",
    plural = "rayhistories",
    namespaced,
    shortname = "rh",
    category = "ray",
    doc = "A history server: it opens the Ray dashboard of clusters that are gone, from what their collectors stored.",
    derive = "PartialEq",
    status = "RayHistoryStatus",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether settings are in force and sessions are listed."
    ),
    printcolumn(
        name = "Storage",
        type_ = "string",
        json_path = ".status.storage",
        description = "The store in force."
    ),
    printcolumn(
        name = "Reachable",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="StorageReachable")].status"#,
        description = "Whether the store answers."
    ),
    printcolumn(
        name = "Sessions",
        type_ = "integer",
        json_path = ".status.sessions.total",
        description = "Sessions found in the store."
    ),
    printcolumn(
        name = "Open Copies",
        type_ = "integer",
        json_path = ".status.cache.sessions",
        description = "Open sessions, summed over all replicas: one that is open on two of them counts twice."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct RayHistorySpec {
    /// Where collectors stored what is served.
    pub storage: StorageSpec,
    /// Bounds of what is kept in memory. A change applies at once, and what still fits is kept.
    #[serde(default)]
    pub cache: CacheSpec,
    /// How sessions are loaded. A change applies to the next load.
    #[serde(default)]
    pub loading: LoadingSpec,
    /// Which clusters are watched and served.
    #[serde(default)]
    pub clusters: ClustersSpec,
    /// Loading sessions before anybody asks for them.
    #[serde(default)]
    pub prewarm: PrewarmSpec,
    /// Whose answers hide the values of environment variables in runtime environments.
    #[serde(default)]
    pub redaction: Redaction,
}
