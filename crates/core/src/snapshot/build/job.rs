//! Drafts of driver jobs and of submission jobs.

use super::latest::Latest;
use super::{Catalogue, Nanos, Renamed};
use crate::base::id::JobId;
use crate::event::job::{
    DriverJobDefinition, DriverJobLifecycle, DriverJobState, JobConfig, SubmissionJobDefinition, SubmissionJobLifecycle,
};
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::job::{DriverJob, SubmissionEvents};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Definition of either kind of job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Definition {
    pid: i64,
    node: Id,
    entrypoint: Str,
    runtime_env: Str,
}

impl Definition {
    fn compare(self, other: Self, values: &Catalogue) -> Ordering {
        (self.pid.cmp(&other.pid))
            .then_with(|| values.compare_id(self.node, other.node))
            .then_with(|| values.compare_str(self.entrypoint, other.entrypoint))
            .then_with(|| values.compare_str(self.runtime_env, other.runtime_env))
    }

    fn rename(self, renamed: &Renamed) -> Self {
        Self {
            pid: self.pid,
            node: renamed.id(self.node),
            entrypoint: renamed.str(self.entrypoint),
            runtime_env: renamed.str(self.runtime_env),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct DriverDraft {
    definition: Latest<Definition>,
    metadata: BTreeMap<Str, Latest<Str>>,
    created: Nanos,
    finished: Nanos,
}

/// One state of a submission: time, state, message, error type, node, agent, exit code.
type SubmissionState = (Nanos, String, String, String, String, String, Option<i32>);

#[derive(Clone, Debug, Default)]
struct SubmissionDraft {
    definition: Latest<Definition>,
    metadata: BTreeMap<Str, Latest<Str>>,
    states: BTreeSet<SubmissionState>,
}

/// All jobs seen.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    drivers: BTreeMap<JobId, DriverDraft>,
    /// Drafts by submission id, as text because handles are not comparable across builders.
    submissions: BTreeMap<String, SubmissionDraft>,
    /// Memory that the drafts hold in addition to themselves, in bytes.
    bytes: usize,
}

fn weight_of(state: &SubmissionState) -> usize {
    let (_, state, message, error_type, node, agent, _) = state;
    let texts = [state, message, error_type, node, agent].map(String::len);
    2 * size_of::<SubmissionState>() + texts.iter().sum::<usize>()
}

impl Jobs {
    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.bytes
            + self.drivers.len() * 2 * size_of::<(JobId, DriverDraft)>()
            + self.submissions.len() * 4 * size_of::<(String, SubmissionDraft)>()
    }

    /// Returns `true` if there is no driver job.
    pub(super) fn is_empty(&self) -> bool {
        self.drivers.is_empty()
    }

    /// Returns `true` if a job has ended.
    pub(super) fn has_ended(&self, job: JobId) -> bool {
        self.drivers.get(&job).is_some_and(|draft| draft.finished > 0)
    }

    /// Returns `true` if a job with a definition has no end. Ray's internal jobs have no definition.
    pub(super) fn has_unfinished(&self) -> bool {
        self.drivers.values().any(|draft| draft.definition.is_set() && draft.finished == 0)
    }

    pub(super) fn define_driver(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &DriverJobDefinition<'_>,
    ) -> Result<(), &'static str> {
        let id = event.job_id.ok_or("a driver job definition without jobId")?;
        let definition = Definition {
            pid: event.driver_pid,
            node: values.id(event.driver_node_id),
            entrypoint: values.str(&event.entrypoint),
            runtime_env: values.str(&event.config.serialized_runtime_env),
        };
        let metadata = metadata(values, at, &event.config);
        let draft = self.drivers.entry(id).or_default();
        draft.definition.join(Latest::new(at, definition), |a, b| a.compare(b, values));
        self.bytes += join_metadata(&mut draft.metadata, metadata, values);
        Ok(())
    }

