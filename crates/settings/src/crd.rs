//! `RayHistory` (history.ray.io/v1alpha1): the types that its schema is generated from.
//!
//! Contains the YAML form, its defaults, the rules that the API server checks (`rules`), and the status. `settings`
//! converts a spec into validated values, by the same rules for a file and for an object.
//!
//! No field is immutable: a change of store, credentials or budgets applies while the server runs.
//! Imports no other module of ours.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]
#![expect(clippy::duplicated_attributes, reason = "two printer columns may have the same type")]

mod access;
mod cluster;
mod obituaries;
mod persist;
mod retention;
mod rules;
mod schema;
mod size;
mod status;
mod storage;

pub use access::*;
pub(crate) use cluster::BY_ROLE_EXPECTED;
pub use cluster::{CacheSpec, ClustersSpec, LoadingSpec, PrewarmSpec, Redaction};
pub use obituaries::*;
pub use persist::{PersistMode, PersistSpec, PersistedEnvironments};
pub use retention::*;
pub(crate) use rules::ANONYMOUS_EXPECTED;
pub use rules::{
    AFTER, ALLOWED_FOR, BytesRule, DENIED_FOR, DurationRule, GRACE, LIFETIME, MAX_AGE, MAX_BYTES, MAX_MEMORY,
    REQUEST_TIMEOUT, STALE_FOR, SizeRule, TIMEOUT, TTL, is_endpoint,
};
pub use schema::{definition, schema, yaml};
pub use size::Size;
pub use status::{
    CacheStatus, DeletedStatus, KeptStatus, MarkedStatus, PersistedStatus, PlannedStatus, RayHistoryStatus,
    ReplicaStatus, RetentionStatus, SessionsStatus,
};
pub use storage::*;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// The store that a history server serves, and its bounds.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "history.ray.io",
    version = "v1alpha1",
    kind = "RayHistory",
    plural = "rayhistories",
    namespaced,
    shortname = "rh",
    category = "ray",
    doc = "A history server: serves the Ray dashboard of clusters that are gone, from what their collectors stored.",
    derive = "PartialEq",
    status = "RayHistoryStatus",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "True if the settings are applied and the sessions are listed."
    ),
    printcolumn(name = "Storage", type_ = "string", json_path = ".status.storage", description = "The store in use."),
    printcolumn(
        name = "Reachable",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="StorageReachable")].status"#,
        description = "True if the store responds."
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
        description = "Open sessions of all replicas; a session that is open on two replicas counts twice."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cluster::by_role())]
#[x_kube(validation = retention::outcomes())]
pub struct RayHistorySpec {
    /// The store that collectors wrote to.
    pub storage: StorageSpec,
    /// Bounds of the cache of open sessions. A change applies at once; sessions that still fit stay open.
    #[serde(default)]
    pub cache: CacheSpec,
    /// Bounds of loads. A change applies to the next load.
    #[serde(default)]
    pub loading: LoadingSpec,
    /// The clusters that are watched and served.
    #[serde(default)]
    pub clusters: ClustersSpec,
    /// Loading of sessions before the first request for them.
    #[serde(default)]
    pub prewarm: PrewarmSpec,
    /// Clients from which the values of environment variables in runtime environments are hidden.
    #[serde(default)]
    pub redaction: Redaction,
    /// Access control: who sees which namespaces.
    #[serde(default)]
    pub access: AccessSpec,
    /// Obituaries: why runs ended, kept when Kubernetes' objects are gone.
    #[serde(default)]
    pub obituaries: ObituariesSpec,
    /// Retention: how long sessions are kept. Off unless a mode is set.
    #[serde(default)]
    pub retention: RetentionSpec,
    /// Persisted snapshots: what was built of a dead session is written beside its raw data. Off unless a mode is set.
    #[serde(default)]
    pub persist: PersistSpec,
}
