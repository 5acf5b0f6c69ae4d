//! The part of a listing that somebody may see.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The sessions that may be seen, by their namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visible {
    /// All sessions, those of an unconfirmed namespace included.
    #[default]
    All,
    /// The sessions of these namespaces. Where only a v1.6 layout names a namespace, the sessions may belong to any
    /// other, and are left out.
    Namespaces(Arc<BTreeSet<String>>),
    /// The same for one namespace.
    Namespace(Arc<str>),
}

impl Visible {
    /// Returns the sessions of one namespace.
    pub fn one(namespace: &str) -> Self {
        Self::Namespace(namespace.into())
    }

    /// Returns no sessions.
    pub fn none() -> Self {
        Self::Namespaces(Arc::default())
    }

    /// Returns `true` if all sessions may be seen.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns `true` if sessions of this namespace may be seen, provided that it is confirmed to be theirs.
    pub fn shows_namespace(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Namespaces(visible) => visible.contains(namespace),
            Self::Namespace(visible) => **visible == *namespace,
        }
    }

    /// Returns `true` if a session may be seen: `known` if its namespace is confirmed to be one.
    pub fn shows(&self, namespace: &str, known: bool) -> bool {
        self.is_all() || (known && self.shows_namespace(namespace))
    }
}
