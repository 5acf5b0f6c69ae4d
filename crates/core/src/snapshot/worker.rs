//! Workers from `WORKER_DEFINITION_EVENT` and `WORKER_LIFECYCLE_EVENT` (Ray 2.58 and later), one row per worker.
//!
//! If these events were not exported, rows are built from logs, attempts and actors. Ends and exits then equal Ray's;
//! starts are exact to 5 ms and launches to 20 ms, because the log lines are written afterwards.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::id::{JobId, WorkerId};

/// State of a worker at the end of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Unknown: neither an event nor a log of the worker is stored.
    #[default]
    Unknown,
    /// No end was seen.
    Alive,
    /// An end was seen.
    Dead,
}

/// One worker process as of the last event. Times are Unix milliseconds as Ray sends them; zero means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worker {
    /// The worker.
    pub id: WorkerId,
    /// Its node; no id if unknown.
    pub node: Id,
    /// `WORKER`, `DRIVER`, `SPILL_WORKER` or `RESTORE_WORKER`; empty if unknown.
    pub worker_type: Str,
    /// Process id; zero if unknown.
    pub pid: u32,
    /// The job it worked for; nil if unknown.
    pub job: JobId,
    /// Its state at the end.
    pub life: Life,
    /// `true` if a lifecycle event was seen; otherwise the row comes from logs, attempts and actors.
    pub reported: bool,
    /// `deathInfo.exitType`, such as `INTENDED_USER_EXIT`; empty while alive.
    pub exit_type: Str,
    /// `deathInfo.exitDetail`.
    pub exit_detail: Text,
    /// Time at which its launch was requested.
    pub launch_ms: u64,
    /// Time at which its process existed.
    pub launched_ms: u64,
    /// Time at which it registered.
    pub start_ms: u64,
    /// Time at which it ended.
    pub end_ms: u64,
}

/// Ray's exit types, indexed by the number in `common.proto` that its logs and messages print.
const EXIT_TYPES: [&str; 5] =
    ["SYSTEM_ERROR", "INTENDED_SYSTEM_EXIT", "USER_ERROR", "INTENDED_USER_EXIT", "NODE_OUT_OF_MEMORY"];

/// Returns the name of an exit type's number; empty for a number that a later Ray added.
pub fn exit_type_name(number: u8) -> &'static str {
    EXIT_TYPES.get(usize::from(number)).copied().unwrap_or_default()
}

/// Returns the number of an exit type; zero for a type that a later Ray added.
pub fn exit_type_number(name: &str) -> u8 {
    EXIT_TYPES.iter().position(|known| *known == name).unwrap_or(0) as u8
}
