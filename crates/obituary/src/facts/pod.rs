//! A pod of a cluster, or one that submits a job.

use super::container::Container;
use crate::join::{Join, Keyed, Table, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Phases of a pod, in their order.
const PHASES: [&str; 4] = ["Pending", "Running", "Succeeded", "Failed"];

/// The role of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The head.
    Head,
    /// The pod that submits the job.
    Submitter,
    /// A worker, or a role that this version does not know.
    #[default]
    #[serde(other)]
    Worker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worker => "worker",
            Self::Head => "head",
            Self::Submitter => "submitter",
        })
    }
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
    /// The name of the cluster; empty for a submitter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The role.
    pub role: Role,
    /// The group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The node.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The name of Ray's container, which is the first one: people may name it as they like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub main_container: String,
    /// The image of Ray's container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Its memory limit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub memory_limit: String,
    /// The time of the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// The first time at which Ray's container ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran_at: Option<Time>,
    /// The time at which the deletion was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// The time at which the pod was found gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Time>,
    /// The last time at which a version was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// The furthest phase.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Restarts of Ray's container.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub restarts: i64,
    /// Conditions that tell of trouble, and reasons of the pod itself.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub conditions: Table<PodCondition>,
    /// The containers of which there is something to tell.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub containers: Table<Container>,
}

impl Pod {
    /// Returns the container of Ray, or the one that submits.
    pub fn main(&self) -> Option<&Container> {
        self.containers.iter().find(|container| self.is_main(container))
    }

    /// Returns `true` for the container of Ray, or the one that submits.
    pub fn is_main(&self, container: &Container) -> bool {
        if !self.main_container.is_empty() {
            return container.name == self.main_container;
        }
        match self.role {
            Role::Head => container.name == "ray-head",
            Role::Worker => container.name == "ray-worker",
            Role::Submitter => container.name == "ray-job-submitter",
        }
    }

    /// Returns the kind and the name.
    pub fn shown(&self) -> String {
        format!("pod {}", self.name)
    }

    /// Returns `true` if anything is known that is no ordinary life.
    pub fn is_troubled(&self) -> bool {
        let ordinary = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing" | "Completed");
        !self.conditions.is_empty()
            || self.restarts > 0
            || self.containers.iter().any(|container| {
                container.waited.iter().any(|waited| !ordinary(&waited.reason))
                    || container.ended.iter().any(|ended| !ordinary(&ended.reason) && !ended.deleting)
            })
    }
}

impl Keyed for Pod {
    type Key = String;

    fn key(&self) -> String {
        self.uid.clone()
    }
}

impl Join for Pod {
    fn join(&mut self, other: Self) {
        let phase = |phase: &str| PHASES.iter().position(|known| *known == phase).map_or(0, |at| at + 1);
        greatest(&mut self.name, other.name);
        greatest(&mut self.cluster, other.cluster);
        greatest(&mut self.role, other.role);
        greatest(&mut self.group, other.group);
        greatest(&mut self.node, other.node);
        greatest(&mut self.main_container, other.main_container);
        greatest(&mut self.image, other.image);
        greatest(&mut self.memory_limit, other.memory_limit);
        least(&mut self.created_at, other.created_at);
        least(&mut self.ran_at, other.ran_at);
        least(&mut self.deleted_at, other.deleted_at);
        least(&mut self.gone_at, other.gone_at);
        greatest(&mut self.last_seen, other.last_seen);
        if (phase(&other.phase), &other.phase) > (phase(&self.phase), &self.phase) {
            self.phase = other.phase;
        }
        greatest(&mut self.restarts, other.restarts);
        self.conditions.join(other.conditions);
        self.containers.join(other.containers);
    }
}

/// A condition of a pod that tells of trouble: `PodScheduled` False, `DisruptionTarget`; or `Pod`, the pod's own
/// reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodCondition {
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason.
    pub reason: String,
    /// The message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The time of the change; else of the first sight.
    pub at: Time,
    /// `true` if it was seen only after the deletion of the pod had been asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

impl Keyed for PodCondition {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.kind.clone(), self.reason.clone())
    }
}

impl Join for PodCondition {
    fn join(&mut self, other: Self) {
        greatest(&mut self.message, other.message);
        self.at = self.at.min(other.at);
        self.deleting &= other.deleting;
    }
}
