//! What a history server reports of itself. Shapes only; `controller` fills them.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the replicas report.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RayHistoryStatus {
    /// Generation of the spec that was looked at last, whether it could be applied or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `SettingsApplied`, `StorageReachable` and `ClustersWatched`, each with a reason and what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The store in force, as a URL without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Sessions found in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionsStatus>,
    /// What is open in memory, over all replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheStatus>,
    /// When the store was last listed with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_listing_time: Option<Time>,
    /// One entry for each running replica, written by that replica.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub replicas: Vec<ReplicaStatus>,
}

/// Sessions found in the store; those that are neither live nor dead are unknown.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsStatus {
    /// All of them.
    pub total: i64,
    /// Those whose cluster runs.
    pub live: i64,
    /// Those whose cluster is known to be gone.
    pub dead: i64,
}

/// What is open in memory.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStatus {
    /// Sessions that are open.
    pub sessions: i64,
    /// Bytes they take.
    pub bytes: i64,
    /// Bytes they may take.
    pub max_memory: i64,
}

/// What one replica reports of itself.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Name of its pod.
    pub name: String,
    /// Generation of the spec whose settings it has in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether it answers requests.
    pub ready: bool,
    /// What it has open in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheStatus>,
}
