//! Jobs that failed.

use super::FailureKind;
use super::deaths::Deaths;
use super::draft::{Drafts, Key, Message, One};
use super::fingerprint;
use crate::base::id::NodeId;
use crate::snapshot::run_facts::last_words;
use crate::snapshot::submission::{JobStatus, JobType};

/// Counts the jobs that failed. Of a driver without a submission Ray does not record how it ended.
pub(super) fn add(drafts: &mut Drafts<'_>, deaths: &Deaths) {
    let snapshot = drafts.snapshot;
    for job in snapshot.jobs.iter().filter(|job| job.status == JobStatus::Failed) {
        let message = job.message.as_deref().unwrap_or_default();
        // The program's own last line, as lists show it.
        let detail = drafts.detail(fingerprint::last_line(&last_words(message).unwrap_or_default()));
        let at = job.end_ms.filter(|end| *end > 0).and_then(|end| end.checked_mul(1_000_000));
        let node = job.driver_node_id.as_deref().and_then(NodeId::from_hex);
        let node = node.and_then(|id| snapshot.nodes.iter().find(|node| node.id == id));
        let node = node.map_or(&[][..], |node| &node.id.0);
        let driver = job.driver();
        let key = Key {
            kind: if job.job_type == JobType::Submission { FailureKind::Submission } else { FailureKind::Job },
            job: driver.map(|driver| driver.id).unwrap_or_default(),
            function: "",
            error_type: job.error_type.as_deref().unwrap_or_default(),
            detail,
        };
        let id = match (&job.submission_id, driver) {
            (Some(id), _) => Err(&**id),
            (None, Some(driver)) => Ok(&driver.id.0[..]),
            (None, None) => Err(""),
        };
        let cause = deaths.node(at, node);
        let (worker, message) = (&[][..], Message::Plain(message));
        drafts.add(key, One { at, id, attempt: None, recovered: false, node, worker, message, cause });
    }
}
