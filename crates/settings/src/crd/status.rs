//! The status of a history server. Types only; `controller` fills them.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Status of a history server, written by its replicas.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RayHistoryStatus {
    /// Generation of the spec that was processed last, applied or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `SettingsApplied`, `StorageReachable`, `ClustersWatched`, `AccessReviewed` and, with obituaries, `ObituariesKept`, each with a reason and advice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The store in use, as a URL without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Sessions found in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionsStatus>,
    /// The caches of all replicas, summed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheStatus>,
    /// Time of the last successful listing of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_listing_time: Option<Time>,
    /// One entry for each running replica, written by that replica.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub replicas: Vec<ReplicaStatus>,
}

/// Sessions found in the store. Those that are neither live nor dead are unknown.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsStatus {
    /// All sessions.
    pub total: i64,
    /// Sessions whose cluster is running.
    pub live: i64,
    /// Sessions whose cluster is known to be gone.
    pub dead: i64,
}

/// A cache of open sessions.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStatus {
    /// Number of open sessions.
    pub sessions: i64,
    /// Bytes that they use.
    pub bytes: i64,
    /// Bytes that they may use.
    pub max_memory: i64,
}

/// Status of one replica.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Name of the replica's pod.
    pub name: String,
    /// Generation of the spec that the replica has applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// True if the replica serves requests.
    pub ready: bool,
    /// Cache of the replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheStatus>,
}
