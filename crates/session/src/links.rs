//! Resolves user-facing names to sessions: `RayJob`, `RayService`, `RayCluster`, submission id.
//!
//! Each result states how certain it is. Only listings are used, of a bounded number, and no object is read. Knows
//! nothing of HTTP.

mod search;
mod submission;

pub(super) use submission::Sources;
pub use submission::{Submission, Submissions};

use super::catalog::{Entry, Listing, owner_in};
use ray_history_core::base::name::{ClusterId, OwnerKind};

/// The kind of object that a link names, in some namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A `RayCluster`.
    Cluster,
    /// An owner that created a cluster.
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
    /// `true` if the owner was stored. Otherwise no owner was stored, and the clusters merely have names that `KubeRay`
    /// generates from the subject's name.
    pub exact: bool,
}

impl Listing {
    /// Returns the sessions of a subject; with `exact`, only those whose stored owner it is.
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
        let sessions = self.without_owner_where(namespace, |cluster| {
            owner_in(cluster).is_some_and(|owner| owner == name || owner.strip_suffix("-raycluster") == Some(name))
        });
        Attempts { exact: sessions.is_empty(), sessions }
    }
}

#[cfg(test)]
mod tests;
