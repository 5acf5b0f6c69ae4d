//! The columns of a `TaskTable` that was stored, and their way back into one.
//!
//! Stored rows are ordered by job, so that a job and an actor are one range of rows; a table has them in Ray's order.
//! Nothing that comes from outside is trusted: a table is made of columns that fit together, or not at all.

use super::{LogInfo, ProfileRow, ProfileSource, Shape, TaskTable, flag};
use crate::base::id::{JobId, TaskId};
use crate::base::task::TaskState;
use crate::base::time::Nanos;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::text::Text;
use std::cmp::Reverse;

/// Columns without profile events: one value for each row, in the order of storage.
///
/// Handles are those of the snapshot's arenas; one beyond its arena reads as the empty value.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the methods of `Attempt` explain each")]
pub struct Columns {
    pub ids: Vec<TaskId>,
    pub attempts: Vec<u32>,
    /// Bits of `flag`.
    pub flags: Vec<u8>,
    pub names: Vec<Str>,
    /// Index into `shapes`.
    pub shape: Vec<u32>,
    pub jobs: Vec<JobId>,
    pub actors: Vec<Id>,
    pub parents: Vec<Id>,
    pub placement_groups: Vec<Id>,
    pub nodes: Vec<Id>,
    pub workers: Vec<Id>,
    pub pids: Vec<i32>,
    pub error_types: Vec<Str>,
    pub error_messages: Vec<Text>,
    /// Bit set of the states reached, in declaration order.
    pub states: Vec<u16>,
    /// One time for each set bit of each row.
    pub times: Vec<Nanos>,
    /// Index into `logs`, or `u32::MAX`.
    pub log: Vec<u32>,
    pub logs: Vec<LogInfo>,
    /// Index into `profile_sources`, or `u32::MAX`.
    pub profile_source: Vec<u32>,
    pub profile_sources: Vec<ProfileSource>,
    pub shapes: Vec<Shape>,
}

/// Reason why columns are not those of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

/// Index that means "no entry" in a side list.
const NONE: u32 = u32::MAX;
/// Bits of states that are known.
const STATES: u16 = (1 << (TaskState::GettingAndPinningArgs as u16 + 1)) - 1;
/// Bits of flags that are known.
const FLAGS: u8 =
    flag::DEFINED | flag::DEBUGGER_SENT | flag::DEBUGGER_PAUSED | flag::LOG_OF_WORKER | flag::NODE_OF_OWNER;

impl Columns {
    /// Creates empty columns for a number of rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            ids: Vec::with_capacity(rows),
            attempts: Vec::with_capacity(rows),
            flags: Vec::with_capacity(rows),
            names: Vec::with_capacity(rows),
            shape: Vec::with_capacity(rows),
            jobs: Vec::with_capacity(rows),
            actors: Vec::with_capacity(rows),
            parents: Vec::with_capacity(rows),
            placement_groups: Vec::with_capacity(rows),
            nodes: Vec::with_capacity(rows),
            workers: Vec::with_capacity(rows),
            pids: Vec::with_capacity(rows),
            error_types: Vec::with_capacity(rows),
            error_messages: Vec::with_capacity(rows),
            states: Vec::with_capacity(rows),
            log: Vec::with_capacity(rows),
            profile_source: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

    /// Makes the table, without profile events, and returns for each of its rows the row that it was stored in.
    pub fn into_table(mut self) -> Result<(TaskTable, Vec<u32>), Malformed> {
        self.check()?;
        let order = self.order();
        let twice = |pair: &[u32]| self.key(pair[0]) == self.key(pair[1]);
        if order.windows(2).any(twice) {
            return Err(Malformed("an attempt stands in two rows"));
        }
        let rows = order.len();
        let (times, time_ends) = self.times(&order);
        let table = TaskTable {
            ids: take(&mut self.ids, &order),
            attempts: take(&mut self.attempts, &order),
            flags: take(&mut self.flags, &order),
            names: take(&mut self.names, &order),
            shape: take(&mut self.shape, &order),
            jobs: take(&mut self.jobs, &order),
            actors: take(&mut self.actors, &order),
            parents: take(&mut self.parents, &order),
            placement_groups: take(&mut self.placement_groups, &order),
            nodes: take(&mut self.nodes, &order),
            workers: take(&mut self.workers, &order),
            pids: take(&mut self.pids, &order),
            error_types: take(&mut self.error_types, &order),
            error_messages: take(&mut self.error_messages, &order),
            states: take(&mut self.states, &order),
            time_ends,
            times,
            log: take(&mut self.log, &order),
            logs: exact(self.logs),
            profile_source: take(&mut self.profile_source, &order),
            profile_sources: exact(self.profile_sources),
            profile_ends: vec![0; rows],
            profile: Vec::new(),
            shapes: exact(self.shapes),
        };
        Ok((table, order))
    }

