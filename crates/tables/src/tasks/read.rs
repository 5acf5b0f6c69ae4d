//! Reads `tasks`.

use super::schema::{DERIVED, LAYOUT};
use super::times::Times;
use super::words::Columns as Words;
use super::write::actor_of;
use crate::columns::Batch;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::values::Values;
use arrow_array::types::{Int32Type, Int64Type};
use bytes::Bytes;
use foldhash::fast::RandomState;
use ray_history_core::base::id::TaskId;
use ray_history_core::snapshot::intern::Id;
use ray_history_core::snapshot::task::{Columns, LogInfo, ProfileSource, Shape, TaskTable, flag};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Index that means "no entry" in a side list.
const NONE: u32 = u32::MAX;
/// Rows for which memory is reserved before any is there.
const RESERVED: u64 = 1 << 20;

/// Attempts that were read. Their profile events are in a file of their own, which may be read later.
#[derive(Debug)]
pub struct TasksRead {
    /// The attempts.
    pub table: TaskTable,
    /// The row of the file that each row of the table was in.
    pub(crate) order: Vec<u32>,
    /// Profile events of each row of the file.
    pub(crate) counts: Vec<u32>,
}

impl TasksRead {
    /// Returns the number of profile events that these attempts have.
    pub fn profile_events(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }
}

/// Reads the attempts of a session from all parts of the table, without their profile events. Runtime environments that `values` does not have are
/// those that the file shows.
pub fn read(parts: &[(Bytes, Expected)], stamp: &Stamp, values: &mut Values) -> Result<TasksRead, Error> {
    let promised = parts.iter().map(|(_, expected)| expected.rows).fold(0, u64::saturating_add);
    let rows = usize::try_from(promised.min(RESERVED)).unwrap_or_default();
    let mut reading = Reading {
        values,
        words: Words::default(),
        columns: Columns::with_capacity(rows),
        counts: Vec::with_capacity(rows),
        shapes: HashMap::default(),
        sources: HashMap::default(),
    };
    let mut unread = DERIVED.to_vec();
    if reading.values.environments.is_some() {
        unread.push("runtime_env");
    }
    for (bytes, expected) in parts {
        for batch in LAYOUT.read_without(&unread, bytes.clone(), stamp, expected)? {
            reading.batch(&batch?)?;
        }
    }
    let Reading { columns, counts, .. } = reading;
    if columns.ids.len() as u64 != promised {
        return Err(Error::malformed(LAYOUT.table, "there are other rows than the footer says"));
    }
    let (table, order) = columns.into_table().map_err(|error| Error::malformed(LAYOUT.table, error))?;
    Ok(TasksRead { table, order, counts })
}

/// A table that is being read.
struct Reading<'a> {
    values: &'a mut Values,
    words: Words,
    columns: Columns,
    counts: Vec<u32>,
    shapes: HashMap<Shape, u32, RandomState>,
    sources: HashMap<ProfileSource, u32, RandomState>,
}

