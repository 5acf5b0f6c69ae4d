//! Task attempts: columns, one row per (task, attempt), sorted by task id, the latest attempt first (Ray's order).
//!
//! Fixed-size values sit in columns of their own; what many attempts share (function, resources, runtime
//! environment ...) is a `Shape`, kept once; transitions and profile events are flat columns that each row owns a
//! range of. Nothing points into the input, so the columns can be written to disk as they are.

use super::intern::{Id, Str};
use super::text::Text;
use crate::base::id::{JobId, TaskId};
use crate::base::task::{Language, TaskState, TaskType};
use crate::base::time::Nanos;

/// What many attempts have in common; empty strings stand for "not sent".
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
    /// Where it was called in the user's code; with `RAY_record_task_actor_creation_sites` only.
    pub call_site: Str,
}

/// Where an attempt's output lies: paths as they were on the node, byte ranges of those files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogInfo {
    /// Absolute path on the node; empty when not sent.
    pub stdout_file: Str,
    /// Absolute path on the node; empty when not sent.
    pub stderr_file: Str,
    /// First byte of stdout.
    pub stdout_start: Option<i64>,
    /// Byte after the last of stdout; none while running.
    pub stdout_end: Option<i64>,
    /// First byte of stderr.
    pub stderr_start: Option<i64>,
    /// Byte after the last of stderr; none while running.
    pub stderr_end: Option<i64>,
}

/// Who recorded an attempt's profile events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    /// When it began.
    pub start: Nanos,
    /// When it ended.
    pub end: Nanos,
    /// Such as `task:execute`.
    pub name: Str,
    /// Extra data as JSON, in which the byte 0x01 stands for the row's own task id in hex; see `push_extra_data`.
    pub extra: Str,
}

/// Stands for the own task id inside `ProfileRow::extra`: a byte that no JSON text can hold.
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
    /// Bit per state in declaration order.
    pub(super) states: Vec<u16>,
    /// End of the row's range in `times`; the row before has its start.
    pub(super) time_ends: Vec<u32>,
    /// One time per set bit, in declaration order of the states.
    pub(super) times: Vec<Nanos>,
    pub(super) log: Vec<u32>,
    pub(super) logs: Vec<LogInfo>,
    pub(super) profile_source: Vec<u32>,
    pub(super) profile_sources: Vec<ProfileSource>,
    /// End of the row's range in `profile`; the row before has its start.
    pub(super) profile_ends: Vec<u32>,
    pub(super) profile: Vec<ProfileRow>,
    pub(super) shapes: Vec<Shape>,
}

/// Bits of `TaskTable::flags`.
pub(super) mod flag {
    /// A definition event was seen.
    pub(in crate::snapshot) const DEFINED: u8 = 1;
    /// `isDebuggerPaused` was sent.
    pub(in crate::snapshot) const DEBUGGER_SENT: u8 = 2;
    /// `isDebuggerPaused` was true.
    pub(in crate::snapshot) const DEBUGGER_PAUSED: u8 = 4;
    /// Where its output lies was not told, but follows from its worker.
    pub(in crate::snapshot) const LOG_OF_WORKER: u8 = 8;
}

impl TaskTable {
    /// Number of attempts, those without a definition included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The attempt in a row below `len`.
    pub fn get(&self, row: usize) -> Attempt<'_> {
        Attempt { table: self, row }
    }

    /// All attempts, by task id, the latest attempt of a task first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Attempt<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The attempts of one task, the latest first.
    pub fn of_task(&self, id: &TaskId) -> impl Iterator<Item = Attempt<'_>> {
        let start = self.ids.partition_point(|known| known < id);
        let end = self.ids.partition_point(|known| known <= id);
        (start..end).map(|row| self.get(row))
    }

    /// Memory held, in bytes.
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

/// One attempt: a view of its row.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    table: &'a TaskTable,
    row: usize,
}