    /// Checks that all columns have the same rows, and that what they refer to is there.
    fn check(&self) -> Result<(), Malformed> {
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
            times,
            log,
            logs,
            profile_source,
            profile_sources,
            shapes,
        } = self;
        let rows = ids.len();
        let lengths = [
            attempts.len(),
            flags.len(),
            names.len(),
            shape.len(),
            jobs.len(),
            actors.len(),
            parents.len(),
            placement_groups.len(),
            nodes.len(),
            workers.len(),
            pids.len(),
            error_types.len(),
            error_messages.len(),
            states.len(),
            log.len(),
            profile_source.len(),
        ];
        let ensure = |holds: bool, reason| if holds { Ok(()) } else { Err(Malformed(reason)) };
        ensure(lengths.iter().all(|&length| length == rows), "a column has other rows than the others")?;
        ensure(u32::try_from(rows).is_ok() && u32::try_from(times.len()).is_ok(), "there are too many rows")?;
        ensure(shape.iter().all(|&at| (at as usize) < shapes.len()), "a shape is missing")?;
        let found = |at: u32, list: usize| at == NONE || (at as usize) < list;
        ensure(log.iter().all(|&at| found(at, logs.len())), "a log is missing")?;
        ensure(profile_source.iter().all(|&at| found(at, profile_sources.len())), "a profile source is missing")?;
        ensure(flags.iter().all(|flags| flags & !FLAGS == 0), "a flag is unknown")?;
        ensure(states.iter().all(|states| states & !STATES == 0), "a state is unknown")?;
        let reached = states.iter().map(|states| states.count_ones() as usize).sum::<usize>();
        ensure(reached == times.len(), "there is not one time for each state")
    }

    /// Returns the rows in Ray's order.
    fn order(&self) -> Vec<u32> {
        let own = |id: &TaskId| id.place().1;
        let mut keys: Vec<(u64, u32)> = self.ids.iter().map(own).zip(0..).collect();
        // Stored rows of one job are sorted already: the stable sort merges them.
        keys.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| self.key(a.1).cmp(&self.key(b.1))));
        keys.into_iter().map(|(_, row)| row).collect()
    }

    fn key(&self, row: u32) -> (TaskId, Reverse<u32>) {
        (self.ids[row as usize], Reverse(self.attempts[row as usize]))
    }

    /// Returns the times in the order of the rows, and the end of each row's range.
    fn times(&mut self, order: &[u32]) -> (Vec<Nanos>, Vec<u32>) {
        let counts = self.states.iter().map(|states| states.count_ones());
        by_row(&std::mem::take(&mut self.times), counts, order)
    }
}

impl TaskTable {
    /// Returns the rows in the order of storage: by job, actor and own part of the task id, then the latest attempt
    /// first.
    pub fn by_place(&self) -> Vec<u32> {
        // Within one job and actor the rows of the table are in this order, and the sort is stable.
        let mut keys: Vec<(u128, u32)> = self.ids.iter().map(|id| id.place().0).zip(0..).collect();
        keys.sort_by_key(|&(place, _)| place);
        keys.into_iter().map(|(_, row)| row).collect()
    }

    /// Sets the profile events of a table that was stored in other rows: `order` is that of `Columns::into_table`,
    /// `counts` has the number of events of each stored row, and `profile` the events in the order of these.
    pub fn set_profile(&mut self, order: &[u32], counts: &[u32], profile: &[ProfileRow]) -> Result<(), Malformed> {
        let total = counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        let rows = self.len();
        if counts.len() != rows || order.len() != rows || order.iter().any(|&row| row as usize >= rows) {
            return Err(Malformed("profile events of other attempts"));
        }
        if u32::try_from(total).is_err() || total != profile.len() as u64 {
            return Err(Malformed("there are more or fewer profile events than attempts have"));
        }
        (self.profile, self.profile_ends) = by_row(profile, counts.iter().copied(), order);
        Ok(())
    }
}

/// Returns a column in the order of its rows, and frees the old one.
fn take<T: Copy>(column: &mut Vec<T>, order: &[u32]) -> Vec<T> {
    let column = std::mem::take(column);
    order.iter().map(|&row| column[row as usize]).collect()
}

fn exact<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

/// Returns items, of which each stored row has a number, in another order of rows, and the end of each row's range.
fn by_row<T: Copy>(items: &[T], counts: impl Iterator<Item = u32>, order: &[u32]) -> (Vec<T>, Vec<u32>) {
    let mut end = 0;
    let next = |count: u32| {
        let start = end;
        end += count as usize;
        start..end
    };
    let ranges: Vec<_> = counts.map(next).collect();
    let (mut out, mut ends) = (Vec::with_capacity(items.len()), Vec::with_capacity(order.len()));
    for &row in order {
        out.extend_from_slice(&items[ranges[row as usize].clone()]);
        ends.push(out.len() as u32);
    }
    (out, ends)
}

#[cfg(test)]
mod tests;
