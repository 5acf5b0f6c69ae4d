//! Rows of all that Ray told of jobs, nodes and workers.

use super::{ROWS, Row};
use crate::http::pages::why::known::Ray;
use ray_history_core::snapshot::submission::JobType;
use ray_history_obituary::time::Time;

/// Jobs, and ends of workers, that are rows.
const MOST: usize = 100;

/// Returns the rows.
pub(super) fn rows(ray: &Ray) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |at: Option<Time>, object: &str, what: String| {
        if let Some(at) = at.filter(|at| at.0 > 0) {
            rows.push(Row { at, object: object.to_owned(), what, quoted: String::new(), from: "Ray" });
        }
    };
    let millis = |at: Option<i64>| at.and_then(|at| at.checked_mul(1_000_000)).map(Time);
    let snapshot = &ray.session.snapshot;
    for job in snapshot.jobs.iter().filter(|job| job.job_type == JobType::Submission).take(MOST) {
        let id = format!("job {}", job.submission_id.as_deref().unwrap_or_default());
        add(millis(job.start_ms), &id, "submitted".to_owned());
        add(millis(job.end_ms), &id, format!("ended: {}", job.status.name()));
    }
    for node in snapshot.nodes.iter().filter(|node| !node.is_foreign).take(ROWS) {
        let host = snapshot.str(node.hostname);
        let name = if host.is_empty() { snapshot.str(node.ip) } else { host };
        let role = if node.is_head { "the head" } else { "a node" };
        add(Some(Time(node.start)), name, format!("joined Ray as {role}"));
        let (reason, message) = (snapshot.str(node.death_reason), snapshot.text(node.death_message));
        add(Some(Time(node.end)), name, format!("no node of Ray any more: {reason} {message}"));
    }
    for exit in ray.facts.worker_exits.iter().take(MOST) {
        add(exit.at, &exit.pod, format!("a worker process ended unexpectedly: {}", exit.exit_type));
    }
    if let Some(first) = ray.facts.worker_exits.get(MOST) {
        let more = ray.facts.worker_exits.len() - MOST;
        add(first.at, "Ray", format!("{more} more worker processes ended unexpectedly"));
    }
    rows
}
