//! Fold of events, in any order and with any duplication, into a `Snapshot`.
//!
//! Each entity has a draft with one operation, `join`, which is commutative, associative and idempotent: a field set by
//! several events takes the value with the greatest (event time, then content), and transitions form a set. Folding an
//! event joins the small draft made from it. Merging two builders (one per parsing thread) joins their drafts after
//! their handles are renamed. Any order, duplication or split of events therefore gives the same snapshot.
//! Duplicates are recognized by content, not by `eventId`, because the halves of a split event share it.
//! No clock is read: the current time is that of the last event.

mod actor;
mod actor_workers;
mod attempt_nodes;
mod catalogue;
mod clocks;
mod forced_ends;
mod job;
mod latest;
mod node;
mod placement_group;
mod platform;
mod polled;
mod task;
mod task_logs;
mod worker;
mod worker_facts;

use super::Snapshot;
use super::completeness::{Completeness, Problems};
use super::driver::{self, DriverLog, is_driver};
use super::node::Node;
use super::worker::Life;
use crate::base::id::{JobId, WorkerId};
use crate::base::stored_json;
use crate::base::task::TaskType;
use crate::base::time::Nanos;
use crate::event::{Damaged, Event, Payload, decode, salvage, without_needless_escapes};
use crate::logs::Facts;
use crate::logs::processes::ProcessLogs;
use catalogue::{Catalogue, Renamed};
use clocks::Clocks;
pub use polled::is_polled_list;
use std::collections::{BTreeMap, BTreeSet};
use worker_facts::WorkerFacts;

/// Builder of a snapshot. Each parsing thread has one; `merge` combines them, and `finish` makes the snapshot.
#[derive(Debug)]
pub struct Builder {
    session_name: String,
    values: Catalogue,
    tasks: task::Tasks,
    actors: actor::Actors,
    nodes: node::Nodes,
    workers: worker::Workers,
    jobs: job::Jobs,
    placement_groups: placement_group::PlacementGroups,
    platform_events: platform::PlatformEvents,
    polled_drivers: BTreeMap<JobId, DriverLog>,
    completeness: Completeness,
    as_of: Nanos,
    /// Time of the last event, including events of wrong clocks.
    latest: Nanos,
    /// Latest time that an event with a correct clock may have.
    expected_until: Nanos,
}

impl Builder {
    /// Creates a builder for one session. Events that name another session are counted and left out.
    pub fn new(session_name: &str) -> Self {
        Self {
            session_name: session_name.to_owned(),
            values: Catalogue::default(),
            tasks: task::Tasks::default(),
            actors: actor::Actors::default(),
            nodes: node::Nodes::default(),
            workers: worker::Workers::default(),
            jobs: job::Jobs::default(),
            placement_groups: placement_group::PlacementGroups::default(),
            platform_events: platform::PlatformEvents::default(),
            polled_drivers: BTreeMap::new(),
            completeness: Completeness::default(),
            as_of: 0,
            latest: 0,
            expected_until: Nanos::MAX,
        }
    }

    /// Sets the latest plausible time of the events folded from now on. Later events come from a wrong clock, and do
    /// not move the time of the last event.
    pub fn expect_until(&mut self, latest: Nanos) {
        self.expected_until = latest;
    }

    /// Returns the counts taken so far; the loader adds the files that it could not read.
    pub fn completeness_mut(&mut self) -> &mut Completeness {
        &mut self.completeness
    }

    /// Returns the approximate memory held, in bytes. The loader reserves memory by it.
    pub fn weight(&self) -> usize {
        self.values.weight()
            + self.tasks.weight()
            + self.actors.weight()
            + self.nodes.weight()
            + self.workers.weight()
            + self.jobs.weight()
            + self.placement_groups.weight()
            + self.platform_events.weight()
    }

