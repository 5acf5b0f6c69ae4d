//! Persisted snapshots: their validated settings, made from a spec.

use super::reader::Reader;
use crate::crd::{self, PersistMode, PersistSpec, PersistedEnvironments};
use std::time::Duration;

/// The snapshots that are written of dead sessions, and when; by `ray-history persist --config` in every mode, too. Those
/// that are there are read in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persist {
    /// The snapshots that are written.
    pub mode: PersistMode,
    /// Time without a new object of a dead session after which it is written.
    pub after: Duration,
    /// Most sessions that are written in an hour of those that died before; zero writes only sessions that die now.
    pub backlog_per_hour: u32,
    /// Values of environment variables in the head.
    pub environments: PersistedEnvironments,
    /// `true` if messages of errors and deaths are in tables.
    pub messages: bool,
    /// `true` if profile events are written.
    pub profile_events: bool,
}

impl Default for Persist {
    fn default() -> Self {
        Self {
            mode: PersistMode::Off,
            after: Duration::from_mins(10),
            backlog_per_hour: 60,
            environments: PersistedEnvironments::Redacted,
            messages: true,
            profile_events: true,
        }
    }
}

/// Returns the settings of a spec.
pub(super) fn read(reader: &mut Reader, spec: &PersistSpec) -> Persist {
    Persist {
        mode: spec.mode,
        after: reader.duration("spec.persist.after", &spec.after, crd::AFTER),
        backlog_per_hour: u32::try_from(spec.backlog_per_hour).unwrap_or(0),
        environments: spec.environments,
        messages: spec.messages,
        profile_events: spec.profile_events,
    }
}
