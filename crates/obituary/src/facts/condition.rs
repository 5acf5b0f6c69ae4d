//! A change of a condition of an object: of a `RayCluster`, a `RayService`, a Job, a Workload or a namespace.

use crate::join::{Join, Keyed, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A condition, as it was from one time on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// The time of the change; else of the first sight.
    pub at: Time,
    /// The kind and the name of the object.
    pub about: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status.
    pub status: String,
    /// The reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The first time at which a watch saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Time>,
}

impl Condition {
    /// Returns `true` if it says that a namespace is being deleted, or is gone.
    pub fn is_of_going_namespace(&self) -> bool {
        self.about.starts_with("Namespace ") && matches!(self.kind.as_str(), "Terminating" | "Absent")
    }
}

impl Keyed for Condition {
    type Key = (Time, String, String, String, String);

    fn key(&self) -> Self::Key {
        (self.at, self.about.clone(), self.kind.clone(), self.status.clone(), self.reason.clone())
    }
}

impl Join for Condition {
    fn join(&mut self, other: Self) {
        greatest(&mut self.message, other.message);
        least(&mut self.seen, other.seen);
    }
}
