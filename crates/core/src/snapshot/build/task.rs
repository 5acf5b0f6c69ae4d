//! Drafts of task attempts, and flat lists of their transitions and profile events.
//!
//! Transitions and profile events are appended in order of arrival, with the number of their draft; `finish` sorts them
//! into the rows. Folding therefore never allocates per attempt, and merging two builders renames handles and appends.

use super::actor_workers::Reprs;
use super::forced_ends::ForcedEnds;
use super::latest::Latest;
use super::worker_facts::WorkerFacts;
use super::{Catalogue, Nanos, Renamed};
use crate::base::id::{JobId, TaskId, push_hex};
use crate::base::task::{TaskState, TaskType};
use crate::event::task::{TaskDefinition, TaskLifecycle, TaskProfile};
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::task::{LogInfo, ProfileRow, ProfileSource, Shape, TaskTable};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

mod error;
mod finish;
mod logs;
mod polled;
mod shape;

use error::TaskError;
use logs::log_info;

/// Fields of a definition event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Definition {
    name: Str,
    shape: u32,
    actor: Id,
    parent: Id,
    placement_group: Id,
}

/// Draft of one attempt.
#[derive(Clone, Copy, Debug)]
struct Draft {
    id: TaskId,
    attempt: u32,
    job: JobId,
    definition: Latest<Definition>,
    node: Latest<Id>,
    worker: Latest<Id>,
    pid: Latest<i32>,
    repr_name: Latest<Str>,
    error: TaskError,
    debugger_paused: Latest<bool>,
    log: u32,
    profile_source: u32,
}

/// The time of a node in an owner's update, which loses to that of any update of the attempt's process.
const OWNERS: Nanos = 0;

/// Index that means "no entry" in a side list.
const NONE: u32 = u32::MAX;

impl Draft {
    fn new(id: TaskId, attempt: u32) -> Self {
        Self {
            id,
            attempt,
            job: id.job_id(),
            definition: Latest::default(),
            node: Latest::default(),
            worker: Latest::default(),
            pid: Latest::default(),
            repr_name: Latest::default(),
            error: TaskError::default(),
            debugger_paused: Latest::default(),
            log: NONE,
            profile_source: NONE,
        }
    }
}

/// All attempts seen.
#[derive(Debug)]
pub(super) struct Tasks {
    drafts: Vec<Draft>,
    index: HashTable<u32>,
    hasher: RandomState,
    transitions: Vec<(u32, TaskState, Nanos)>,
    profile: Vec<(u32, ProfileRow)>,
    logs: Vec<LogInfo>,
    sources: Vec<ProfileSource>,
    shapes: Vec<Shape>,
    shape_index: HashMap<Shape, u32, RandomState>,
    /// Buffer for the hex id of the task whose profile events are folded.
    scratch: Vec<u8>,
}

impl Default for Tasks {
    fn default() -> Self {
        let mut new = Self {
            drafts: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
            transitions: Vec::new(),
            profile: Vec::new(),
            logs: Vec::new(),
            sources: Vec::new(),
            shapes: Vec::new(),
            shape_index: HashMap::default(),
            scratch: Vec::new(),
        };
        // Shape 0 belongs to attempts without a definition.
        new.shape(Shape::default());
        new
    }
}

