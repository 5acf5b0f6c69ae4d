//! The manifest of one spool: all that a collector stored of one node of a session, and how far.
//!
//! It is untrusted input for the server: unknown fields are ignored, missing ones have defaults, and a form of a later
//! version is "not understood". Keys in it are relative to the node's prefix.

mod agent;
mod events;
mod identity;
mod logs;
mod rfc3339;

pub use agent::AgentCounters;
pub use events::{Events, GrowingFile, SealedFiles};
pub use identity::{Identity, OwnerName, Pod, Role};
pub use logs::{LogRange, Logs, Segments, SettledLogs};

use ray_history_core::base::time::Nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of the manifests that this version writes and understands.
pub const FORMAT: &str = "ray-history/manifest/1";

/// The length up to which a reader takes a manifest. One of a node with 1,000 open event files has about 300 kB.
pub const MAX_BYTES: u64 = 8 << 20;

/// All that one spool stored of one node of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The id of the spool: a `UUIDv7`.
    pub spool: String,
    /// Number of times that a collector started on this spool.
    pub boot: u64,
    /// The number of this manifest, one more at each write.
    pub sequence: u64,
    /// The time of the write.
    #[serde(with = "rfc3339")]
    pub written: Nanos,
    /// All that was accepted before this time is stored.
    #[serde(with = "rfc3339")]
    pub flushed_to: Nanos,
    /// The program that wrote this.
    pub collector: Collector,
    /// The state: more may follow unless it is closed.
    pub state: State,
    /// The reason for closing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The node, its session and its pod.
    pub identity: Identity,
    /// The stored events.
    pub events: Events,
    /// The counters of the node's agents, one for each process.
    pub ray: Vec<AgentCounters>,
    /// The time at which the raylet was found gone, and the agent with it; zero if that was not seen.
    #[serde(with = "rfc3339", skip_serializing_if = "is_never")]
    pub ray_ended: Nanos,
    /// The stored logs.
    pub logs: Logs,
    /// The stored answers of the dashboard, by URL without its leading `/`.
    pub endpoints: BTreeMap<String, Endpoint>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_never(time: &Nanos) -> bool {
    *time == 0
}

/// The program that wrote a manifest, and how often it stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Collector {
    /// Its version.
    pub version: String,
    /// Seconds after the first event that is not stored yet until it is.
    pub flush_seconds: f64,
    /// The same for logs of users.
    pub log_seconds: f64,
    /// The same for Ray's own logs.
    pub system_log_seconds: f64,
    /// Seconds after which a manifest is written although nothing changed; zero if it does not say.
    pub heartbeat_seconds: f64,
}

/// The age of a manifest up to which its node counts as alive, if its collector does not write more seldom.
pub const FRESH: Nanos = 180 * SECOND;
/// The same for the most seldom interval that is believed: manifests are untrusted.
const MOST_FRESH: Nanos = 900 * SECOND;
/// Time for the write, and for the clocks to differ.
const LATE: Nanos = 15 * SECOND;
const SECOND: Nanos = 1_000_000_000;

impl Collector {
    /// Returns the age of its manifests up to which their node counts as alive.
    pub fn fresh_for(&self) -> Nanos {
        // A cast of what is no number, or too large, is within the bounds, too.
        let heartbeat = (self.heartbeat_seconds * SECOND as f64) as Nanos;
        heartbeat.saturating_add(LATE).clamp(FRESH, MOST_FRESH)
    }
}

/// The state of a manifest: more of its node may follow unless it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The pod was told to end.
    Draining,
    /// Nothing follows.
    Closed,
    /// More follows; a state that this version does not know counts as this.
    #[default]
    #[serde(other)]
    Open,
}

/// The reason for closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The pod ended, and the node with it.
    #[serde(rename = "pod ended")]
    PodEnded,
    /// A newer session runs in the pod.
    #[serde(rename = "session ended")]
    SessionEnded,
    /// A newer raylet runs in the pod, under another node id.
    #[serde(rename = "raylet restarted")]
    RayletRestarted,
    /// A reason that this version does not know.
    #[serde(rename = "other", other)]
    Other,
}

/// A stored answer of the dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The time of the answer.
    #[serde(with = "rfc3339")]
    pub at: Nanos,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its body, in hex.
    pub sha256: String,
}

/// A manifest that says nothing: what it holds is as if it were not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// It has a format of another version.
    #[error("its format is not one of this version: {0}")]
    Format(String),
    /// It is no manifest.
    #[error("it cannot be read: {0}")]
    Damaged(String),
    /// It is longer than [`MAX_BYTES`].
    #[error("it has {0} bytes, more than {MAX_BYTES}")]
    TooLong(u64),
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotUnderstood> {
        /// The one member that all formats have.
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            format: String,
        }
        if bytes.len() as u64 > MAX_BYTES {
            return Err(NotUnderstood::TooLong(bytes.len() as u64));
        }
        // Structs could be read from arrays, too.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(NotUnderstood::Damaged("no JSON object".to_owned()));
        }
        let damaged = |error: serde_json::Error| NotUnderstood::Damaged(error.to_string());
        let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(NotUnderstood::Format(format.chars().take(80).collect()));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Its keys are texts and its numbers finite or null, so nothing can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
