//! Persisted snapshots: what was built of a dead session is written beside its raw data. Types, defaults and rules.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::AFTER;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Persisted snapshots: what was built of a dead session is written beside its raw data.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistSpec {
    /// `Off`: nothing is written, and what is there is read. `Sessions`: each dead session is written once, so that
    /// every replica opens it at once and engines of SQL read it; the server needs to put and delete objects.
    /// `SessionsAndFleet`: one file for each day and small table has the rows of all sessions, too.
    #[serde(default)]
    pub mode: PersistMode,
    /// Time without a new object of a dead session after which it is written, from `1m` to `24h`.
    #[serde(default = "PersistSpec::default_after")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = AFTER.rule())]
    pub after: String,
    /// Most sessions that are written in an hour of those that died before, the newest first; `0` writes only sessions
    /// that die now.
    #[serde(default = "PersistSpec::default_backlog_per_hour")]
    #[schemars(range(min = 0, max = 10_000))]
    pub backlog_per_hour: i64,
    /// Values of environment variables. They are never in tables.
    #[serde(default)]
    pub environments: PersistedEnvironments,
    /// Write the messages of errors and deaths into tables; `false` if programs may print secrets.
    #[serde(default = "PersistSpec::default_messages")]
    pub messages: bool,
    /// Write profile events. Without them a session that is opened from a snapshot has no timeline.
    #[serde(default = "PersistSpec::default_profile_events")]
    pub profile_events: bool,
}

impl PersistSpec {
    fn default_after() -> String {
        "10m".to_owned()
    }

    fn default_backlog_per_hour() -> i64 {
        60
    }

    fn default_messages() -> bool {
        true
    }

    fn default_profile_events() -> bool {
        true
    }
}

impl Default for PersistSpec {
    fn default() -> Self {
        Self {
            mode: PersistMode::default(),
            after: Self::default_after(),
            backlog_per_hour: Self::default_backlog_per_hour(),
            environments: PersistedEnvironments::default(),
            messages: Self::default_messages(),
            profile_events: Self::default_profile_events(),
        }
    }
}

/// The snapshots that are written.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersistMode {
    /// None; those that are there are read.
    #[default]
    Off,
    /// Those of dead sessions.
    Sessions,
    /// Those of dead sessions, and daily rollups of all of them.
    SessionsAndFleet,
}

impl PersistMode {
    /// Returns the value in a document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Sessions => "Sessions",
            Self::SessionsAndFleet => "SessionsAndFleet",
        }
    }
}

/// The values of environment variables in what is persisted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersistedEnvironments {
    /// They are left out: whoever opens a snapshot is shown redacted values.
    #[default]
    Redacted,
    /// They lie in the head of the snapshot, and are shown as `redaction` and rights say.
    Clear,
}