impl Tasks {
    /// Returns `true` if there is no attempt.
    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    pub(super) fn define(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &TaskDefinition<'_>,
        default_type: TaskType,
    ) -> Result<(), &'static str> {
        let id = event.task_id.ok_or("a task definition without taskId")?;
        let task_type = event.task_type.unwrap_or(default_type);
        let (resources, labels) = (values.numbers(event.required_resources), values.labels(event.label_selector));
        let shape = self.shape(Shape {
            task_type,
            language: event.language.unwrap_or_default(),
            func_or_class_name: values.str(&event.function.call_string()),
            resources,
            runtime_env: values.str(&event.serialized_runtime_env),
            label_selector: labels,
            fallback_strategy: values.json(event.fallback_strategy),
            call_site: values.str(&event.call_site),
        });
        let actor = match task_type {
            TaskType::ActorCreationTask => Some(id.actor_id()),
            _ => event.actor_id,
        };
        let definition = Definition {
            name: values.str(&event.name),
            shape,
            actor: values.id(actor),
            // A driver's parent is nil, and Ray shows the nil id.
            parent: event.parent_task_id.map_or(Id::default(), |parent| values.raw_id(&parent.0)),
            placement_group: values.id(event.placement_group_id),
        };
        let draft = self.draft(id, event.attempt);
        self.join_definition(draft, Latest::new(at, definition), values);
        self.join_job(draft, event.job_id);
        Ok(())
    }

    pub(super) fn advance(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &TaskLifecycle<'_>,
    ) -> Result<(), &'static str> {
        let id = event.task_id.ok_or("a task lifecycle without taskId")?;
        let number = self.draft(id, event.attempt);
        self.join_job(number, event.job_id);
        self.transitions.extend(event.transitions.iter().map(|&(state, time)| (number, state, time)));
        let (node, worker) = (values.id(event.node_id), values.id(event.worker_id));
        let Some(draft) = self.drafts.get_mut(number as usize) else { return Ok(()) };
        // Before Ray 2.55 an owner's updates have the owner's node; only those of the process have the attempt's for
        // certain. One with the worker has it too, unless the owner merged a later state into it.
        if !node.is_none() && (!worker.is_none() || event.worker_pid > 0) {
            let at = if event.worker_pid > 0 { at } else { OWNERS };
            draft.node.join(Latest::new(at, node), |a, b| values.compare_id(a, b));
        }
        if !worker.is_none() {
            draft.worker.join(Latest::new(at, worker), |a, b| values.compare_id(a, b));
        }
        if let Ok(pid @ 1..) = i32::try_from(event.worker_pid) {
            draft.pid.join(Latest::new(at, pid), |a, b| a.cmp(&b));
        }
        if !event.actor_repr_name.is_empty() {
            let name = values.str(&event.actor_repr_name);
            draft.repr_name.join(Latest::new(at, name), |a, b| values.compare_str(a, b));
        }
        if let Some(paused) = event.is_debugger_paused {
            draft.debugger_paused.join(Latest::new(at, paused), |a, b| a.cmp(&b));
        }
        if let Some(error) = &event.error {
            draft.error.add(values, at, error);
        }
        if let Some(log) = &event.log {
            let log = log_info(values, log);
            self.join_log(number, log, values);
        }
        Ok(())
    }

    pub(super) fn profile(
        &mut self,
        values: &mut Catalogue,
        _at: Nanos,
        event: &TaskProfile<'_>,
    ) -> Result<(), &'static str> {
        let id = event.task_id.ok_or("a task profile without taskId")?;
        let number = self.draft(id, event.attempt);
        self.join_job(number, event.job_id);
        let source = ProfileSource {
            component_type: values.str(&event.profile.component_type),
            component_id: values.id(event.profile.component_id),
            node_ip: values.str(&event.profile.node_ip),
        };
        self.join_source(number, source, values);
        for span in &event.profile.events {
            let extra = self.extra(values, &id, &span.extra_data);
            let row = ProfileRow { start: span.start, end: span.end, name: values.str(&span.name), extra };
            self.profile.push((number, row));
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, values: &mut Catalogue, other: Self, renamed: &Renamed) {
        let mut numbers = Vec::with_capacity(other.drafts.len());
        for theirs in &other.drafts {
            let number = self.draft(theirs.id, i64::from(theirs.attempt));
            numbers.push(number);
            let definition = theirs.definition.map(|d| Definition {
                name: renamed.str(d.name),
                shape: other.shapes.get(d.shape as usize).map_or(0, |shape| self.shape(shape::rename(*shape, renamed))),
                actor: renamed.id(d.actor),
                parent: renamed.id(d.parent),
                placement_group: renamed.id(d.placement_group),
            });
            self.join_definition(number, definition, values);
            self.join_job(number, Some(theirs.job));
            if let Some(ours) = self.drafts.get_mut(number as usize) {
                ours.node.join(theirs.node.map(|node| renamed.id(node)), |a, b| values.compare_id(a, b));
                ours.worker.join(theirs.worker.map(|worker| renamed.id(worker)), |a, b| values.compare_id(a, b));
                ours.pid.join(theirs.pid, |a, b| a.cmp(&b));
                ours.repr_name.join(theirs.repr_name.map(|name| renamed.str(name)), |a, b| values.compare_str(a, b));
                ours.debugger_paused.join(theirs.debugger_paused, |a, b| a.cmp(&b));
                ours.error.merge(theirs.error, values, renamed);
            }
            if let Some(log) = other.logs.get(theirs.log as usize) {
                let (stdout_file, stderr_file) = (renamed.str(log.stdout_file), renamed.str(log.stderr_file));
                self.join_log(number, LogInfo { stdout_file, stderr_file, ..*log }, values);
            }
            if let Some(source) = other.sources.get(theirs.profile_source as usize) {
                let source = ProfileSource {
                    component_type: renamed.str(source.component_type),
                    component_id: renamed.id(source.component_id),
                    node_ip: renamed.str(source.node_ip),
                };
                self.join_source(number, source, values);
            }
        }
        let number = |old: u32| numbers.get(old as usize).copied().unwrap_or(NONE);
        self.transitions.extend(other.transitions.iter().map(|&(old, state, at)| (number(old), state, at)));
        self.profile.extend(other.profile.iter().map(|&(old, row)| {
            (number(old), ProfileRow { name: renamed.str(row.name), extra: renamed.str(row.extra), ..row })
        }));
    }

    /// Returns the worker of every attempt, with the attempt's facts about it.
    pub(super) fn worker_facts(&self) -> impl Iterator<Item = (Id, WorkerFacts)> {
        self.drafts.iter().map(|draft| {
            let pid = u32::try_from(draft.pid.get()).unwrap_or(0);
            let (node, certain) = (draft.node.get(), draft.node.at() > OWNERS);
            (draft.worker.get(), WorkerFacts { node, certain, pid, job: draft.job })
        })
    }

    pub(super) fn finish(self, values: &mut Catalogue, forced_ends: &ForcedEnds, reprs: &Reprs) -> TaskTable {
        finish::table(self, values, forced_ends, reprs)
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.drafts.capacity() * size_of::<Draft>()
            + self.index.capacity() * 5
            + self.transitions.capacity() * size_of::<(u32, TaskState, Nanos)>()
            + self.profile.capacity() * size_of::<(u32, ProfileRow)>()
            + self.logs.capacity() * size_of::<LogInfo>()
    }

    /// Returns the number of an attempt's draft, if there is one.
    fn known(&self, id: &TaskId, attempt: i64) -> Option<u32> {
        let attempt = u32::try_from(attempt).unwrap_or(0);
        let hash = self.hasher.hash_one((id, attempt));
        let found = self.index.find(hash, |&at| {
            let draft = &self.drafts[at as usize];
            draft.id == *id && draft.attempt == attempt
        });
        found.copied()
    }

    /// Returns the number of an attempt's draft, creating the draft if needed.
    fn draft(&mut self, id: TaskId, attempt: i64) -> u32 {
        if let Some(known) = self.known(&id, attempt) {
            return known;
        }
        let attempt = u32::try_from(attempt).unwrap_or(0);
        let (drafts, hasher) = (&mut self.drafts, &self.hasher);
        let hash = hasher.hash_one((id, attempt));
        let number = drafts.len() as u32;
        drafts.push(Draft::new(id, attempt));
        self.index.insert_unique(hash, number, |&at| {
            let draft = &drafts[at as usize];
            hasher.hash_one((draft.id, draft.attempt))
        });
        number
    }

    fn shape(&mut self, shape: Shape) -> u32 {
        let shapes = &mut self.shapes;
        *self.shape_index.entry(shape).or_insert_with(|| {
            shapes.push(shape);
            shapes.len() as u32 - 1
        })
    }

    fn join_job(&mut self, number: u32, job: Option<JobId>) {
        if let (Some(draft), Some(job)) = (self.drafts.get_mut(number as usize), job)
            && !job.is_nil()
            && (draft.job.is_nil() || job > draft.job)
        {
            draft.job = job;
        }
    }

    fn join_definition(&mut self, number: u32, definition: Latest<Definition>, values: &Catalogue) {
        let shapes = &self.shapes;
        let Some(draft) = self.drafts.get_mut(number as usize) else { return };
        draft.definition.join(definition, |a, b| {
            let shape = |d: Definition| shapes.get(d.shape as usize).copied().unwrap_or_default();
            shape::compare(shape(a), shape(b), values)
                .then_with(|| values.compare_str(a.name, b.name))
                .then_with(|| values.compare_id(a.actor, b.actor))
                .then_with(|| values.compare_id(a.parent, b.parent))
                .then_with(|| values.compare_id(a.placement_group, b.placement_group))
        });
    }

    /// Joins profile sources. The sources of one attempt do not differ; if they do, the greatest wins.
    fn join_source(&mut self, number: u32, other: ProfileSource, values: &Catalogue) {
        let Some(draft) = self.drafts.get_mut(number as usize) else { return };
        if let Some(ours) = self.sources.get(draft.profile_source as usize) {
            let greater = (values.compare_id(other.component_id, ours.component_id))
                .then_with(|| values.compare_str(other.component_type, ours.component_type))
                .then_with(|| values.compare_str(other.node_ip, ours.node_ip));
            if !greater.is_gt() {
                return;
            }
        }
        // A worker's attempts arrive one after another, so the last few sources contain nearly every repeat.
        let recent = self.sources.len().saturating_sub(16);
        draft.profile_source = if let Some(at) = self.sources[recent..].iter().position(|known| *known == other) {
            (recent + at) as u32
        } else {
            self.sources.push(other);
            self.sources.len() as u32 - 1
        };
    }

    /// Interns extra data with the task's own id replaced, so that `{"name": …, "task_id": …}` of all tasks is one
    /// string.
    fn extra(&mut self, values: &mut Catalogue, id: &TaskId, extra: &str) -> Str {
        if extra.is_empty() || extra == "{}" {
            return Str::default();
        }
        self.scratch.clear();
        push_hex(&mut self.scratch, &id.0);
        let own = std::str::from_utf8(&self.scratch).unwrap_or_default();
        values.extra(extra, own)
    }
}
