//! Readiness: the conditions under which requests should be sent here, as state shared by wiring, controller and HTTP.
//!
//! The liveness of the process is not a gate: a store that is down must not restart the process.

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reason why `Gate::Listed` is closed before the first listing.
pub const NOT_LISTED: &str = "the stored sessions have not been listed yet";

/// One condition of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The first listing of sessions is complete.
    Listed,
    /// Settings are applied.
    Settings,
    /// The program is not stopping.
    Running,
}

impl Gate {
    /// All gates, in the order in which they open.
    pub const ALL: [Self; 3] = [Self::Settings, Self::Listed, Self::Running];

    /// Returns the name that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "sessions-listed",
            Self::Settings => "settings-applied",
            Self::Running => "not-stopping",
        }
    }
}

/// The state of all gates; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    closed: Arc<RwLock<BTreeMap<Gate, String>>>,
}

impl Health {
    /// Closes a gate. `why` contains the reason and what opens the gate.
    pub fn close(&self, gate: Gate, why: impl Into<String>) {
        self.closed.write().insert(gate, why.into());
    }

    /// Opens a gate.
    pub fn open(&self, gate: Gate) {
        self.closed.write().remove(&gate);
    }

    /// Returns the closed gates with their reasons; empty if the program is ready.
    pub fn missing(&self) -> BTreeMap<Gate, String> {
        self.closed.read().clone()
    }
}
