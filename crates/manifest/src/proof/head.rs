//! The state of a session's head, by its manifests.

use super::{FRESH, Found};
use crate::manifest::{Manifest, Reason, Role, State};
use ray_history_core::base::time::Nanos;

/// The last word of the collectors of a session's heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The state: more may follow unless it is closed.
    pub state: State,
    /// The reason for closing.
    pub reason: Option<Reason>,
    /// The time at which this was written.
    pub written: Nanos,
}

/// The life of a session, as far as the manifest of its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its collector wrote a moment ago.
    Live,
    /// Its collector closed it.
    Dead,
    /// Its collector has not written for a while and did not close it.
    Silent,
}

impl Head {
    /// Returns the state of the head that wrote last: a session may go on in another pod.
    pub fn of(manifests: &[Found]) -> Option<Self> {
        let understood = manifests.iter().filter_map(|found| found.manifest.as_ref().ok());
        let heads = understood.filter(|manifest| manifest.identity.role == Role::Head);
        heads.max_by_key(|manifest| (manifest.written, manifest.sequence)).map(Self::from)
    }

    /// Returns the life of the session at a time.
    pub fn life(&self, now: Nanos) -> Life {
        match self.state {
            State::Closed if self.reason != Some(Reason::RayletRestarted) => Life::Dead,
            // Clocks differ, so a time in the future is as good as now. A head that writes more seldom is not believed:
            // the state of the whole session is told by it.
            _ if now.saturating_sub(self.written) < FRESH => Life::Live,
            _ => Life::Silent,
        }
    }

    /// Returns `true` if the head's collector closed the session because it is over. A raylet that begins anew goes on
    /// with the session, and nothing is known of reasons that this version does not know.
    pub fn is_over(&self) -> bool {
        self.is_closed() && matches!(self.reason, Some(Reason::PodEnded | Reason::SessionEnded))
    }

    /// Returns `true` if the head's collector closed its manifest.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

impl From<&Manifest> for Head {
    fn from(manifest: &Manifest) -> Self {
        Self { state: manifest.state, reason: manifest.reason, written: manifest.written }
    }
}