    /// Folds one record of a file. Damage is counted with its place.
    pub fn fold_record(&mut self, file: &str, position: u64, record: &[u8]) {
        if record.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        // An invalid byte loses its character, not the record.
        let text = stored_json::text(record);
        if let Err(damaged) = self.fold_text(file, position, &text) {
            let pieces = salvage::pieces(&text);
            if pieces.len() == 1 {
                return self.count_damaged(file, position, damaged);
            }
            for piece in pieces {
                if let Err(damaged) = self.fold_text(file, position, piece) {
                    self.count_damaged(file, position, damaged);
                }
            }
        }
    }

    /// Folds one record. Returns an error, and folds nothing, if it is not JSON.
    fn fold_text(&mut self, file: &str, position: u64, text: &str) -> Result<(), Damaged> {
        let plain: String;
        let mut event = decode(text)?;
        if event.has_escaped
            && let Some(unescaped) = without_needless_escapes(text)
        {
            plain = unescaped;
            event = decode(&plain)?;
        }
        self.completeness.records += 1;
        if let Some(kind) = event.payload.kind() {
            self.completeness.events.add(kind);
        }
        if event.timestamp > self.expected_until {
            self.completeness.skewed_events.add(file, position, "later than its file");
        }
        if let Err(problem) = self.fold(&event) {
            self.completeness.damaged_records.add(file, position, problem);
        }
        Ok(())
    }

    fn count_damaged(&mut self, file: &str, position: u64, damaged: Damaged) {
        self.completeness.add_damaged(file, position, damaged.to_string());
    }

