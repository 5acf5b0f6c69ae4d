//! The node that a manifest is of.

use serde::{Deserialize, Serialize};

/// The node of a manifest, its session and its pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The namespace of the cluster.
    pub namespace: String,
    /// The cluster.
    pub cluster: String,
    /// The owner of the cluster.
    pub owner: Option<OwnerName>,
    /// The session.
    pub session: String,
    /// The node, in hex.
    pub node: String,
    /// The role of the node.
    pub role: Role,
    /// The pod.
    pub pod: Option<Pod>,
}

/// The owner of a cluster, as Kubernetes spells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerName {
    /// `RayJob` or `RayService`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A pod of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its unique id.
    pub uid: String,
    /// The Kubernetes node that it ran on.
    pub node: String,
}

/// The role of a node of Ray.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The head: where the GCS and the dashboard run.
    Head,
    /// Any other node.
    #[default]
    #[serde(other)]
    Worker,
}
