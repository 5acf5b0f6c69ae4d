//! A `RayCluster`.

use super::lenient::{Flag, Items, Label, Number, lenient};
use super::metadata::{Condition, Metadata};
use super::template::Template;

lenient! {
    /// A `RayCluster`.
    pub struct RayCluster {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The spec.
        spec: RayClusterSpec = "spec",
        /// The status.
        status: RayClusterStatus = "status",
    }
}

lenient! {
    /// The spec of a cluster, also of one that a `RayJob` creates.
    pub struct RayClusterSpec {
        /// `true` if KubeRay is to remove the pods.
        suspend: Flag = "suspend",
        /// The version of Ray.
        ray_version: Label = "rayVersion",
        /// The head.
        head: Group = "headGroupSpec",
        /// The workers.
        workers: Items<Group, 32> = "workerGroupSpecs",
    }
}

lenient! {
    /// A group of pods.
    pub struct Group {
        /// The name, of a group of workers.
        name: Label = "groupName",
        /// The wanted number.
        replicas: Number = "replicas",
        /// The least number.
        min: Number = "minReplicas",
        /// The greatest number.
        max: Number = "maxReplicas",
        /// The template of its pods.
        template: Template = "template",
    }
}

lenient! {
    /// The status of a cluster.
    pub struct RayClusterStatus {
        /// `ready`, `suspended`, `failed` or nothing.
        state: Label = "state",
        /// The conditions.
        conditions: Items<Condition, 32> = "conditions",
    }
}
