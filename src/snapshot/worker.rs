//! Workers: what `WORKER_DEFINITION_EVENT` and `WORKER_LIFECYCLE_EVENT` say (Ray 2.58 and later), one row per worker.
//!
//! Where these events were not exported, rows are pieced together from what logs, attempts and actors tell: ends and
//! exits as Ray keeps them; starts within 5 ms; launches within 20 ms, because the log lines are written afterwards.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::id::{JobId, WorkerId};

/// The state of a worker at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Nothing tells: no event, and no log of it is stored.
    #[default]
    Unknown,
    /// No end was seen.
    Alive,
    /// It ended.
    Dead,
}

/// One worker process as of the last event. Times are Unix milliseconds as Ray sends them; zero means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worker {
    /// The worker.
    pub id: WorkerId,
    /// Its node, once a definition was seen.
    pub node: Id,
    /// `WORKER`, `DRIVER`, `SPILL_WORKER` or `RESTORE_WORKER`; empty without a definition.
    pub worker_type: Str,
    /// Process id; zero without a definition.
    pub pid: u32,
    /// The job it worked for; nil when none was named.
    pub job: JobId,
    /// Its state at the end.
    pub life: Life,
    /// Set if an event has it; else it is known from logs, attempts and actors.
    pub reported: bool,
    /// `deathInfo.exitType`, such as `INTENDED_USER_EXIT`; empty while alive.
    pub exit_type: Str,
    /// `deathInfo.exitDetail`.
    pub exit_detail: Text,
    /// When its launch was asked for.
    pub launch_ms: u64,
    /// When its process was there.
    pub launched_ms: u64,
    /// When it registered.
    pub start_ms: u64,
    /// When it ended.
    pub end_ms: u64,
}

/// Ray's exit types by their number in `common.proto`, as its logs and messages print them.
const EXIT_TYPES: [&str; 5] =
    ["SYSTEM_ERROR", "INTENDED_SYSTEM_EXIT", "USER_ERROR", "INTENDED_USER_EXIT", "NODE_OUT_OF_MEMORY"];

/// The exit type of a number; empty for one that a later Ray added.
pub fn exit_type_name(number: u8) -> &'static str {
    EXIT_TYPES.get(usize::from(number)).copied().unwrap_or_default()
}

/// The number of an exit type; zero for one that a later Ray added.
pub fn exit_type_number(name: &str) -> u8 {
    EXIT_TYPES.iter().position(|known| *known == name).unwrap_or(0) as u8
}
