//! The result of a run, and the acts of it.

use crate::brakes::State;
use crate::candidate::Candidate;
use crate::plan::{Plan, Why};
use ray_history_core::base::name::SessionKey;
use std::fmt;

/// The outcome of a run, which is the reason of the condition in the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Nothing was to be done.
    Idle,
    /// The plan was made, and nothing was written.
    DryRun,
    /// Sessions were marked or unmarked.
    Marking,
    /// Sessions were deleted.
    Deleting,
    /// Nothing is marked or deleted until the settings change.
    Halted {
        /// The reason.
        message: String,
    },
    /// The store refuses a request: those of all sessions, or, where others went on, of one.
    Forbidden {
        /// Its error.
        message: String,
    },
    /// The store fails, in the same way.
    StoreFails {
        /// Its error.
        message: String,
    },
    /// The server has nothing to write with.
    ReadOnly,
}

impl RunOutcome {
    /// Returns the word in status and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::DryRun => "DryRun",
            Self::Marking => "Marking",
            Self::Deleting => "Deleting",
            Self::Halted { .. } => "Halted",
            Self::Forbidden { .. } => "Forbidden",
            Self::StoreFails { .. } => "StoreFails",
            Self::ReadOnly => "ReadOnly",
        }
    }

    /// Returns the message for a person, if there is one.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Halted { message } | Self::Forbidden { message } | Self::StoreFails { message } => Some(message),
            _ => None,
        }
    }
}

/// Something that a run did to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It was marked.
    Marked {
        /// The session.
        key: SessionKey,
        /// The index of the rule.
        rule: usize,
        /// The sentence that says why.
        reason: String,
        /// Its objects.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Its mark was removed.
    Unmarked {
        /// The session.
        key: SessionKey,
        /// The reason.
        why: Why,
    },
    /// Its deletion began: it is hidden from now on.
    Begun {
        /// The session.
        key: SessionKey,
        /// The index of the rule.
        rule: usize,
    },
    /// It was deleted.
    Deleted {
        /// The session.
        key: SessionKey,
        /// The index of the rule.
        rule: usize,
        /// Objects that were deleted, but for those of earlier runs.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marked { key, reason, objects, bytes, .. } => {
                write!(f, "marked {key}, {objects} objects, {bytes} bytes: {reason}")
            }
            Self::Unmarked { key, why } => write!(f, "unmarked {key}: {why}"),
            Self::Begun { key, rule } => write!(f, "deleting {key} by rule {}", rule + 1),
            Self::Deleted { key, rule, objects, bytes } => {
                write!(f, "deleted {key} by rule {}, {objects} objects, {bytes} bytes", rule + 1)
            }
        }
    }
}

/// The result of a run that made a plan.
#[derive(Clone, Debug)]
pub struct Run {
    /// The outcome.
    pub outcome: RunOutcome,
    /// The plan that it followed.
    pub plan: Plan,
    /// The sessions of the plan, in its order, with what was listed of them.
    pub sessions: Vec<Candidate>,
    /// The record of all runs.
    pub state: State,
    /// Marks that were set.
    pub marked: u64,
    /// Marks that were removed.
    pub unmarked: u64,
    /// Sessions that were deleted.
    pub deleted: u64,
    /// Objects that were deleted.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sessions that failed while others went on: their number, and the first errors.
    pub failed: (u64, Vec<String>),
}

/// Errors that are kept of a run.
const ERRORS: usize = 20;

impl Run {
    /// Returns the result of a run that did nothing yet.
    pub fn new(plan: Plan, state: State) -> Self {
        Self {
            outcome: RunOutcome::Idle,
            plan,
            sessions: Vec::new(),
            state,
            marked: 0,
            unmarked: 0,
            deleted: 0,
            objects: 0,
            bytes: 0,
            failed: (0, Vec::new()),
        }
    }

    pub(super) fn fail(&mut self, key: &SessionKey, why: &str) {
        self.failed.0 += 1;
        if self.failed.1.len() < ERRORS {
            self.failed.1.push(format!("{key}: {why}"));
        }
    }
}
