//! `/api/jobs/{id}/logs`: the complete output of a submission's driver in a JSON string; `…/logs/tail`: as text.
//!
//! This module locates the file and encodes its bytes as JSON, but does not read it. The file may be gigabytes long,
//! so it is encoded in pieces: `Encoder::new`, `push` for every piece of the file, `finish`.
//! Source: `get_job_logs` of `dashboard/modules/job/job_head.py`; Python reads the file as text, so that `\r\n` and
//! `\r` become `\n`. Bytes that are not UTF-8, at which Ray answers 500, become U+FFFD.

mod decoder;
mod encoder;

use crate::{RayError, jobs};
pub use decoder::Decoder;
pub use encoder::Encoder;
use ray_history_core::logs::job_driver;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::JobType;

/// The location of a submission's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLog {
    /// Path relative to a node's `logs` folder.
    pub path: String,
    /// Nodes to search, in hex, best first. If none has the file, the log is empty, as in Ray.
    pub nodes: Vec<String>,
}

/// Returns the log of a job or submission id; only submissions have one.
pub fn of(snapshot: &Snapshot, id: &str) -> Result<JobLog, RayError> {
    let (job, _) = jobs::find(snapshot, id)?;
    let Some(submission) = job.submission_id.as_deref().filter(|_| job.job_type == JobType::Submission) else {
        return Err(RayError::BadQuery("Can only get logs of submission type jobs".to_owned()));
    };
    let mut nodes: Vec<String> = Vec::new();
    let recorded = job.driver_node_id.as_deref().into_iter();
    for node in recorded.chain(snapshot.facts.driver_logs.of(submission).map(|(node, _)| node)) {
        if !nodes.iter().any(|known| known == node) {
            nodes.push(node.to_owned());
        }
    }
    let path = job_driver::path_of(submission).ok_or_else(|| RayError::NotFound(format!("Job {id} has no log")))?;
    Ok(JobLog { path, nodes })
}

#[cfg(test)]
mod tests;
