//! One attempt: a view of its row in the columns.
//!
//! Its methods, and those of the table that lead to it, are `#[inline]`: answers are made in another crate, row by row,
//! and a release has no optimisation across crates.

use super::{LogInfo, OWN_TASK_ID, ProfileRow, ProfileSource, Shape, TaskTable, flag};
use crate::base::id::{JobId, TaskId};
use crate::base::task::TaskState;
use crate::base::time::Nanos;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::text::Text;

/// View of one attempt's row.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub(super) table: &'a TaskTable,
    pub(super) row: usize,
}

impl<'a> Attempt<'a> {
    /// Returns its row in the table.
    #[inline]
    pub fn row(&self) -> usize {
        self.row
    }

    /// Returns the id of its task.
    #[inline]
    pub fn task_id(&self) -> &'a TaskId {
        &self.table.ids[self.row]
    }

    /// Returns its attempt number; zero for the first attempt.
    #[inline]
    pub fn attempt_number(&self) -> u32 {
        self.table.attempts[self.row]
    }

    /// Returns `true` if a definition was seen; Ray never shows an attempt without one.
    #[inline]
    pub fn is_defined(&self) -> bool {
        self.flags() & flag::DEFINED != 0
    }

    /// Returns `isDebuggerPaused`, if it was sent.
    #[inline]
    pub fn is_debugger_paused(&self) -> Option<bool> {
        (self.flags() & flag::DEBUGGER_SENT != 0).then_some(self.flags() & flag::DEBUGGER_PAUSED != 0)
    }

    fn flags(&self) -> u8 {
        self.table.flags[self.row]
    }

    /// Returns the name that the state API prints, already prefixed with the actor's `repr` where Ray does so.
    #[inline]
    pub fn name(&self) -> Str {
        self.table.names[self.row]
    }

    /// Returns the values that it shares with other attempts.
    #[inline]
    pub fn shape(&self) -> &'a Shape {
        &self.table.shapes[self.table.shape[self.row] as usize]
    }

    /// Returns the index of its shape. Attempts with the same index share function and type.
    #[inline]
    pub fn shape_index(&self) -> u32 {
        self.table.shape[self.row]
    }

    /// Returns its job.
    #[inline]
    pub fn job_id(&self) -> JobId {
        self.table.jobs[self.row]
    }

    /// Returns its actor; no id for normal and driver tasks.
    #[inline]
    pub fn actor_id(&self) -> Id {
        self.table.actors[self.row]
    }

    /// Returns the task that submitted it; nil for a driver's own task.
    #[inline]
    pub fn parent_task_id(&self) -> Id {
        self.table.parents[self.row]
    }

    /// Returns its placement group; no id if nil.
    #[inline]
    pub fn placement_group_id(&self) -> Id {
        self.table.placement_groups[self.row]
    }

    /// Returns the node it was sent to.
    #[inline]
    pub fn node_id(&self) -> Id {
        self.table.nodes[self.row]
    }

    /// Returns the worker it was sent to.
    #[inline]
    pub fn worker_id(&self) -> Id {
        self.table.workers[self.row]
    }

    /// Returns the process id of its worker; zero if unknown.
    #[inline]
    pub fn worker_pid(&self) -> i32 {
        self.table.pids[self.row]
    }

    /// Returns its error type, such as `TASK_EXECUTION_EXCEPTION`; empty if none. Ray shows it only while the state is
    /// FAILED.
    #[inline]
    pub fn error_type(&self) -> Str {
        self.table.error_types[self.row]
    }

    /// Returns its error message as sent, including ANSI colours.
    #[inline]
    pub fn error_message(&self) -> Text {
        self.table.error_messages[self.row]
    }

    /// Returns the states reached and their times, in Ray's declaration order.
    #[inline]
    pub fn states(&self) -> impl Iterator<Item = (TaskState, Nanos)> + use<'a> {
        let mask = self.table.states[self.row];
        let bits = (0..16u8).filter(move |bit| mask & (1 << bit) != 0);
        bits.filter_map(TaskState::from_number).zip(self.times().iter().copied())
    }

    /// Returns the state that the API prints: the last one reached in declaration order; `NIL` if none was.
    pub fn state(&self) -> TaskState {
        let mask = self.table.states[self.row];
        if mask == 0 {
            TaskState::Nil
        } else {
            TaskState::from_number(15 - mask.leading_zeros() as u8).unwrap_or_default()
        }
    }

    /// Returns the time at which a state was reached.
    #[inline]
    pub fn time_of(&self, state: TaskState) -> Option<Nanos> {
        let mask = self.table.states[self.row];
        let bit = 1u16 << state as u8;
        (mask & bit != 0).then(|| self.times()[(mask & (bit - 1)).count_ones() as usize])
    }

    fn times(&self) -> &'a [Nanos] {
        &self.table.times[range(&self.table.time_ends, self.row)]
    }

    /// Returns the location of its output, if known.
    #[inline]
    pub fn log_info(&self) -> Option<&'a LogInfo> {
        self.table.logs.get(self.table.log[self.row] as usize)
    }

    /// Returns `true` if `log_info` was derived from its worker's files. An attempt that ended with its worker never
    /// sent the end of its output, and often not the start.
    #[inline]
    pub fn is_log_of_worker(&self) -> bool {
        self.flags() & flag::LOG_OF_WORKER != 0
    }

    /// Returns `true` if only its owner sent its node, which before Ray 2.55 may be the owner's own.
    #[inline]
    pub fn is_node_of_owner(&self) -> bool {
        self.flags() & flag::NODE_OF_OWNER != 0
    }

    /// Returns the process that recorded its profile events, if there are any.
    #[inline]
    pub fn profile_source(&self) -> Option<&'a ProfileSource> {
        self.table.profile_sources.get(self.table.profile_source[self.row] as usize)
    }

    /// Returns its profile events by end time, which is the order in which they were recorded.
    #[inline]
    pub fn profile(&self) -> &'a [ProfileRow] {
        &self.table.profile[range(&self.table.profile_ends, self.row)]
    }

    /// Appends the extra data of one of its profile events to `out`: the JSON as sent, or `{}` if there was none.
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
