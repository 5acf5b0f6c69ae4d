//! Writes `tasks`.

use super::Options;
use super::schema::LAYOUT;
use super::times;
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{BATCH, Expected, Stamp};
use crate::words::{Size, Words, batch};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use ray_history_core::base::id::{RayId, TaskId, push_hex};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::task::{Attempt, LogInfo, ProfileSource, Shape};
use ray_history_core::snapshot::text::{Text, TextReader};
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

/// Writes the attempts in these rows of a snapshot, a part of `TaskTable::by_place`. Runtime environments get their places
/// in `environments`.
pub fn write(
    snapshot: &Snapshot,
    rows: &[u32],
    stamp: &Stamp,
    options: Options,
    environments: &mut Environments,
    out: impl Write + Send,
) -> Result<Expected, Error> {
    let mut batches = Batches { snapshot, stamp, options, environments, known: HashMap::new(), rest: rows };
    LAYOUT.write(stamp, std::iter::from_fn(|| batches.next()), out)
}

/// Returns the first batch of some rows.
#[cfg(test)]
pub(super) fn first_batch(
    snapshot: &Snapshot,
    stamp: &Stamp,
    options: Options,
    environments: &mut Environments,
    rows: &[u32],
) -> Result<RecordBatch, Error> {
    Batches { snapshot, stamp, options, environments, known: HashMap::new(), rest: rows }.batch(rows)
}

/// The batches of a snapshot.
struct Batches<'a> {
    snapshot: &'a Snapshot,
    stamp: &'a Stamp,
    options: Options,
    environments: &'a mut Environments,
    /// Indices of runtime environments.
    known: HashMap<Str, i32>,
    /// Rows that are not written yet.
    rest: &'a [u32],
}

impl Batches<'_> {
    fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        let (mut rows, mut size) = (0, Size::default());
        while rows < self.rest.len().min(BATCH) && !size.is_full() {
            measure(self.snapshot, self.snapshot.tasks.get(self.rest[rows] as usize), &mut size);
            rows += 1;
        }
        let (batch, rest) = self.rest.split_at(rows);
        self.rest = rest;
        (rows > 0).then(|| self.batch(batch))
    }

    fn batch(&mut self, rows: &[u32]) -> Result<RecordBatch, Error> {
        let attempts: Vec<Attempt<'_>> = rows.iter().map(|&row| self.snapshot.tasks.get(row as usize)).collect();
        let mut columns = Columns { snapshot: self.snapshot, attempts: &attempts, made: HashMap::new() };
        columns.of_ids(self.stamp)?;
        columns.of_shapes()?;
        columns.of_environments(self.environments, &mut self.known)?;
        columns.of_errors(self.options)?;
        columns.of_logs()?;
        columns.of_flags();
        columns.of_profiles()?;
        times::push(&attempts, &mut columns.made);
        batch(LAYOUT.table, &LAYOUT.schema, columns.made)
    }
}

/// Adds the texts of an attempt.
fn measure(snapshot: &Snapshot, attempt: Attempt<'_>, size: &mut Size) {
    let of = attempt.shape();
    let shape =
        [of.func_or_class_name, of.resources, of.runtime_env, of.label_selector, of.fallback_strategy, of.call_site];
    for handle in [attempt.name(), attempt.error_type()].into_iter().chain(shape) {
        size.add(snapshot, handle);
    }
    size.add_text(snapshot, attempt.error_message());
}

/// The columns of one batch.
struct Columns<'a> {
    snapshot: &'a Snapshot,
    attempts: &'a [Attempt<'a>],
    made: HashMap<&'static str, ArrayRef>,
}

