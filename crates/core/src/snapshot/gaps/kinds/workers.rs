//! Gaps of worker events, which Ray exports since 2.58.

use super::Checks;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::version::RayVersion;
use crate::snapshot::worker::Worker;

impl Checks<'_> {
    pub(super) fn workers(&self) -> Option<Gap> {
        use EventKind::{WorkerDefinition, WorkerLifecycle};
        const WORKERS: [EventKind; 2] = [WorkerDefinition, WorkerLifecycle];
        let known = &self.snapshot.completeness;
        let (missing, of) = (known.workers_from_logs, self.snapshot.workers.len() as u64);
        // A stored list of workers has what definitions say.
        let is_undefined = |worker: &&Worker| self.snapshot.str(worker.worker_type).is_empty();
        let undefined = self.snapshot.workers.iter().filter(is_undefined).count() as u64;
        if missing == 0 && undefined > 0 && self.none_of(&[WorkerDefinition]) {
            let message = format!(
                "Definitions of workers were not exported: nodes, processes and types of {} are unknown",
                count(undefined, "worker")
            );
            let gap = self.unexported(Code::WorkerEvents, Weight::Kind, &WORKERS, message);
            return Some(gap.missing(undefined).of(of));
        }
        if missing == 0 {
            return None;
        }
        let from = format!("{missing} of {} are known from logs and tasks", count(of, "worker"));
        let open = match known.workers_without_end {
            0 => String::new(),
            open => format!("; it is unknown if {open} of them ended"),
        };
        let gap = if !self.none_of(&[WorkerLifecycle]) {
            Gap::new(Code::WorkerEvents, Weight::Part, format!("Events of some workers are missing: {from}{open}"))
        } else if let Some(version) = self.version.filter(|version| *version < RayVersion::WORKER_EVENTS) {
            let message = format!("Ray {version} cannot export workers and their exits: {from}{open}");
            let mut gap = Gap::new(Code::WorkerEvents, Weight::Part, message).advice(
                "Ray exports them from version 2.58 on, if WORKER_DEFINITION_EVENT and WORKER_LIFECYCLE_EVENT are on \
                     its list.",
            );
            gap.event_types = WORKERS.map(EventKind::name).to_vec();
            gap
        } else {
            self.unexported(
                Code::WorkerEvents,
                Weight::Part,
                &WORKERS,
                format!("Worker exits were not exported: {from}{open}"),
            )
        };
        Some(gap.missing(missing).of(of))
    }
}