impl<'a> Attempt<'a> {
    /// Its row in the table.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The task.
    pub fn task_id(&self) -> &'a TaskId {
        &self.table.ids[self.row]
    }

    /// Zero for the first attempt.
    pub fn attempt_number(&self) -> u32 {
        self.table.attempts[self.row]
    }

    /// Whether a definition was seen; Ray never shows an attempt without one.
    pub fn is_defined(&self) -> bool {
        self.flags() & flag::DEFINED != 0
    }

    /// `isDebuggerPaused`, if it was sent.
    pub fn is_debugger_paused(&self) -> Option<bool> {
        (self.flags() & flag::DEBUGGER_SENT != 0).then_some(self.flags() & flag::DEBUGGER_PAUSED != 0)
    }

    fn flags(&self) -> u8 {
        self.table.flags[self.row]
    }

    /// The name the state API prints (an actor's `repr` already put in front where Ray does so).
    pub fn name(&self) -> Str {
        self.table.names[self.row]
    }

    /// What it shares with others of its function.
    pub fn shape(&self) -> &'a Shape {
        &self.table.shapes[self.table.shape[self.row] as usize]
    }

    /// The number of its shape, below the number of distinct shapes: attempts of one shape share function and type.
    pub fn shape_index(&self) -> u32 {
        self.table.shape[self.row]
    }

    /// Its job.
    pub fn job_id(&self) -> JobId {
        self.table.jobs[self.row]
    }

    /// Its actor; none for normal and driver tasks.
    pub fn actor_id(&self) -> Id {
        self.table.actors[self.row]
    }

    /// The task that submitted it; nil for a driver's own task.
    pub fn parent_task_id(&self) -> Id {
        self.table.parents[self.row]
    }

    /// Its placement group; none when nil.
    pub fn placement_group_id(&self) -> Id {
        self.table.placement_groups[self.row]
    }

    /// The node it was sent to.
    pub fn node_id(&self) -> Id {
        self.table.nodes[self.row]
    }

    /// The worker it was sent to.
    pub fn worker_id(&self) -> Id {
        self.table.workers[self.row]
    }

    /// The process it ran in; zero when unknown.
    pub fn worker_pid(&self) -> i32 {
        self.table.pids[self.row]
    }

    /// Such as `TASK_EXECUTION_EXCEPTION`; empty when none. Shown by Ray only while the state is FAILED.
    pub fn error_type(&self) -> Str {
        self.table.error_types[self.row]
    }

    /// Its error message as sent, ANSI colours included.
    pub fn error_message(&self) -> Text {
        self.table.error_messages[self.row]
    }

    /// States reached and when, in Ray's declaration order.
    pub fn states(&self) -> impl Iterator<Item = (TaskState, Nanos)> + use<'a> {
        let mask = self.table.states[self.row];
        let bits = (0..16u8).filter(move |bit| mask & (1 << bit) != 0);
        bits.filter_map(TaskState::from_number).zip(self.times().iter().copied())
    }

    /// The state the API prints: the last one reached in declaration order; `NIL` when none was.
    pub fn state(&self) -> TaskState {
        let mask = self.table.states[self.row];
        if mask == 0 {
            TaskState::Nil
        } else {
            TaskState::from_number(15 - mask.leading_zeros() as u8).unwrap_or_default()
        }
    }

    /// When a state was reached.
    pub fn time_of(&self, state: TaskState) -> Option<Nanos> {
        let mask = self.table.states[self.row];
        let bit = 1u16 << state as u8;
        (mask & bit != 0).then(|| self.times()[(mask & (bit - 1)).count_ones() as usize])
    }

    fn times(&self) -> &'a [Nanos] {
        &self.table.times[range(&self.table.time_ends, self.row)]
    }

    /// Where its output lies, if it was recorded.
    pub fn log_info(&self) -> Option<&'a LogInfo> {
        self.table.logs.get(self.table.log[self.row] as usize)
    }

    /// Returns `true` if `log_info` is that of its worker's files: an attempt that ended with its worker
    /// never said where its output ends, and often not where it began.
    pub fn is_log_of_worker(&self) -> bool {
        self.flags() & flag::LOG_OF_WORKER != 0
    }

    /// Who recorded its profile events, if there are any.
    pub fn profile_source(&self) -> Option<&'a ProfileSource> {
        self.table.profile_sources.get(self.table.profile_source[self.row] as usize)
    }

    /// Its profile events, by end time: the order in which they were recorded.
    pub fn profile(&self) -> &'a [ProfileRow] {
        &self.table.profile[range(&self.table.profile_ends, self.row)]
    }

    /// Appends the extra data of one of its profile events: JSON as it was sent, `{}` when there was none.
    pub fn push_extra_data(&self, extra: &[u8], out: &mut Vec<u8>) {
        if extra.is_empty() {
            out.extend_from_slice(b"{}");
        }
        for (n, part) in extra.split(|&byte| byte == OWN_TASK_ID).enumerate() {
            if n > 0 {
                crate::base::id::push_hex(out, &self.task_id().0);
            }
            out.extend_from_slice(part);
        }
    }
}

fn range(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let start = if row == 0 { 0 } else { ends[row - 1] };
    start as usize..ends[row] as usize
}