    /// Folds one event. The error describes what the event lacks.
    pub fn fold(&mut self, event: &Event<'_>) -> Result<(), &'static str> {
        let foreign = !event.session_name.is_empty() && event.session_name != self.session_name;
        if foreign {
            self.completeness.foreign_events += 1;
            // A restarted worker's node may be defined only in another session's events (KubeRay v1.6); its definition
            // is used if this session has none.
            if let Payload::NodeDefinition(definition) = &event.payload {
                return self.nodes.define_foreign(&mut self.values, definition);
            }
            return Ok(());
        }
        self.latest = self.latest.max(event.timestamp);
        if event.timestamp <= self.expected_until {
            self.as_of = self.as_of.max(event.timestamp);
        }
        for (message, field) in &event.unknown_fields {
            self.completeness.count_unknown_field(message, field);
        }
        self.completeness.unknown_states += u64::from(event.unknown_states);
        let (at, values) = (event.timestamp, &mut self.values);
        match &event.payload {
            Payload::TaskDefinition(task) => self.tasks.define(values, at, task, TaskType::NormalTask),
            Payload::ActorTaskDefinition(task) => self.tasks.define(values, at, task, TaskType::ActorTask),
            Payload::TaskLifecycle(task) => self.tasks.advance(values, at, task),
            Payload::TaskProfile(task) => self.tasks.profile(values, at, task),
            Payload::DriverJobDefinition(job) => self.jobs.define_driver(values, at, job),
            Payload::DriverJobLifecycle(job) => self.jobs.advance_driver(job),
            Payload::SubmissionJobDefinition(job) => self.jobs.define_submission(values, at, job),
            Payload::SubmissionJobLifecycle(job) => self.jobs.advance_submission(job),
            Payload::NodeDefinition(node) => self.nodes.define(values, at, node),
            Payload::NodeLifecycle(node) => self.nodes.advance(values, node),
            Payload::ActorDefinition(actor) => self.actors.define(values, at, actor),
            Payload::ActorLifecycle(actor) => self.actors.advance(values, actor),
            Payload::WorkerDefinition(worker) => self.workers.define(values, at, worker),
            Payload::WorkerLifecycle(worker) => self.workers.advance(values, worker),
            Payload::PlacementGroupDefinition(group) => self.placement_groups.define(values, at, group),
            Payload::PlacementGroupLifecycle(group) => self.placement_groups.advance(group),
            Payload::Platform(record) => self.platform_events.add(at, record),
            Payload::Unknown => {
                let name = if event.event_type.is_empty() { "(none)" } else { event.event_type };
                self.completeness.count_unknown_type(name);
                Ok(())
            }
        }
    }

    /// Merges the builder of another thread for the same session.
    pub fn merge(&mut self, other: Self) {
        let renamed = self.values.absorb(other.values);
        self.tasks.merge(&mut self.values, other.tasks, &renamed);
        self.actors.merge(&self.values, other.actors, &renamed);
        self.nodes.merge(&self.values, other.nodes, &renamed);
        self.workers.merge(&self.values, other.workers, &renamed);
        self.jobs.merge(&self.values, other.jobs, &renamed);
        self.placement_groups.merge(other.placement_groups);
        self.platform_events.merge(other.platform_events);
        self.completeness.merge(other.completeness);
        self.as_of = self.as_of.max(other.as_of);
        self.latest = self.latest.max(other.latest);
    }

    fn worker_facts(&self) -> BTreeMap<WorkerId, WorkerFacts> {
        worker_facts::join(&self.values, self.tasks.worker_facts().chain(self.actors.worker_facts()))
    }

    /// Returns the workers, without drivers, that attempts, actors or `named` refer to and that have no lifecycle
    /// event. Logs may have their facts.
    pub fn unreported_workers(&self, named: impl Iterator<Item = WorkerId>) -> BTreeSet<WorkerId> {
        self.worker_facts()
            .into_keys()
            .chain(named)
            .filter(|worker| !is_driver(worker) && !self.workers.has_lifecycle(worker))
            .collect()
    }

    /// Returns the workers whose outputs have what events of Ray before 2.55 lack: where each task began, if no event
    /// locates the output of any task, and the `repr()` of actors, if no event has the process of any actor.
    pub fn workers_to_read(&self) -> BTreeSet<WorkerId> {
        let workers = self.tasks.workers_of_unlocated().chain(self.actors.workers_without_pids());
        workers.filter_map(|worker| WorkerId::try_from_bytes(self.values.resolve_id(worker))).collect()
    }

    /// Returns `true` if the job of this driver has ended.
    pub fn driver_has_ended(&self, driver: &WorkerId) -> bool {
        driver::job_of(driver).is_some_and(|job| self.jobs.has_ended(job))
    }

    /// Returns `true` if a user's job has no end. Ray's internal jobs are not considered.
    pub fn has_unfinished_jobs(&self) -> bool {
        self.jobs.has_unfinished()
    }

    /// Returns `true` if tasks, actors, nodes or jobs have no event at all. The GCS's log then shows if any existed.
    pub fn lacks_a_kind(&self) -> bool {
        self.tasks.is_empty() || self.actors.is_empty() || self.nodes.is_empty() || self.jobs.is_empty()
    }

    /// Applies the state changes that Ray's GCS makes but never exports, fills in from `facts` what events left out,
    /// and freezes the tables.
    pub fn finish(mut self, facts: &Facts) -> Snapshot {
        let mut nodes = std::mem::take(&mut self.nodes).finish(&mut self.values);
        for node in &mut nodes {
            node.is_foreign &= !self.values.contains_id(&node.id.0);
            if node.hostname.is_empty()
                && let Some(host) = facts.processes.nodes.get(&node.id).and_then(|log| log.hostname.as_deref())
            {
                node.hostname = self.values.str(host);
            }
        }
        let clocks = Clocks::new(&self.session_name, facts, &nodes);
        let (mut logged_drivers, logs) = (BTreeMap::new(), &facts.processes.workers);
        for (worker, log) in logs.iter().filter(|(_, log)| log.has_registered()) {
            match driver::job_of(worker) {
                Some(job) => drop(logged_drivers.insert(job, clocks.driver(log))),
                None => self.workers.add_log(&mut self.values, *worker, log, &clocks),
            }
        }
        for (job, polled) in std::mem::take(&mut self.polled_drivers) {
            logged_drivers.entry(job).or_default().join_exact(polled);
        }
        let mut worker_facts = self.worker_facts();
        attempt_nodes::locate(&mut worker_facts, &mut self.values, &facts.processes);
        for (worker, known) in &worker_facts {
            if !is_driver(worker) {
                self.workers.add_facts(&mut self.values, *worker, *known);
            }
        }
        let workers = self.workers.finish();
        let mut driver_jobs = self.jobs.finish_drivers(&self.values);
        clocks.correct_jobs(&mut driver_jobs, &facts.processes.gcs);
        let submission_events = self.jobs.finish_submissions(&mut self.values);
        let mut actors = self.actors.finish();
        clocks.correct_actors(&mut actors, &facts.processes.gcs);
        actor_workers::fill(&mut actors, &mut self.values, &facts.processes);
        let placement_groups = self.placement_groups.finish(&mut self.values);
        let forced_ends = forced_ends::ForcedEnds::new(&mut self.values, &workers, &driver_jobs);
        let reprs = actor_workers::reprs(&actors, &mut self.values, &facts.processes);
        let mut tasks = self.tasks.finish(&mut self.values, &forced_ends, &reprs);
        attempt_nodes::correct(&mut tasks, &self.values, &worker_facts);
        task_logs::restore(&mut tasks, &mut self.values, &facts.processes, &self.session_name);
        let mut completeness = self.completeness;
        if self.as_of == 0 {
            // If every event is too late, the times of the files are wrong.
            completeness.skewed_events = Problems::default();
        }
        for attempt in tasks.iter() {
            completeness.attempts_without_definition += u64::from(lacks_definition(attempt));
            completeness.unfinished_attempts += u64::from(attempt.is_defined() && !attempt.state().is_terminal());
        }
        completeness.unfinished_jobs = driver_jobs.iter().filter(|job| job.finished == 0).count() as u64;
        let (strings, ids, texts) = self.values.freeze();
        let mut snapshot = Snapshot {
            session_name: self.session_name,
            strings,
            ids,
            texts,
            tasks,
            actors,
            nodes,
            workers,
            driver_jobs,
            submission_events,
            placement_groups,
            platform_events: self.platform_events.finish(),
            completeness,
            as_of: if self.as_of == 0 { self.latest } else { self.as_of },
            ..Snapshot::default()
        };
        snapshot.drivers = driver::build(&snapshot, &logged_drivers);
        let from_logs = || snapshot.workers.iter().filter(|worker| !worker.reported);
        let completeness = &mut snapshot.completeness;
        completeness.workers_from_logs = from_logs().count() as u64;
        completeness.workers_without_end = from_logs().filter(|worker| worker.life == Life::Unknown).count() as u64;
        completeness.unread_process_logs = facts.processes.unread_files;
        completeness.stopped = stopped(&snapshot.nodes, facts);
        snapshot
    }
}

/// Returns `true` if the head was told to stop: its GCS or raylet logged it, or an event has its end.
fn stopped(nodes: &[Node], facts: &Facts) -> bool {
    let newest = nodes.iter().filter(|node| node.is_head).max_by_key(|node| node.start);
    let head_stopped =
        newest.is_some_and(|head| !head.alive || facts.processes.nodes.get(&head.id).is_some_and(|log| log.stopped));
    facts.processes.gcs.stopped || head_stopped
}

/// Returns `true` if a definition must have been lost. Attempts known only from profile events need none, nor do later
/// attempts of actor creation tasks, which Ray never defines.
fn lacks_definition(attempt: super::task::Attempt<'_>) -> bool {
    let creation = attempt.task_id().0[..8] == [0xff; 8];
    !attempt.is_defined() && attempt.states().next().is_some() && !(creation && attempt.attempt_number() > 0)
}

#[cfg(test)]
mod tests;