    pub(super) fn advance_driver(&mut self, event: &DriverJobLifecycle) -> Result<(), &'static str> {
        let id = event.job_id.ok_or("a driver job lifecycle without jobId")?;
        let draft = self.drivers.entry(id).or_default();
        for &(state, at) in &event.transitions {
            let latest = match state {
                DriverJobState::Created => &mut draft.created,
                DriverJobState::Finished => &mut draft.finished,
            };
            *latest = at.max(*latest);
        }
        Ok(())
    }

    pub(super) fn define_submission(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &SubmissionJobDefinition<'_>,
    ) -> Result<(), &'static str> {
        if event.submission_id.is_empty() {
            return Err("a submission job definition without submissionId");
        }
        let definition = Definition {
            entrypoint: values.str(&event.entrypoint),
            runtime_env: values.str(&event.config.serialized_runtime_env),
            ..Definition::default()
        };
        let metadata = metadata(values, at, &event.config);
        let draft = self.submissions.entry(event.submission_id.to_string()).or_default();
        draft.definition.join(Latest::new(at, definition), |a, b| a.compare(b, values));
        self.bytes += join_metadata(&mut draft.metadata, metadata, values);
        Ok(())
    }

    pub(super) fn advance_submission(&mut self, event: &SubmissionJobLifecycle<'_>) -> Result<(), &'static str> {
        if event.submission_id.is_empty() {
            return Err("a submission job lifecycle without submissionId");
        }
        let draft = self.submissions.entry(event.submission_id.to_string()).or_default();
        for t in &event.transitions {
            let node = t.driver_node_id.filter(|node| !node.is_nil()).map(|node| node.hex()).unwrap_or_default();
            let state = (
                t.timestamp,
                t.state.to_owned(),
                t.message.to_string(),
                t.error_type.to_string(),
                node,
                t.driver_agent_http_address.to_string(),
                t.driver_exit_code.and_then(|code| i32::try_from(code).ok()),
            );
            self.bytes += insert(&mut draft.states, state);
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, values: &Catalogue, other: Self, renamed: &Renamed) {
        let rename = |metadata: BTreeMap<Str, Latest<Str>>| -> BTreeMap<Str, Latest<Str>> {
            let entries = metadata.into_iter();
            entries.map(|(key, value)| (renamed.str(key), value.map(|value| renamed.str(value)))).collect()
        };
        for (id, draft) in other.drivers {
            let ours = self.drivers.entry(id).or_default();
            ours.definition.join(draft.definition.map(|d| d.rename(renamed)), |a, b| a.compare(b, values));
            self.bytes += join_metadata(&mut ours.metadata, rename(draft.metadata), values);
            ours.created = ours.created.max(draft.created);
            ours.finished = ours.finished.max(draft.finished);
        }
        for (id, draft) in other.submissions {
            let ours = self.submissions.entry(id).or_default();
            ours.definition.join(draft.definition.map(|d| d.rename(renamed)), |a, b| a.compare(b, values));
            self.bytes += join_metadata(&mut ours.metadata, rename(draft.metadata), values);
            for state in draft.states {
                self.bytes += insert(&mut ours.states, state);
            }
        }
    }

    pub(super) fn finish_drivers(&mut self, values: &Catalogue) -> Vec<DriverJob> {
        let rows = std::mem::take(&mut self.drivers).into_iter().map(|(id, draft)| {
            let definition = draft.definition.get();
            DriverJob {
                id,
                defined: draft.definition.is_set(),
                driver_pid: definition.pid,
                driver_node: definition.node,
                entrypoint: definition.entrypoint,
                runtime_env: definition.runtime_env,
                metadata: sorted(draft.metadata, values),
                created: draft.created,
                finished: draft.finished,
            }
        });
        rows.collect()
    }

    pub(super) fn finish_submissions(&mut self, values: &mut Catalogue) -> Vec<SubmissionEvents> {
        let mut rows = Vec::new();
        for (id, draft) in std::mem::take(&mut self.submissions) {
            let definition = draft.definition.get();
            let mut row = SubmissionEvents {
                submission_id: values.str(&id),
                entrypoint: definition.entrypoint,
                runtime_env: definition.runtime_env,
                metadata: sorted(draft.metadata, values),
                ..SubmissionEvents::default()
            };
            for (at, state, message, error_type, node, agent, exit_code) in draft.states {
                row.status = values.str(&state);
                row.message = values.str(&message);
                row.error_type = values.str(&error_type);
                // A value that a later state leaves out is kept.
                for (field, value) in [(&mut row.driver_node, node), (&mut row.driver_agent_http_address, agent)] {
                    if !value.is_empty() {
                        *field = values.str(&value);
                    }
                }
                row.driver_exit_code = exit_code.or(row.driver_exit_code);
                if row.start == 0 {
                    row.start = at;
                }
                if matches!(state.as_str(), "STOPPED" | "SUCCEEDED" | "FAILED") {
                    row.end = at;
                }
            }
            rows.push(row);
        }
        rows
    }
}

fn metadata(values: &mut Catalogue, at: Nanos, config: &JobConfig<'_>) -> BTreeMap<Str, Latest<Str>> {
    config.metadata.iter().map(|(key, value)| (values.str(key), Latest::new(at, values.str(value)))).collect()
}

/// Inserts a state and returns the memory added, in bytes.
fn insert(states: &mut BTreeSet<SubmissionState>, state: SubmissionState) -> usize {
    let bytes = weight_of(&state);
    if states.insert(state) { bytes } else { 0 }
}

/// Joins metadata and returns the memory added, in bytes.
fn join_metadata(
    ours: &mut BTreeMap<Str, Latest<Str>>,
    other: BTreeMap<Str, Latest<Str>>,
    values: &Catalogue,
) -> usize {
    let before = ours.len();
    for (key, value) in other {
        ours.entry(key).or_default().join(value, |a, b| values.compare_str(a, b));
    }
    (ours.len() - before) * 2 * size_of::<(Str, Latest<Str>)>()
}

fn sorted(metadata: BTreeMap<Str, Latest<Str>>, values: &Catalogue) -> Vec<(Str, Str)> {
    let mut entries: Vec<_> = metadata.into_iter().map(|(key, value)| (key, value.get())).collect();
    entries.sort_by(|a, b| values.compare_str(a.0, b.0));
    entries
}
