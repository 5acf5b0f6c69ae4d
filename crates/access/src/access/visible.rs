//! The namespaces that a person may see.

use std::collections::HashSet;

/// The namespaces that a person may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// All namespaces, those of unknown name included.
    All,
    /// These of the given namespaces.
    Namespaces(HashSet<String>),
}

impl Visible {
    /// Returns `true` for a namespace that may be seen.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Namespaces(visible) => visible.contains(namespace),
        }
    }
}
