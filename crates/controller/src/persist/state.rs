//! The state of persisting as the status shows it.

use k8s_openapi::jiff::Timestamp;

/// The part of persisting that the status shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Sessions that are persisted, as of the last listing and what this replica wrote since.
    pub(crate) sessions: u64,
    /// Bytes that this replica wrote since it started.
    pub(crate) bytes: u64,
    /// Dead sessions of this replica that wait.
    pub(crate) backlog: u64,
    /// Time at which this replica wrote last.
    pub(crate) last: Option<Timestamp>,
    /// The reason why nothing can be written, if any.
    pub(crate) trouble: Option<Trouble>,
}

/// The reason why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The store refuses it.
    Forbidden(String),
    /// The store fails.
    Fails(String),
}

impl State {
    pub(super) fn listed(&mut self, sessions: u64) {
        self.sessions = sessions;
        self.trouble = None;
    }

    pub(super) fn written(&mut self, bytes: u64) {
        self.sessions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = Some(Timestamp::now());
        self.trouble = None;
    }

    pub(super) fn forbidden(&mut self, why: String) {
        self.trouble = Some(Trouble::Forbidden(why));
    }

    pub(super) fn fails(&mut self, why: String) {
        self.trouble = Some(Trouble::Fails(why));
    }
}
