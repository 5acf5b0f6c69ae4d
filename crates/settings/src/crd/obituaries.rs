//! Obituaries: why runs ended, kept when Kubernetes' objects are gone. Types and defaults only.

use kube::KubeSchema;
use kube::core::cel::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Obituaries: why runs ended, kept when Kubernetes' objects are gone.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = submitter_logs())]
pub struct ObituariesSpec {
    /// The objects that are watched for it; each mode needs permissions of its own (config/obituaries-resources and config/obituaries-pods, or
    /// obituaries.mode in the chart).
    #[serde(default)]
    pub mode: ObituariesMode,
    /// The place where documents are kept.
    #[serde(default)]
    pub store: ObituariesStore,
    /// Keeps the last 64 KiB of the log of a submitter that failed, with mode Pods. It needs a permission of its own
    /// (config/obituaries-logs, or obituaries.submitterLogs in the chart).
    #[serde(default)]
    pub submitter_logs: bool,
}

/// The description of the valid form of `submitterLogs`.
pub const SUBMITTER_LOGS_EXPECTED: &str = "submitterLogs needs mode Pods: no other watches submitters";

/// Returns the rule that logs of submitters need mode Pods.
pub(super) fn submitter_logs() -> Rule {
    Rule::new("!self.submitterLogs || self.mode == 'Pods'").message(SUBMITTER_LOGS_EXPECTED)
}

/// The objects that are watched.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObituariesMode {
    /// None: nothing is kept, and nothing more is watched.
    #[default]
    Off,
    /// Clusters, jobs and services of Ray and their Events: what `KubeRay` says.
    Resources,
    /// Also the pods of Ray, and by single requests their Events, nodes and Workloads of Kueue: exit codes, memory,
    /// images, evictions, spot nodes, queues.
    Pods,
}

/// The place where documents are kept.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObituariesStore {
    /// Below `ray-history/v1/` of the first of spec.storage.rootDirs; the server needs to put objects there.
    #[default]
    Bucket,
    /// The memory of each replica, until it ends; nothing is written.
    Memory,
}
