//! The spec of an object, without values of environment variables, arguments and annotations.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A spec. Of two versions the one with the greater generation counts, so the generation comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// The number of the version.
    pub generation: i64,
    /// The version of Ray.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ray_version: String,
    /// The command of a `RayJob`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entrypoint: String,
    /// The way in which it is submitted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub submission_mode: String,
    /// Seconds that it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// Seconds that it may take until it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_running_deadline_seconds: Option<i64>,
    /// Seconds from its end to the removal of its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
    /// `true` if its cluster is removed at its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shutdown_after_job_finishes: bool,
    /// The number of further attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<i64>,
    /// The groups of pods, the head first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A group of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Group {
    /// The name; `head` for the head.
    pub name: String,
    /// The image.
    pub image: String,
    /// Guaranteed resources of Ray's container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, String>,
    /// Resources that it may not exceed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, String>,
    /// The least, the wanted and the greatest number of pods.
    pub replicas: [Option<i64>; 3],
    /// Labels that a node must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// The class of priority.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub priority_class: String,
    /// Environment variables of Ray's container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Env>,
}

/// An environment variable, without its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Env {
    /// The name.
    pub name: String,
    /// The source: `value`, `secret NAME/KEY`, `configmap NAME/KEY`, `field PATH`, `resource NAME`.
    pub from: String,
}
