//! Compares two sessions: slower and new functions, new failures, other nodes, versions, environments.
//!
//! It is made of two digests and of nothing else, so it costs the same for sessions of any size. A is what was before, B
//! what came after. Each list has what cost most first; seconds and hours that B has more count as positive.

mod cost;
mod failures;
mod functions;
mod incomplete;
mod jobs;
mod nodes;
mod totals;
pub mod words;

pub use cost::Ranked;
pub use failures::{FailureChange, FailureChanges, FailureSide};
pub use functions::{FunctionChange, FunctionChanges};
pub use jobs::{JobChange, JobSide};
pub use nodes::{NodeChange, NodeSide};
pub use totals::Total;

use super::digest::Digest;
use serde::{Deserialize, Serialize};

/// A text of which A and B have different values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changed {
    /// The name of the value, such as `entrypoint`, `metadata.lr` or `runtimeEnv.pip.torch`.
    pub what: Box<str>,
    /// The value of A, if it has one.
    pub a: Option<Box<str>>,
    /// The value of B, if it has one.
    pub b: Option<Box<str>>,
}

impl Changed {
    /// Returns the change, if there is one.
    fn between(what: impl Into<Box<str>>, a: Option<&str>, b: Option<&str>) -> Option<Self> {
        (a != b).then(|| Self { what: what.into(), a: a.map(Into::into), b: b.map(Into::into) })
    }
}

/// The gaps of A and of B, in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incomplete {
    /// The gaps of A.
    pub a: Vec<Box<str>>,
    /// The gaps of B.
    pub b: Vec<Box<str>>,
}

/// The changes from A to B.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Diff {
    /// Reasons for which the rest may be wrong.
    pub incomplete: Incomplete,
    /// Versions.
    pub changed: Vec<Changed>,
    /// Sums, whether or not they changed.
    pub totals: Vec<Total>,
    /// Functions.
    pub functions: FunctionChanges,
    /// Failures.
    pub failures: FailureChanges,
    /// Jobs.
    pub jobs: Ranked<JobChange>,
    /// Nodes.
    pub nodes: Ranked<NodeChange>,
}

impl Diff {
    /// Returns what changed from one session to another.
    pub fn of(a: &Digest, b: &Digest) -> Self {
        let versions = [
            ("rayVersion", a.ray_version.as_deref(), b.ray_version.as_deref()),
            ("pythonVersion", a.python_version.as_deref(), b.python_version.as_deref()),
        ];
        Self {
            incomplete: Incomplete { a: incomplete::of(a), b: incomplete::of(b) },
            changed: versions.into_iter().filter_map(|(what, a, b)| Changed::between(what, a, b)).collect(),
            totals: totals::of(a, b),
            functions: functions::of(a, b),
            failures: failures::of(a, b),
            jobs: jobs::of(a, b),
            nodes: nodes::of(a, b),
        }
    }

    /// Returns `true` if nothing but sums differs.
    pub fn is_empty(&self) -> bool {
        let FailureChanges { new, gone, both } = &self.failures;
        let failures = [new, gone, both].into_iter().all(|list| list.rows.iter().all(FailureChange::is_equal));
        let lists = self.functions.lists();
        self.changed.is_empty()
            && failures
            && lists.into_iter().all(|(_, list)| list.rows.is_empty())
            && self.jobs.rows.is_empty()
            && self.nodes.rows.is_empty()
    }
}

#[cfg(test)]
mod tests;