impl<'a> Columns<'a> {
    fn of_ids(&mut self, stamp: &Stamp) -> Result<(), Error> {
        let hex = self.attempts.iter().map(|attempt| Some(attempt.task_id().hex()));
        self.set("task_id", Arc::new(hex.collect::<StringArray>()));
        // A number above that of int32 becomes negative, and comes back.
        let numbers = self.attempts.iter().map(|attempt| attempt.attempt_number().cast_signed());
        self.set("attempt", Arc::new(Int32Array::from_iter_values(numbers)));
        self.words("cluster", |_| Some(()), |(), out| out.extend_from_slice(stamp.cluster.as_bytes()))?;
        self.words("session", |_| Some(()), |(), out| out.extend_from_slice(stamp.session.as_bytes()))?;
        self.words("job_id", |attempt| Some(attempt.task_id().job_id()), |job, out| push_hex(out, &job.0))?;
        self.words("actor_id", |attempt| actor_of(attempt.task_id()), |actor, out| push_hex(out, &actor))?;
        let odd_job = |attempt: &Attempt<'_>| Some(attempt.job_id()).filter(|job| *job != attempt.task_id().job_id());
        self.words("_job_id", odd_job, |job, out| push_hex(out, &job.0))?;
        let snapshot = self.snapshot;
        let odd_actor = |attempt: &Attempt<'_>| {
            let expected = actor_of(attempt.task_id()).filter(|_| attempt.is_defined());
            let known = snapshot.id(attempt.actor_id());
            (known != expected.as_ref().map_or(&[][..], |actor| &actor[..])).then(|| attempt.actor_id())
        };
        let nil_or_id = |actor: Id, out: &mut Vec<u8>| {
            push_hex(out, if actor.is_none() { &RayId::<16>::NIL.0 } else { snapshot.id(actor) });
        };
        self.words("_actor_id", odd_actor, nil_or_id)?;
        self.ids("parent_task_id", Attempt::parent_task_id)?;
        self.ids("placement_group_id", Attempt::placement_group_id)?;
        self.ids("node_id", Attempt::node_id)?;
        self.ids("worker_id", Attempt::worker_id)
    }

    fn of_shapes(&mut self) -> Result<(), Error> {
        // An attempt without a definition has no type.
        let kind = |attempt: &Attempt<'_>| {
            let shape = attempt.shape();
            (attempt.is_defined() || *shape != Shape::default()).then_some((shape.task_type, shape.language))
        };
        self.words("type", kind, |(kind, _), out| out.extend_from_slice(kind.name().as_bytes()))?;
        self.words("language", kind, |(_, language), out| out.extend_from_slice(language.name().as_bytes()))?;
        self.words("state", |a| Some(a.state()), |state, out| out.extend_from_slice(state.name().as_bytes()))?;
        self.strings("name", Attempt::name)?;
        self.strings("func_or_class_name", |attempt| attempt.shape().func_or_class_name)?;
        self.strings("required_resources", |attempt| attempt.shape().resources)?;
        self.strings("label_selector", |attempt| attempt.shape().label_selector)?;
        self.strings("fallback_strategy", |attempt| attempt.shape().fallback_strategy)?;
        self.strings("call_site", |attempt| attempt.shape().call_site)?;
        let mut known: HashMap<Str, [Option<f64>; 2]> = HashMap::new();
        let snapshot = self.snapshot;
        let amounts = self.attempts.iter().map(|attempt| {
            let resources = attempt.shape().resources;
            *known.entry(resources).or_insert_with(|| amounts(snapshot.str(resources)))
        });
        let amounts: Vec<[Option<f64>; 2]> = amounts.collect();
        self.set("num_cpus", Arc::new(amounts.iter().map(|amounts| amounts[0]).collect::<Float64Array>()));
        self.set("num_gpus", Arc::new(amounts.iter().map(|amounts| amounts[1]).collect::<Float64Array>()));
        Ok(())
    }

    fn of_environments(&mut self, environments: &mut Environments, known: &mut HashMap<Str, i32>) -> Result<(), Error> {
        let snapshot = self.snapshot;
        let indices = self.attempts.iter().map(|attempt| {
            let environment = Some(attempt.shape().runtime_env).filter(|env| !env.is_empty())?;
            Some(*known.entry(environment).or_insert_with(|| environments.intern(snapshot.str(environment))))
        });
        let indices: Vec<Option<i32>> = indices.collect();
        let mut shown = Words::with_capacity(indices.len());
        for &index in &indices {
            match index {
                Some(index) => shown.push_str(index, environments.shown(index).unwrap_or_default()),
                None => shown.push_null(),
            }
        }
        self.set("runtime_env", shown.finish(LAYOUT.table)?);
        self.set("_runtime_env", Arc::new(Int32Array::from(indices)));
        Ok(())
    }

    fn of_errors(&mut self, options: Options) -> Result<(), Error> {
        self.strings("error_type", Attempt::error_type)?;
        let text =
            |attempt: &Attempt<'_>| Some(attempt.error_message()).filter(|text| options.messages && !text.is_empty());
        // Texts lie in compressed blocks: each is read once, in their order.
        let mut distinct: Vec<Text> = self.attempts.iter().filter_map(text).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let (snapshot, mut reader) = (self.snapshot, TextReader::default());
        let mut messages: Words<Text> = Words::with_capacity(self.attempts.len());
        for text in distinct {
            messages.define(text, reader.get(&snapshot.texts, text));
        }
        for attempt in self.attempts {
            match text(attempt) {
                Some(text) => messages.push(text, |_| {}),
                None => messages.push_null(),
            }
        }
        self.set("error_message", messages.finish(LAYOUT.table)?);
        Ok(())
    }

    fn of_logs(&mut self) -> Result<(), Error> {
        type Offset = fn(&LogInfo) -> Option<i64>;
        let file = |attempt: &Attempt<'_>, of: fn(&LogInfo) -> Str| attempt.log_info().map_or(Str::default(), of);
        self.strings("stdout_file", |attempt| file(attempt, |log| log.stdout_file))?;
        self.strings("stderr_file", |attempt| file(attempt, |log| log.stderr_file))?;
        let offsets: [(&'static str, Offset); 4] = [
            ("stdout_start", |log| log.stdout_start),
            ("stdout_end", |log| log.stdout_end),
            ("stderr_start", |log| log.stderr_start),
            ("stderr_end", |log| log.stderr_end),
        ];
        for (name, of) in offsets {
            let numbers = self.attempts.iter().map(|attempt| attempt.log_info().and_then(of));
            self.set(name, Arc::new(numbers.collect::<Int64Array>()));
        }
        Ok(())
    }

    fn of_flags(&mut self) {
        let seldom = |flag: bool| Some(true).filter(|_| flag);
        self.bools("defined", |attempt| Some(attempt.is_defined()));
        self.bools("debugger_paused", Attempt::is_debugger_paused);
        self.bools("_has_log", |attempt| Some(attempt.log_info().is_some()));
        self.bools("_log_of_worker", |attempt| seldom(attempt.is_log_of_worker()));
        self.bools("_node_of_owner", |attempt| seldom(attempt.is_node_of_owner()));
        let pids = self.attempts.iter().map(|attempt| Some(attempt.worker_pid()).filter(|&pid| pid != 0));
        self.set("worker_pid", Arc::new(pids.collect::<Int32Array>()));
    }

    fn of_profiles(&mut self) -> Result<(), Error> {
        let source = |attempt: &Attempt<'a>| attempt.profile_source();
        // Every source has a component, if only the empty text: nothing else tells that there is one.
        let component = |attempt: &Attempt<'a>| source(attempt).map(|source: &ProfileSource| source.component_type);
        let snapshot = self.snapshot;
        self.words("_profile_component", component, |handle, out| {
            out.extend_from_slice(snapshot.str(handle).as_bytes());
        })?;
        self.ids("_profile_component_id", |a| source(a).map_or(Id::default(), |source| source.component_id))?;
        self.strings("_profile_node_ip", |a| source(a).map_or(Str::default(), |source| source.node_ip))?;
        let mut counts = Vec::with_capacity(self.attempts.len());
        for attempt in self.attempts {
            let count = i32::try_from(attempt.profile().len());
            let count = count.map_err(|_| Error::malformed(LAYOUT.table, "too many profile events of one attempt"))?;
            counts.push(Some(count).filter(|&count| count > 0));
        }
        self.set("_profile_events", Arc::new(Int32Array::from(counts)));
        Ok(())
    }

    fn set(&mut self, name: &'static str, column: ArrayRef) {
        self.made.insert(name, column);
    }

    /// Makes a column of strings by keys that stand for them.
    fn words<K: Copy + Eq + std::hash::Hash>(
        &mut self,
        name: &'static str,
        key: impl Fn(&Attempt<'a>) -> Option<K>,
        make: impl Fn(K, &mut Vec<u8>),
    ) -> Result<(), Error> {
        let mut words = Words::with_capacity(self.attempts.len());
        for attempt in self.attempts {
            match key(attempt) {
                Some(key) => words.push(key, |out| make(key, out)),
                None => words.push_null(),
            }
        }
        self.set(name, words.finish(LAYOUT.table)?);
        Ok(())
    }

    fn strings(&mut self, name: &'static str, of: impl Fn(&Attempt<'a>) -> Str) -> Result<(), Error> {
        let (snapshot, key) = (self.snapshot, |a: &Attempt<'a>| Some(of(a)).filter(|handle| !handle.is_empty()));
        self.words(name, key, |handle, out| out.extend_from_slice(snapshot.str(handle).as_bytes()))
    }

    fn ids(&mut self, name: &'static str, of: impl Fn(&Attempt<'a>) -> Id) -> Result<(), Error> {
        let (snapshot, key) = (self.snapshot, |a: &Attempt<'a>| Some(of(a)).filter(|id| !id.is_none()));
        self.words(name, key, |id, out| push_hex(out, snapshot.id(id)))
    }

    fn bools(&mut self, name: &'static str, of: impl Fn(&Attempt<'a>) -> Option<bool>) {
        let values = self.attempts.iter().map(of);
        self.set(name, Arc::new(values.collect::<BooleanArray>()));
    }
}

/// Returns the actor that an id names: none for normal tasks and drivers.
pub(super) fn actor_of(id: &TaskId) -> Option<[u8; 16]> {
    let actor = id.actor_id().0;
    (actor[..12] != [0xff; 12]).then_some(actor)
}

/// Returns the processors of resources, and the graphics processors.
fn amounts(resources: &str) -> [Option<f64>; 2] {
    let resources: serde_json::Map<String, serde_json::Value> = serde_json::from_str(resources).unwrap_or_default();
    ["CPU", "GPU"].map(|name| resources.get(name).and_then(serde_json::Value::as_f64))
}
