//! Drafts of workers, from their events or, if these are missing, from logs, attempts and actors.
//!
//! A log never replaces a field from an event. A list of the live dashboard that a collector stored has exact times.

use super::clocks::Clocks;
use super::latest::Latest;
use super::polled::PolledWorker;
use super::worker_facts::WorkerFacts;
use super::{Catalogue, Nanos, Renamed};
use crate::base::id::{JobId, WorkerId};
use crate::event::worker::{WorkerDefinition, WorkerLifecycle};
use crate::logs::processes::WorkerLog;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::text::Text;
use crate::snapshot::worker::{Life, Worker};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
struct Draft {
    node: Latest<Id>,
    worker_type: Latest<Str>,
    pid: Latest<u32>,
    job: Latest<JobId>,
    death: Latest<(Str, Text)>,
    /// `true` if a lifecycle event was seen.
    advanced: bool,
    /// `true` if a log of the process itself is stored.
    logged: bool,
    dead: bool,
    launch_ms: u64,
    launched_ms: u64,
    start_ms: u64,
    end_ms: u64,
    /// The worker in a stored list of the live dashboard.
    polled: Polled,
}

/// The times of a stored list, exactly as the GCS noted them; zero means unknown.
#[derive(Clone, Copy, Debug, Default)]
struct Polled {
    is_listed: bool,
    launch_ms: u64,
    launched_ms: u64,
    start_ms: u64,
    end_ms: u64,
}

impl Polled {
    fn join(&mut self, other: Self) {
        self.is_listed |= other.is_listed;
        self.launch_ms = self.launch_ms.max(other.launch_ms);
        self.launched_ms = self.launched_ms.max(other.launched_ms);
        self.start_ms = self.start_ms.max(other.start_ms);
        self.end_ms = self.end_ms.max(other.end_ms);
    }
}

/// All workers seen.
#[derive(Debug, Default)]
pub(super) struct Workers(BTreeMap<WorkerId, Draft>);

