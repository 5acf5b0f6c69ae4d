//! A candidate for a cause, before it is known whether another one explains it.

use super::{Cause, Certainty, Code, Evidence};
use crate::facts::{Event, Pod, Role};
use crate::time::Time;
use std::collections::BTreeMap;

/// Facts that are kept for one cause.
const EVIDENCE: usize = 6;

/// The place of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The head pod, or its node.
    Head,
    /// The pod that submits.
    Submitter,
    /// A worker's pod, or its node.
    Worker,
    /// The words of the `RayJob` itself.
    Words,
    /// A decision on the object: suspended, deleted, replaced.
    Owner,
}

impl From<Role> for Place {
    fn from(role: Role) -> Self {
        match role {
            Role::Head => Self::Head,
            Role::Submitter => Self::Submitter,
            Role::Worker => Self::Worker,
        }
    }
}

/// A candidate.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) cause: Cause,
    pub(super) at: Time,
    pub(super) place: Place,
    /// The name of the pod.
    pub(super) pod: String,
    /// The name of the node.
    pub(super) node: String,
    /// The group, of workers.
    pub(super) group: String,
    /// The trouble passed: the pod ran later.
    pub(super) healed: bool,
}

impl Candidate {
    pub(super) fn new(code: Code, certainty: Certainty, at: Time, place: Place, subject: String) -> Self {
        let cause = Cause { code, certainty, at: Some(at), subject, values: BTreeMap::new(), evidence: Vec::new() };
        let (pod, node, group) = (String::new(), String::new(), String::new());
        Self { cause, at, place, pod, node, group, healed: false }
    }

    /// Returns a candidate of a pod, with its group and its node as values.
    pub(super) fn of_pod(code: Code, certainty: Certainty, at: Time, pod: &Pod) -> Self {
        let mut candidate = Self::new(code, certainty, at, pod.role.into(), pod.shown());
        candidate.pod = pod.name.clone();
        candidate.node = pod.node.clone();
        candidate.group = pod.group.clone();
        candidate.value("node", &pod.node).value("group", &pod.group).value("limit", &pod.memory_limit)
    }

    /// Sets a value, if it is not empty.
    pub(super) fn value(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.cause.values.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Adds a fact that speaks for it.
    pub(super) fn because(mut self, at: Option<Time>, about: &str, says: &str) -> Self {
        if self.cause.evidence.len() < EVIDENCE {
            let evidence = Evidence { at, about: about.to_owned(), says: crate::text::one_line(says, 400) };
            if !self.cause.evidence.contains(&evidence) {
                self.cause.evidence.push(evidence);
            }
        }
        self
    }

    /// Adds an Event that speaks for it.
    pub(super) fn because_of(self, event: &Event) -> Self {
        let says = format!("{}: {}", event.reason, event.note);
        self.because(Some(event.first), &event.about, &says)
    }

    /// Joins another candidate of the same code and place: of another pod, or of another time.
    pub(super) fn merge(&mut self, other: Self) {
        let mut evidence = other.cause.evidence;
        if (other.at, &other.pod) < (self.at, &self.pod) {
            std::mem::swap(&mut evidence, &mut self.cause.evidence);
            self.cause.subject = other.cause.subject;
            self.cause.at = Some(other.at);
            let mut values = other.cause.values;
            std::mem::swap(&mut values, &mut self.cause.values);
            (self.at, self.pod, self.node) = (other.at, other.pod, other.node);
        }
        self.cause.certainty = self.cause.certainty.min(other.cause.certainty);
        self.healed &= other.healed;
        for fact in evidence {
            if self.cause.evidence.len() < EVIDENCE && !self.cause.evidence.contains(&fact) {
                self.cause.evidence.push(fact);
            }
        }
    }
}
