//! Lookup tables by submission id. They are built once, because sessions may have thousands of submissions and actors.

use super::endpoint::Polled;
use crate::snapshot::Snapshot;
use crate::snapshot::actor::Actor;
use crate::snapshot::job::{DriverJob, SubmissionEvents};
use std::collections::HashMap;

/// `JOB_ID_METADATA_KEY` of Ray's `common.py`.
pub(super) const SUBMISSION_KEY: &str = "job_submission_id";

/// Sources of a session by submission id.
pub(super) struct Index<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) polled: &'a [Polled],
    supervisors: HashMap<&'a str, &'a Actor>,
    drivers: HashMap<&'a str, Vec<&'a DriverJob>>,
    events: HashMap<&'a str, &'a SubmissionEvents>,
    rows: HashMap<&'a str, &'a Polled>,
}

impl<'a> Index<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, polled: &'a [Polled]) -> Self {
        let mut drivers: HashMap<&str, Vec<&DriverJob>> = HashMap::new();
        for job in &snapshot.driver_jobs {
            if let Some(id) = submission_of(snapshot, job) {
                drivers.entry(id).or_default().push(job);
            }
        }
        let supervisors =
            snapshot.actors.iter().filter_map(|actor| Some((supervised_submission(snapshot, actor)?, actor)));
        // If a submission was deleted and submitted again, the supervisor seen last wins.
        let mut supervisors: Vec<_> = supervisors.collect();
        supervisors.sort_by_key(|(_, actor)| (actor.first_seen, actor.id));
        Self {
            snapshot,
            polled,
            supervisors: supervisors.into_iter().collect(),
            drivers,
            events: snapshot.submission_events.iter().map(|event| (snapshot.str(event.submission_id), event)).collect(),
            rows: polled.iter().filter_map(|row| Some((row.submission_id.as_deref()?, row))).collect(),
        }
    }

    /// Returns the actor that supervises a submission.
    pub(super) fn supervisor(&self, id: &str) -> Option<&'a Actor> {
        self.supervisors.get(id).copied()
    }

    /// Returns the driver jobs of a submission by job id.
    pub(super) fn drivers(&self, id: &str) -> &[&'a DriverJob] {
        self.drivers.get(id).map_or(&[], Vec::as_slice)
    }

    /// Returns the row built from `SUBMISSION_JOB_*` events.
    pub(super) fn events(&self, id: &str) -> Option<&'a SubmissionEvents> {
        self.events.get(id).copied()
    }

    /// Returns the row of the stored answer.
    pub(super) fn row(&self, id: &str) -> Option<&'a Polled> {
        self.rows.get(id).copied()
    }

    /// Returns the sorted ids of all submissions that any source proves. A request in an agent's log is no proof: it
    /// may have been refused.
    pub(super) fn ids(&self) -> Vec<&'a str> {
        let facts = &self.snapshot.facts;
        let mut ids: Vec<&str> = Vec::new();
        ids.extend(facts.exports.rows(crate::logs::export::Export::SubmissionJob).map(|(id, _)| id));
        ids.extend(facts.job_events.iter().map(|(id, _)| id));
        ids.extend(facts.supervisors.iter().map(|(id, _)| id));
        ids.extend(facts.driver_logs.submissions());
        ids.extend(self.supervisors.keys().chain(self.drivers.keys()));
        ids.extend(self.events.keys().chain(self.rows.keys()));
        ids.retain(|id| !id.is_empty());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Returns the submission that a driver belongs to.
pub(super) fn submission_of<'a>(snapshot: &'a Snapshot, job: &DriverJob) -> Option<&'a str> {
    let value = job.metadata.iter().find(|(key, _)| snapshot.str(*key) == SUBMISSION_KEY).map(|(_, value)| *value)?;
    Some(snapshot.str(value)).filter(|id| !id.is_empty())
}

/// Returns the submission that an actor supervises.
fn supervised_submission<'a>(snapshot: &'a Snapshot, actor: &Actor) -> Option<&'a str> {
    snapshot.str(actor.name).strip_prefix("_ray_internal_job_actor_")
}