impl Workers {
    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.0.len() * 2 * size_of::<(WorkerId, Draft)>()
    }

    pub(super) fn define(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &WorkerDefinition<'_>,
    ) -> Result<(), &'static str> {
        let id = event.worker_id.ok_or("a worker definition without workerId")?;
        let draft = Draft {
            node: Latest::new(at, values.id(event.node_id)),
            worker_type: Latest::new(at, values.str(event.worker_type)),
            pid: Latest::new(at, u32::try_from(event.pid).unwrap_or(0)),
            ..Draft::default()
        };
        self.join(values, id, draft);
        Ok(())
    }

    pub(super) fn advance(&mut self, values: &mut Catalogue, event: &WorkerLifecycle<'_>) -> Result<(), &'static str> {
        let id = event.worker_id.ok_or("a worker lifecycle without workerId")?;
        for transition in &event.transitions {
            let at = transition.timestamp;
            let dead = transition.state == "DEAD";
            let mut draft = Draft {
                dead,
                advanced: true,
                launch_ms: transition.launch_ms,
                launched_ms: transition.launched_ms,
                start_ms: transition.start_ms,
                end_ms: transition.end_ms,
                ..Draft::default()
            };
            if let Some(job) = event.job_id.filter(|job| !job.is_nil()) {
                draft.job = Latest::new(at, job);
            }
            if dead {
                let detail = values.text(&transition.death.exit_detail);
                draft.death = Latest::new(at, (values.str(transition.death.exit_type), detail));
            }
            self.join(values, id, draft);
        }
        Ok(())
    }

    /// Joins a draft. Times take the greatest value, because a DEAD transition sends zeros for the times of ALIVE.
    fn join(&mut self, values: &Catalogue, id: WorkerId, other: Draft) {
        let draft = self.0.entry(id).or_default();
        draft.node.join(other.node, |a, b| values.compare_id(a, b));
        draft.worker_type.join(other.worker_type, |a, b| values.compare_str(a, b));
        draft.pid.join(other.pid, |a, b| a.cmp(&b));
        draft.job.join(other.job, |a, b| a.cmp(&b));
        draft.death.join(other.death, |a, b| values.compare_str(a.0, b.0).then_with(|| values.compare_text(a.1, b.1)));
        draft.dead |= other.dead;
        draft.advanced |= other.advanced;
        draft.logged |= other.logged;
        draft.launch_ms = draft.launch_ms.max(other.launch_ms);
        draft.launched_ms = draft.launched_ms.max(other.launched_ms);
        draft.start_ms = draft.start_ms.max(other.start_ms);
        draft.end_ms = draft.end_ms.max(other.end_ms);
        draft.polled.join(other.polled);
    }

    pub(super) fn merge(&mut self, values: &Catalogue, other: Self, renamed: &Renamed) {
        for (id, mut draft) in other.0 {
            draft.node = draft.node.map(|node| renamed.id(node));
            draft.worker_type = draft.worker_type.map(|kind| renamed.str(kind));
            draft.death = draft.death.map(|(kind, detail)| (renamed.str(kind), renamed.text(detail)));
            self.join(values, id, draft);
        }
    }

    /// Returns `true` if a lifecycle event of this worker was seen.
    pub(super) fn has_lifecycle(&self, id: &WorkerId) -> bool {
        self.0.get(id).is_some_and(|draft| draft.advanced)
    }

    /// Adds a row of a stored list. Its times count before those of events; other values count where no event has them,
    /// because the list may be older.
    pub(super) fn add_polled(&mut self, values: &mut Catalogue, id: WorkerId, row: &PolledWorker<'_>) {
        let polled = Polled {
            is_listed: true,
            launch_ms: row.launch_ms,
            launched_ms: row.launched_ms,
            start_ms: row.start_ms,
            end_ms: if row.dead { row.end_ms } else { 0 },
        };
        let mut draft = Draft {
            worker_type: Latest::new(0, values.str(&row.worker_type)),
            dead: row.dead,
            polled,
            ..Draft::default()
        };
        if row.node.is_some() {
            draft.node = Latest::new(0, values.id(row.node));
        }
        if row.pid > 0 {
            draft.pid = Latest::new(0, row.pid);
        }
        if row.dead {
            draft.death = Latest::new(0, (values.str(&row.exit_type), values.text(&row.exit_detail)));
        }
        self.join(values, id, draft);
    }

    /// Adds facts from logs, if the worker has no lifecycle event.
    pub(super) fn add_log(&mut self, values: &mut Catalogue, id: WorkerId, log: &WorkerLog, clocks: &Clocks) {
        if self.has_lifecycle(&id) {
            return;
        }
        let ms = |at: i64| u64::try_from(at).unwrap_or(0);
        let at = |local: Option<i64>| local.map_or(0, |local| ms(clocks.utc_ms(log.node, local)));
        let end = clocks.end_of(log);
        let mut draft = Draft {
            logged: log.has_log,
            dead: end.is_some(),
            launch_ms: at(log.launched),
            launched_ms: at(log.constructed),
            start_ms: at(log.registered),
            end_ms: end.map_or(0, |(end_ms, ..)| ms(end_ms)),
            ..Draft::default()
        };
        // Values at time zero lose to any value from an event.
        if let Some(node) = log.node {
            draft.node = Latest::new(0, values.id(Some(node)));
        }
        if log.pid > 0 {
            draft.pid = Latest::new(0, log.pid);
        }
        if let Some(job) = log.job {
            draft.job = Latest::new(0, job);
        }
        if let Some((_, exit_type, detail)) = end {
            draft.death = Latest::new(0, (values.str(exit_type), values.text(detail)));
        }
        draft.worker_type = Latest::new(0, values.str("WORKER"));
        self.join(values, id, draft);
    }

    /// Adds facts from the attempts and actors that ran on a worker, if it has no lifecycle event.
    pub(super) fn add_facts(&mut self, values: &mut Catalogue, id: WorkerId, facts: WorkerFacts) {
        let WorkerFacts { node, pid, job, .. } = facts;
        if self.has_lifecycle(&id) {
            return;
        }
        let mut draft = Draft { worker_type: Latest::new(0, values.str("WORKER")), ..Draft::default() };
        if !node.is_none() {
            draft.node = Latest::new(0, node);
        }
        if pid > 0 {
            draft.pid = Latest::new(0, pid);
        }
        if !job.is_nil() {
            draft.job = Latest::new(0, job);
        }
        self.join(values, id, draft);
    }

    pub(super) fn finish(self) -> Vec<Worker> {
        let rows = self.0.into_iter().map(|(id, draft)| {
            let (exit_type, exit_detail) = draft.death.get();
            let Polled { is_listed, launch_ms, launched_ms, start_ms, end_ms } = draft.polled;
            let exact = |polled: u64, other: u64| if polled > 0 { polled } else { other };
            let life = match (draft.dead, draft.advanced || draft.logged || is_listed) {
                (true, _) => Life::Dead,
                (false, true) => Life::Alive,
                (false, false) => Life::Unknown,
            };
            Worker {
                id,
                node: draft.node.get(),
                worker_type: draft.worker_type.get(),
                pid: draft.pid.get(),
                job: draft.job.get(),
                life,
                reported: draft.advanced || is_listed,
                exit_type,
                exit_detail,
                launch_ms: exact(launch_ms, draft.launch_ms),
                launched_ms: exact(launched_ms, draft.launched_ms),
                start_ms: exact(start_ms, draft.start_ms),
                end_ms: exact(end_ms, draft.end_ms),
            }
        });
        rows.collect()
    }
}
