//! Facts of one object, and of what belongs to it, as drafts that join in any order.
//!
//! A version of an object becomes a small [`Facts`] (`read`), and joins with what is known already. The same value is
//! the body of the stored document, so two writers join as two observations do.

pub mod attempt;
pub mod bounds;
pub mod condition;
pub mod container;
pub mod event;
pub mod node;
pub mod omitted;
pub mod pod;
pub mod read;
pub mod session_end;
pub mod spec;
pub mod subject;
mod weight;

pub use attempt::Attempt;
pub use condition::Condition;
pub use container::{Container, Ended, Waited};
pub use event::Event;
pub use node::Node;
pub use pod::{Pod, PodCondition, Role};
pub use session_end::SessionEnd;
pub use spec::{Env, Group, Spec};
pub use subject::{Kind, OwnerRef, Subject, Suspend};

use crate::join::{Join, Table, least};
use crate::time::Time;
use omitted::Omitted;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of namespaces among what cannot be seen.
pub const NAMESPACES: &str = "namespaces";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// All that is known of one object: of a `RayCluster` with its pods, or of a `RayJob` with its attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Facts {
    /// The object, its owner, and its clusters.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub objects: Table<Subject>,
    /// Conditions, each change of them.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub conditions: Table<Condition>,
    /// Attempts of the `RayJob`.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub attempts: Table<Attempt>,
    /// Pods in full: those with trouble, and others while there is room.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub pods: Table<Pod>,
    /// Nodes of these pods.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub nodes: Table<Node>,
    /// Events.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub events: Table<Event>,
    /// Sessions by cluster and name, with the earliest time that is known of each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, Time>,
    /// Ends of the jobs of these sessions.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub session_ends: Table<SessionEnd>,
    /// All that could not be seen: `nodes: forbidden`, `10:00-10:07 not watched`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unseen: BTreeSet<String>,
    /// Things that were dropped to stay within bounds.
    #[serde(skip_serializing_if = "Omitted::is_empty")]
    pub omitted: Omitted,
}

impl Join for Facts {
    fn join(&mut self, other: Self) {
        self.objects.join(other.objects);
        self.conditions.join(other.conditions);
        self.attempts.join(other.attempts);
        self.pods.join(other.pods);
        self.nodes.join(other.nodes);
        self.events.join(other.events);
        for (session, at) in other.sessions {
            let mut known = self.sessions.remove(&session);
            least(&mut known, Some(at));
            self.sessions.extend(known.map(|at| (session, at)));
        }
        self.session_ends.join(other.session_ends);
        self.unseen.extend(other.unseen);
        self.omitted.join(other.omitted);
        self.limit();
    }
}

impl Facts {
    /// Returns the object with a uid.
    pub fn object(&self, uid: &str) -> Option<&Subject> {
        self.objects.iter().find(|object| object.uid == uid)
    }

    /// Returns the objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Subject> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }
}
