//! Ends of attempts whose worker died or whose job ended. Ray's GCS applies them and never exports them.
//!
//! The rules are Ray's `GcsTaskManager` (since 2.58 also `task_event_storage.py`): an attempt that has reached neither
//! FINISHED nor FAILED fails with `WORKER_DIED` at the death of its worker, else at the end of its job.

use super::Catalogue;
use super::Nanos;
use crate::base::id::JobId;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::job::DriverJob;
use crate::snapshot::text::{Text, TextReader};
use crate::snapshot::worker::{Life, Worker, exit_type_number};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// End that the GCS gives an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ForcedEnd {
    /// Time of the failure.
    pub(super) at: Nanos,
    /// `WORKER_DIED`.
    pub(super) error_type: Str,
    /// Ray's message.
    pub(super) error_message: Text,
}

/// Forced ends by worker and by job.
#[derive(Debug, Default)]
pub(super) struct ForcedEnds {
    by_worker: HashMap<Id, ForcedEnd, RandomState>,
    by_job: HashMap<JobId, ForcedEnd, RandomState>,
}

impl ForcedEnds {
    pub(super) fn new(values: &mut Catalogue, workers: &[Worker], jobs: &[DriverJob]) -> Self {
        let error_type = values.str("WORKER_DIED");
        let mut forced_ends = Self::default();
        let mut reader = TextReader::default();
        for worker in workers.iter().filter(|worker| worker.life == Life::Dead && worker.end_ms > 0) {
            let exit_type = exit_type_number(values.resolve(worker.exit_type));
            let detail = values.resolve_text(&mut reader, worker.exit_detail);
            let message = format!(
                "Worker running the task ({}) died with exit_type: {exit_type} with error_message: {detail}",
                worker.id
            );
            let at = i64::try_from(worker.end_ms).unwrap_or(0).saturating_mul(1_000_000);
            let end = ForcedEnd { at, error_type, error_message: values.text(&message) };
            let id = values.id(Some(worker.id));
            forced_ends.by_worker.insert(id, end);
        }
        for job in jobs.iter().filter(|job| job.finished > 0) {
            let message =
                format!("Job finishes ({}) as driver exits. Marking all non-terminal tasks as failed.", job.id);
            // The GCS keeps a job's end in milliseconds.
            let at = job.finished.div_euclid(1_000_000).saturating_mul(1_000_000);
            forced_ends.by_job.insert(job.id, ForcedEnd { at, error_type, error_message: values.text(&message) });
        }
        forced_ends
    }

    /// Returns the forced end of an attempt that has not ended by itself.
    pub(super) fn end_of(&self, worker: Id, job: JobId) -> Option<ForcedEnd> {
        self.by_worker.get(&worker).or_else(|| self.by_job.get(&job)).copied()
    }
}
