//! The status of a history server. Types only; `controller` fills them.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::RetentionMode;
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
    /// `Ready`, `SettingsApplied`, `StorageReachable`, `ClustersWatched`, `AccessReviewed` with obituaries `ObituariesKept`, with retention `RetentionRuns`, with persisted snapshots `SessionsPersisted`, each with a reason and advice.
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
    /// Numbers of retention; absent while it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
    /// The persisted snapshots of dead sessions; absent while there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persisted: Option<PersistedStatus>,
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
    /// The snapshots that the replica persisted; absent while there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persisted: Option<PersistedStatus>,
}

/// The persisted snapshots of dead sessions.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistedStatus {
    /// Sessions with a snapshot in the store, as of the last listing and what was written since.
    pub sessions: i64,
    /// Bytes that were written since the replicas started.
    pub bytes: i64,
    /// Dead sessions without a snapshot that wait until they are loaded.
    pub backlog: i64,
    /// Time at which a session was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
}

/// Numbers of retention.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// The mode in force.
    pub mode: RetentionMode,
    /// Sessions that are beyond a limit of their rule now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<PlannedStatus>,
    /// Sessions that are marked, and not deleted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<MarkedStatus>,
    /// Everything that was deleted so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<DeletedStatus>,
    /// Sessions that stay, by the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptStatus>,
    /// Time of the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Time>,
}

/// Sessions that are beyond a limit.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatus {
    /// Their number.
    pub sessions: i64,
    /// Their bytes, as far as they were listed.
    pub bytes: i64,
    /// The earliest end, or time of a newest object, among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Time>,
}

/// Sessions that are marked.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedStatus {
    /// Their number.
    pub sessions: i64,
    /// The time before which none of them is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
}

/// Sessions that were deleted.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedStatus {
    /// Their number.
    pub sessions: i64,
    /// Their objects.
    pub objects: i64,
    /// The bytes of these.
    pub bytes: i64,
    /// Time of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
}

/// Numbers of sessions that stay.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptStatus {
    /// Pinned or protected.
    pub pinned: i64,
    /// Live.
    pub live: i64,
    /// Not proven to be dead.
    pub unknown: i64,
    /// With objects, or first listed, less than a day ago.
    pub young: i64,
    /// Open and in use.
    pub busy: i64,
    /// Without a rule, within the limits, or waiting for another day.
    pub other: i64,
}
