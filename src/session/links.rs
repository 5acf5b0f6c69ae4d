//! From names that people know to sessions: `RayJob`, `RayService`, `RayCluster`, submission id.
//!
//! Owns the rules by which a name leads to sessions, and says how sure they are. Must never know HTTP; reads no
//! object, only listings, and of those a bounded number.

mod search;
mod submission;

pub(super) use submission::Sources;
pub use submission::{Submission, Submissions};

use super::catalog::{Entry, Listing, owner_in};
use ray_history_core::base::name::{ClusterId, OwnerKind};

/// What a link names, in some namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A `RayCluster`.
    Cluster,
    /// What created a cluster.
    Owner(OwnerKind),
}

impl Subject {
    /// A `RayJob`.
    pub const RAY_JOB: Self = Self::Owner(OwnerKind::RayJob);
    /// A `RayService`.
    pub const RAY_SERVICE: Self = Self::Owner(OwnerKind::RayService);
}

/// The sessions of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The sessions, newest first.
    pub sessions: Vec<Entry>,
    /// Whether that is what was stored. Otherwise no owner was stored, and the clusters merely have names that
    /// `KubeRay` makes from the subject's.
    pub exact: bool,
}

impl Listing {
    /// The sessions of a subject. With `exact`, only those of which the store says so.
    pub fn attempts(&self, namespace: &str, subject: Subject, name: &str, exact: bool) -> Attempts {
        let kind = match subject {
            Subject::Cluster => {
                let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
                return Attempts { sessions: self.of_cluster(&cluster), exact: true };
            }
            Subject::Owner(kind) => kind,
        };
        let sessions = self.of_owner(namespace, kind, name);
        if exact || !sessions.is_empty() {
            return Attempts { sessions, exact: true };
        }
        let sessions = self.of_nobody_where(namespace, |cluster| {
            owner_in(cluster).is_some_and(|owner| owner == name || owner.strip_suffix("-raycluster") == Some(name))
        });
        Attempts { exact: sessions.is_empty(), sessions }
    }
}

#[cfg(test)]
mod tests;
