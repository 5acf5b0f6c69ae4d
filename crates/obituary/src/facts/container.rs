//! A container of a pod: each end and each wait that any version told.

use crate::join::{Join, Keyed, Table, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// The name.
    pub name: String,
    /// The digest of the image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// `true` if it runs before the others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// The first time at which it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran_at: Option<Time>,
    /// The last time at which it was seen to be ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ready: Option<Time>,
    /// Its ends.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub ended: Table<Ended>,
    /// Its waits.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub waited: Table<Waited>,
}

impl Keyed for Container {
    type Key = String;

    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Join for Container {
    fn join(&mut self, other: Self) {
        greatest(&mut self.image_id, other.image_id);
        self.init |= other.init;
        least(&mut self.ran_at, other.ran_at);
        greatest(&mut self.last_ready, other.last_ready);
        self.ended.join(other.ended);
        self.waited.join(other.waited);
    }
}

/// An end of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ended {
    /// The end of the id of this life of the container; its time, if it has no id.
    pub id: String,
    /// The time of the end; of the first sight, if kubelet does not know it.
    pub at: Time,
    /// `true` if the time is that of the first sight.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untimed: bool,
    /// The reason.
    pub reason: String,
    /// The exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i64>,
    /// The signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i64>,
    /// The termination message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// `true` if it was seen only after the deletion of the pod had been asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

impl Ended {
    /// The reason that the kernel ended a process of the container for memory.
    pub const OOM: &'static str = "OOMKilled";

    /// Returns `true` if the kernel ended a process of it for memory.
    pub fn out_of_memory(&self) -> bool {
        self.reason == Self::OOM
    }
}

impl Keyed for Ended {
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }
}

impl Join for Ended {
    fn join(&mut self, other: Self) {
        // The kernel's reason counts if any version told it.
        let rank = |ended: &Self| (ended.out_of_memory(), ended.reason.clone());
        if rank(&other) > rank(self) {
            self.reason = other.reason;
        }
        self.at = self.at.min(other.at);
        self.untimed &= other.untimed;
        greatest(&mut self.exit, other.exit);
        greatest(&mut self.signal, other.signal);
        greatest(&mut self.message, other.message);
        self.deleting &= other.deleting;
    }
}

/// A wait of a container, by its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Waited {
    /// The reason.
    pub reason: String,
    /// The message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The first time at which it was seen.
    pub from: Time,
    /// The last time.
    pub to: Time,
    /// `true` if it was seen only after the deletion of the pod had been asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

impl Keyed for Waited {
    type Key = String;

    fn key(&self) -> String {
        self.reason.clone()
    }
}

impl Join for Waited {
    fn join(&mut self, other: Self) {
        greatest(&mut self.message, other.message);
        self.from = self.from.min(other.from);
        greatest(&mut self.to, other.to);
        self.deleting &= other.deleting;
    }
}
