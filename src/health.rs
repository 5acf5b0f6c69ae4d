//! Readiness: what must be true before requests should come here, as state that wiring, controller and HTTP share.
//!
//! Owns the gates and their reasons. Liveness of the process is no gate: a store that is down must not restart us.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// One condition of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The first listing of sessions is in.
    Listed,
    /// Settings are in force.
    Settings,
    /// We are not stopping.
    Running,
}

impl Gate {
    /// Every gate, in the order in which they open.
    pub const ALL: [Self; 3] = [Self::Settings, Self::Listed, Self::Running];

    /// The word for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "sessions-listed",
            Self::Settings => "settings-applied",
            Self::Running => "not-stopping",
        }
    }
}

/// The gates; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    closed: Arc<RwLock<BTreeMap<Gate, String>>>,
}

impl Health {
    /// Closes a gate, and says why and what would open it.
    pub fn close(&self, gate: Gate, why: impl Into<String>) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).insert(gate, why.into());
    }

    /// Opens a gate.
    pub fn open(&self, gate: Gate) {
        self.closed.write().unwrap_or_else(PoisonError::into_inner).remove(&gate);
    }

    /// The gates that are closed, with their reasons; ready when empty.
    pub fn missing(&self) -> BTreeMap<Gate, String> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