impl Reading<'_> {
    fn batch(&mut self, batch: &Batch) -> Result<(), Error> {
        self.words.read(batch, self.values)?;
        self.ids(batch)?;
        self.flags(batch)?;
        self.actors_and_jobs();
        self.logs(batch)?;
        self.times(batch)?;
        self.shapes(batch)?;
        self.profiles(batch)?;
        let (words, out, rows) = (&self.words, &mut self.columns, batch.rows());
        words.name.append_to(&mut out.names, rows);
        words.parent.append_to(&mut out.parents, rows);
        words.placement_group.append_to(&mut out.placement_groups, rows);
        words.node.append_to(&mut out.nodes, rows);
        words.worker.append_to(&mut out.workers, rows);
        words.error_type.append_to(&mut out.error_types, rows);
        words.error_message.append_to(&mut out.error_messages, rows);
        let pids = batch.numbers::<Int32Type>("worker_pid")?;
        out.pids.extend((0..rows).map(|row| pids.get(row).unwrap_or_default()));
        Ok(())
    }

    /// Reads the ids, which must be in the order of the file.
    fn ids(&mut self, batch: &Batch) -> Result<(), Error> {
        let (ids, attempts) = (batch.strings("task_id")?, batch.numbers::<Int32Type>("attempt")?);
        let place = |id: &TaskId, attempt: u32| (id.place(), Reverse(attempt));
        let (ids_so_far, attempts_so_far) = (self.columns.ids.last(), self.columns.attempts.last());
        let mut last = ids_so_far.zip(attempts_so_far).map(|(id, &attempt)| place(id, attempt));
        for row in 0..batch.rows() {
            let id = ids.get(row).and_then(TaskId::from_hex).ok_or_else(|| batch.malformed("a malformed task_id"))?;
            let attempt = attempts.get(row).ok_or_else(|| batch.malformed("no attempt"))?.cast_unsigned();
            let this = Some(place(&id, attempt));
            if last >= this {
                return Err(batch.malformed("rows are out of order"));
            }
            last = this;
            self.columns.ids.push(id);
            self.columns.attempts.push(attempt);
        }
        Ok(())
    }

    fn flags(&mut self, batch: &Batch) -> Result<(), Error> {
        let [defined, paused] = ["defined", "debugger_paused"].map(|name| batch.bools(name));
        let [of_worker, of_owner] = ["_log_of_worker", "_node_of_owner"].map(|name| batch.bools(name));
        let (defined, paused, of_worker, of_owner) = (defined?, paused?, of_worker?, of_owner?);
        for row in 0..batch.rows() {
            let bit = |set: Option<bool>, bit: u8| if set == Some(true) { bit } else { 0 };
            let paused = paused.get(row);
            let sent = bit(paused.map(|_| true), flag::DEBUGGER_SENT) | bit(paused, flag::DEBUGGER_PAUSED);
            let derived = bit(of_worker.get(row), flag::LOG_OF_WORKER) | bit(of_owner.get(row), flag::NODE_OF_OWNER);
            self.columns.flags.push(bit(defined.get(row), flag::DEFINED) | sent | derived);
        }
        Ok(())
    }

    /// Takes actors and jobs from the ids, but for those that stand in columns of their own.
    fn actors_and_jobs(&mut self) {
        let done = self.columns.jobs.len();
        let mut last: Option<([u8; 16], Id)> = None;
        for (row, id) in self.columns.ids[done..].iter().enumerate() {
            let defined = self.columns.flags[done + row] & flag::DEFINED != 0;
            let own = actor_of(id).filter(|_| defined).map_or(Id::default(), |actor| match last {
                Some((known, handle)) if known == actor => handle,
                _ => {
                    let handle = self.values.ids.id(&actor);
                    last = Some((actor, handle));
                    handle
                }
            });
            self.columns.actors.push(self.words.odd_actor.get(row).unwrap_or(own));
            self.columns.jobs.push(self.words.odd_job.get(row).unwrap_or_else(|| id.job_id()));
        }
    }

    fn logs(&mut self, batch: &Batch) -> Result<(), Error> {
        let known = batch.bools("_has_log")?;
        let offset = |name| batch.numbers::<Int64Type>(name);
        let (stdout_start, stdout_end) = (offset("stdout_start")?, offset("stdout_end")?);
        let (stderr_start, stderr_end) = (offset("stderr_start")?, offset("stderr_end")?);
        for row in 0..batch.rows() {
            if known.get(row) != Some(true) {
                self.columns.log.push(NONE);
                continue;
            }
            // There are fewer of them than rows.
            self.columns.log.push(self.columns.logs.len() as u32);
            self.columns.logs.push(LogInfo {
                stdout_file: self.words.stdout_file.get(row),
                stderr_file: self.words.stderr_file.get(row),
                stdout_start: stdout_start.get(row),
                stdout_end: stdout_end.get(row),
                stderr_start: stderr_start.get(row),
                stderr_end: stderr_end.get(row),
            });
        }
        Ok(())
    }

    fn times(&mut self, batch: &Batch) -> Result<(), Error> {
        let times = Times::of(batch)?;
        for row in 0..batch.rows() {
            let states = times.row(row, &mut self.columns.times);
            self.columns.states.push(states.ok_or_else(|| batch.malformed("a time is out of range"))?);
        }
        Ok(())
    }

    fn shapes(&mut self, batch: &Batch) -> Result<(), Error> {
        let environments = batch.numbers::<Int32Type>("_runtime_env")?;
        let mut last: Option<(Shape, Option<i32>, u32)> = None;
        for row in 0..batch.rows() {
            let (mut shape, environment) = (self.words.shape(row), environments.get(row));
            if let Some((known, index, at)) = last
                && (known, index) == (shape, environment)
            {
                self.columns.shape.push(at);
                continue;
            }
            let key = (shape, environment);
            let beyond = || batch.malformed("a runtime environment is not in the list");
            if let Some(environment) = environment.zip(self.values.environments.as_ref()).map(|(at, list)| list.get(at))
            {
                shape.runtime_env = self.values.strings.str(environment.ok_or_else(beyond)?);
            }
            let shapes = &mut self.columns.shapes;
            let at = *self.shapes.entry(shape).or_insert_with(|| {
                shapes.push(shape);
                shapes.len() as u32 - 1
            });
            self.columns.shape.push(at);
            last = Some((key.0, key.1, at));
        }
        Ok(())
    }

    fn profiles(&mut self, batch: &Batch) -> Result<(), Error> {
        let counts = batch.numbers::<Int32Type>("_profile_events")?;
        for row in 0..batch.rows() {
            let count = u32::try_from(counts.get(row).unwrap_or_default());
            self.counts.push(count.map_err(|_| batch.malformed("a negative number of profile events"))?);
            let Some(source) = self.words.profile_source(row) else {
                self.columns.profile_source.push(NONE);
                continue;
            };
            let sources = &mut self.columns.profile_sources;
            let at = *self.sources.entry(source).or_insert_with(|| {
                sources.push(source);
                sources.len() as u32 - 1
            });
            self.columns.profile_source.push(at);
        }
        Ok(())
    }
}
