//! Workers: what `WORKER_DEFINITION_EVENT` and `WORKER_LIFECYCLE_EVENT` say (Ray 2.58 and later), one row per worker.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::id::{JobId, WorkerId};

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
    /// Whether no DEAD transition was seen.
    pub alive: bool,
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
