//! The sessions that a rule is about.

use super::Pattern;
use crate::candidate::Candidate;
use ray_history_core::base::name::OwnerKind;
use ray_history_core::snapshot::run_facts::Outcome;
use serde::{Serialize, Serializer};

/// The kind of object that a person created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Creator {
    /// A `RayCluster` without an owner.
    RayCluster,
    /// A `RayJob`.
    RayJob,
    /// A `RayService`.
    RayService,
}

impl Creator {
    /// Returns the kind that has this name in Kubernetes.
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            "RayCluster" => Some(Self::RayCluster),
            "RayJob" => Some(Self::RayJob),
            "RayService" => Some(Self::RayService),
            _ => None,
        }
    }

    fn of(session: &Candidate) -> Self {
        match session.owner.as_ref().map(|owner| owner.kind) {
            None => Self::RayCluster,
            Some(OwnerKind::RayJob) => Self::RayJob,
            Some(OwnerKind::RayService) => Self::RayService,
        }
    }
}

/// Conditions, all of which must hold; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Match {
    /// Namespaces.
    pub namespaces: Vec<Pattern>,
    /// Kinds of owners.
    pub owner_kinds: Vec<Creator>,
    /// Names of owners; of a cluster without one, its own name.
    pub owners: Vec<Pattern>,
    /// Outcomes.
    #[serde(serialize_with = "words")]
    pub outcomes: Vec<Outcome>,
}

impl Match {
    /// Returns `true` if all conditions hold. An outcome or owner that is not known is none.
    pub fn covers(&self, session: &Candidate) -> bool {
        let cluster = &session.key.cluster;
        let owner = session.owner.as_ref().map_or(&cluster.name, |owner| &owner.name);
        any(&self.namespaces, |pattern| pattern.matches(&cluster.namespace))
            && (self.owner_kinds.is_empty() || self.owner_kinds.contains(&Creator::of(session)))
            && any(&self.owners, |pattern| pattern.matches(owner))
            && (self.outcomes.is_empty() || session.outcome.is_some_and(|outcome| self.outcomes.contains(&outcome)))
    }

    /// Returns `true` if the conditions may hold. An outcome that is not known may be any. So may be the kind of an owner
    /// that is not known; its name is then the cluster's, or one that the cluster's begins with.
    pub fn may_cover(&self, session: &Candidate) -> bool {
        let cluster = &session.key.cluster;
        let known = session.owner.as_ref();
        any(&self.namespaces, |pattern| pattern.matches(&cluster.namespace))
            && (self.owner_kinds.is_empty() || known.is_none() || self.owner_kinds.contains(&Creator::of(session)))
            && any(&self.owners, |pattern| match known {
                Some(owner) => pattern.matches(&owner.name),
                None => pattern.matches_beginning(&cluster.name),
            })
            && (self.outcomes.is_empty() || session.outcome.is_none_or(|outcome| self.outcomes.contains(&outcome)))
    }
}

fn any(patterns: &[Pattern], matches: impl Fn(&Pattern) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(matches)
}

fn words<S: Serializer>(outcomes: &[Outcome], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(outcomes.iter().map(|outcome| outcome.as_str()))
}
