//! Submitters that failed, whose logs are asked for, and the logs until a document has them.

use super::{Record, Records};
use crate::document::SubmitterLog;
use crate::facts::{Kind, Pod, Role};
use crate::time::Time;

/// Logs that wait for their documents; no further ones are asked for.
const WAITING: usize = 32;

/// A submitter that failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FailedSubmitter {
    /// The uid of the `RayJob`.
    pub job: String,
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The end of the container.
    pub at: Time,
}

impl Records {
    /// Returns the wanted ones of the newest submitters of each `RayJob` that failed and are there still, and whose logs are
    /// not known.
    pub fn failed_submitters(&self, wants: impl Fn(&FailedSubmitter) -> bool) -> Vec<FailedSubmitter> {
        let room = WAITING.saturating_sub(self.submitter_logs.len());
        let jobs = self.objects.values().filter(|record| record.id.kind == Kind::RayJob);
        let failed = jobs.filter_map(|record| failed(record).filter(|failed| record.logged < Some(failed.at)));
        failed.filter(|failed| wants(failed)).take(room).collect()
    }

    /// Takes the log of a submitter, which is news.
    pub fn submitter_told(&mut self, job: &str, log: SubmitterLog) {
        let Some(record) = self.objects.get_mut(job) else { return };
        record.logged = record.logged.max(Some(log.at));
        self.submitter_logs.insert(job.to_owned(), log);
    }

    /// Notes the log that a document has.
    pub(super) fn log_written(&mut self, uid: &str, stored: Option<&SubmitterLog>) {
        let Some(stored) = stored else { return };
        if let Some(record) = self.objects.get_mut(uid) {
            record.logged = record.logged.max(Some(stored.at));
        }
        if self.submitter_logs.get(uid).is_some_and(|log| log <= stored) {
            self.submitter_logs.remove(uid);
        }
    }
}

/// Returns the submitter of a job that failed last.
fn failed(job: &Record) -> Option<FailedSubmitter> {
    let is_there = |pod: &&Pod| pod.role == Role::Submitter && pod.phase == "Failed" && pod.gone_at.is_none();
    let failed = job.facts.pods.iter().filter(is_there).filter_map(|pod| {
        let container = pod.main()?;
        let ended = container.ended.iter().filter(|ended| ended.exit != Some(0) && !ended.deleting);
        let at = ended.map(|ended| ended.at).max()?;
        Some(FailedSubmitter {
            job: job.id.uid.clone(),
            namespace: job.id.namespace.clone(),
            pod: pod.name.clone(),
            container: container.name.clone(),
            at,
        })
    });
    failed.max_by_key(|failed| failed.at)
}
