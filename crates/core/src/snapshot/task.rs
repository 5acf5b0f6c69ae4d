//! Task attempts in columns: one row per (task, attempt), sorted by task id, the latest attempt first (Ray's order).
//!
//! Each fixed-size value has a column. Values that many attempts share (function, resources, runtime environment ...)
//! form a `Shape`, which is stored once. State times and profile events are flat columns with a range for each row.
//! Nothing points into the input, so the columns can be written to disk unchanged.

mod attempt;
mod columns;

pub use attempt::Attempt;
pub use columns::{Columns, Malformed};

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::id::{JobId, TaskId};
use crate::base::task::{Language, TaskType};
use crate::base::time::Nanos;

/// Values shared by many attempts; an empty string means "not sent".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// Kind of task.
    pub task_type: TaskType,
    /// Language of the function.
    pub language: Language,
    /// `Class.func` or `func`, as the state API prints it.
    pub func_or_class_name: Str,
    /// Required resources as a JSON object with sorted keys.
    pub resources: Str,
    /// Runtime environment, as Ray serialized it.
    pub runtime_env: Str,
    /// Label selector as a JSON object with sorted keys.
    pub label_selector: Str,
    /// Fallback strategy as Ray's `{"options": [...]}`.
    pub fallback_strategy: Str,
    /// Place in the user's code that called it; sent only with `RAY_record_task_actor_creation_sites`.
    pub call_site: Str,
}

/// Location of an attempt's output: paths on the node, and byte ranges in those files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogInfo {
    /// Absolute path on the node; empty when not sent.
    pub stdout_file: Str,
    /// Absolute path on the node; empty when not sent.
    pub stderr_file: Str,
    /// First byte of stdout.
    pub stdout_start: Option<i64>,
    /// End of stdout, exclusive; `None` while running.
    pub stdout_end: Option<i64>,
    /// First byte of stderr.
    pub stderr_start: Option<i64>,
    /// End of stderr, exclusive; `None` while running.
    pub stderr_end: Option<i64>,
}

/// The process that recorded an attempt's profile events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileSource {
    /// `worker` or `driver`.
    pub component_type: Str,
    /// The worker's id.
    pub component_id: Id,
    /// The node's address.
    pub node_ip: Str,
}

/// One profile event: a named span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileRow {
    /// Start time.
    pub start: Nanos,
    /// End time.
    pub end: Nanos,
    /// Name, such as `task:execute`.
    pub name: Str,
    /// Extra data as JSON, in which the byte 0x01 replaces the hex id of the row's own task; see `push_extra_data`.
    pub extra: Str,
}

/// Placeholder for the row's own task id in `ProfileRow::extra`. No JSON text can contain this byte.
pub const OWN_TASK_ID: u8 = 1;

/// The attempts of a session, in columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskTable {
    pub(super) ids: Vec<TaskId>,
    pub(super) attempts: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) names: Vec<Str>,
    pub(super) shape: Vec<u32>,
    pub(super) jobs: Vec<JobId>,
    pub(super) actors: Vec<Id>,
    pub(super) parents: Vec<Id>,
    pub(super) placement_groups: Vec<Id>,
    pub(super) nodes: Vec<Id>,
    pub(super) workers: Vec<Id>,
    pub(super) pids: Vec<i32>,
    pub(super) error_types: Vec<Str>,
    pub(super) error_messages: Vec<Text>,
    /// Bit set of the states reached, in declaration order.
    pub(super) states: Vec<u16>,
    /// End of the row's range in `times`; the range starts at the previous row's end.
    pub(super) time_ends: Vec<u32>,
    /// One time per set bit, in declaration order of the states.
    pub(super) times: Vec<Nanos>,
    pub(super) log: Vec<u32>,
    pub(super) logs: Vec<LogInfo>,
    pub(super) profile_source: Vec<u32>,
    pub(super) profile_sources: Vec<ProfileSource>,
    /// End of the row's range in `profile`; the range starts at the previous row's end.
    pub(super) profile_ends: Vec<u32>,
    pub(super) profile: Vec<ProfileRow>,
    pub(super) shapes: Vec<Shape>,
}

/// Bits of `TaskTable::flags`.
pub mod flag {
    /// A definition event was seen.
    pub const DEFINED: u8 = 1;
    /// `isDebuggerPaused` was sent.
    pub const DEBUGGER_SENT: u8 = 2;
    /// `isDebuggerPaused` was true.
    pub const DEBUGGER_PAUSED: u8 = 4;
    /// The location of its output was not sent, but derived from its worker's files.
    pub const LOG_OF_WORKER: u8 = 8;
    /// Only its owner sent the node, which before Ray 2.55 may be the owner's own.
    pub const NODE_OF_OWNER: u8 = 16;
}

impl TaskTable {
    /// Returns the number of attempts, including those without a definition.
    #[inline]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns `true` if there are no attempts.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the attempt in a row, which must be below `len`.
    #[inline]
    pub fn get(&self, row: usize) -> Attempt<'_> {
        Attempt { table: self, row }
    }

    /// Returns all attempts by task id, the latest attempt of a task first.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Attempt<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Returns the attempts of one task, the latest first.
    #[inline]
    pub fn of_task(&self, id: &TaskId) -> impl Iterator<Item = Attempt<'_>> {
        let start = self.ids.partition_point(|known| known < id);
        let end = self.ids.partition_point(|known| known <= id);
        (start..end).map(|row| self.get(row))
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        fn held<T>(column: &Vec<T>) -> usize {
            column.capacity() * size_of::<T>()
        }
        let Self {
            ids,
            attempts,
            flags,
            names,
            shape,
            jobs,
            actors,
            parents,
            placement_groups,
            nodes,
            workers,
            pids,
            error_types,
            error_messages,
            states,
            time_ends,
            times,
            log,
            logs,
            profile_source,
            profile_sources,
            profile_ends,
            profile,
            shapes,
        } = self;
        held(ids)
            + held(attempts)
            + held(flags)
            + held(names)
            + held(shape)
            + held(jobs)
            + held(actors)
            + held(parents)
            + held(placement_groups)
            + held(nodes)
            + held(workers)
            + held(pids)
            + held(error_types)
            + held(error_messages)
            + held(states)
            + held(time_ends)
            + held(times)
            + held(log)
            + held(logs)
            + held(profile_source)
            + held(profile_sources)
            + held(profile_ends)
            + held(profile)
            + held(shapes)
    }
}
