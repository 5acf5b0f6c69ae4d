//! One object of Ray: its names, its times, who suspended it.

use super::spec::Spec;
use crate::join::{Join, Keyed, Table, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A `RayJob`.
    RayJob,
    /// A `RayService`.
    RayService,
    /// A `RayCluster`, or a kind that this version does not know.
    #[default]
    #[serde(other)]
    RayCluster,
}

impl Kind {
    /// Returns the kind with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::RayCluster, Self::RayJob, Self::RayService].into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RayCluster => "RayCluster",
            Self::RayJob => "RayJob",
            Self::RayService => "RayService",
        }
    }

    /// Returns the folder in keys.
    pub fn folder(self) -> &'static str {
        match self {
            Self::RayCluster => "raycluster",
            Self::RayJob => "rayjob",
            Self::RayService => "rayservice",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerRef {
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The uid; empty if only labels name the owner.
    pub uid: String,
}

/// A version of the spec in which `suspend` was set, or set back by a known manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Suspend {
    /// The number of the spec's version.
    pub generation: i64,
    /// `true` if suspended.
    pub value: bool,
    /// The manager that set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

impl Keyed for Suspend {
    type Key = (i64, bool);

    fn key(&self) -> Self::Key {
        (self.generation, self.value)
    }
}

impl Join for Suspend {
    fn join(&mut self, other: Self) {
        least(&mut self.by, other.by);
        least(&mut self.at, other.at);
    }
}

/// An object of Ray.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Subject {
    /// The kind.
    pub kind: Kind,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
    /// The time of the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// The time at which the deletion was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// The time at which the object was found gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Time>,
    /// The last time at which a version was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// `true` if a watch saw the object go, so that its last state is known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub seen_going: bool,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerRef>,
    /// The labels that are kept: the queue, and how long to keep the data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The first time at which it was ready: of a cluster, all pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Time>,
    /// The greatest number of a version of the spec that was seen not to be suspended.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub not_suspended: i64,
    /// Versions of the spec that are suspended, and who resumed them.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub suspends: Table<Suspend>,
    /// Clusters that a service made active, each with the first time.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub active: BTreeMap<String, Time>,
    /// The newest version of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
}

impl Subject {
    /// Returns the suspension that is in force.
    pub fn suspension(&self) -> Option<&Suspend> {
        let last = self.suspends.iter().next_back().filter(|suspend| suspend.value)?;
        (last.generation > self.not_suspended || last.generation == 0 && self.not_suspended == 0).then_some(last)
    }

    /// Returns the kind and the name.
    pub fn shown(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Returns the earliest time at which it was known to go.
    pub fn end(&self) -> Option<Time> {
        let mut end = self.deleted_at;
        least(&mut end, self.gone_at);
        end
    }
}

impl Keyed for Subject {
    type Key = (Kind, String);

    fn key(&self) -> Self::Key {
        (self.kind, self.uid.clone())
    }
}

impl Join for Subject {
    fn join(&mut self, other: Self) {
        greatest(&mut self.namespace, other.namespace);
        greatest(&mut self.name, other.name);
        least(&mut self.created_at, other.created_at);
        least(&mut self.deleted_at, other.deleted_at);
        least(&mut self.gone_at, other.gone_at);
        greatest(&mut self.last_seen, other.last_seen);
        self.seen_going |= other.seen_going;
        greatest(&mut self.owner, other.owner);
        for (label, value) in other.labels {
            greatest(self.labels.entry(label).or_default(), value);
        }
        least(&mut self.ready_at, other.ready_at);
        greatest(&mut self.not_suspended, other.not_suspended);
        self.suspends.join(other.suspends);
        for (cluster, at) in other.active {
            let mut known = self.active.remove(&cluster);
            least(&mut known, Some(at));
            self.active.extend(known.map(|at| (cluster, at)));
        }
        greatest(&mut self.spec, other.spec);
    }
}
