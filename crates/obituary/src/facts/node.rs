//! A node on which pods of a cluster ran.

use crate::join::{Join, Keyed, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    /// The name.
    pub name: String,
    /// The uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// `true` if the cloud may take it back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spot: bool,
    /// The type of the machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// The zone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The time of the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// The time at which it stopped answering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready_at: Option<Time>,
    /// The taint of an autoscaler, and the time at which it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drained: Option<(Time, String)>,
    /// The time at which it was found gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Time>,
}

impl Keyed for Node {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.name.clone(), self.uid.clone())
    }
}

impl Join for Node {
    fn join(&mut self, other: Self) {
        self.spot |= other.spot;
        greatest(&mut self.instance_type, other.instance_type);
        greatest(&mut self.zone, other.zone);
        least(&mut self.created_at, other.created_at);
        least(&mut self.not_ready_at, other.not_ready_at);
        least(&mut self.drained, other.drained);
        least(&mut self.gone_at, other.gone_at);
    }
}
