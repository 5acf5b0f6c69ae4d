//! Merges the parts of a submission from all sources into one row.

use super::partial::PartialJob;
use super::{Driver, JobStatus, JobType, UnifiedJob};
use crate::logs::Facts;

/// Returns the row of a submission. `partials` are in order of precedence.
pub(super) fn merge(
    facts: &Facts,
    id: &str,
    drivers: Vec<Driver>,
    mut partials: Vec<PartialJob>,
    rough_end_ms: Option<i64>,
    waits_for_resources: bool,
) -> UnifiedJob {
    // A final status beats RUNNING, and RUNNING beats PENDING; of two final ones the first source's wins.
    let progress = |status: JobStatus| status.min(JobStatus::Stopped);
    let furthest = partials.iter().filter_map(|t| t.status).map(progress).max();
    let status = partials.iter().filter_map(|t| t.status).find(|status| Some(progress(*status)) == furthest);
    let status = status.unwrap_or(JobStatus::Pending);

    let with_status: Vec<usize> =
        partials.iter().enumerate().filter(|(_, t)| t.status == Some(status)).map(|(at, _)| at).collect();
    let mut outcome = PartialJob::default();
    let mut assumed = true;
    for at in with_status {
        let Some(t) = partials.get_mut(at) else { continue };
        outcome.message = outcome.message.take().or_else(|| t.message.take());
        outcome.error_type = outcome.error_type.take().or_else(|| t.error_type.take());
        outcome.end_ms = outcome.end_ms.or(t.end_ms);
        assumed &= t.assumed;
        outcome.exit_code = outcome.exit_code.or(t.exit_code);
    }

    let mut rest = PartialJob::default();
    for t in partials {
        rest.entrypoint = rest.entrypoint.or(t.entrypoint);
        rest.start_ms = rest.start_ms.or(t.start_ms);
        rest.metadata = rest.metadata.or(t.metadata);
        rest.runtime_env = rest.runtime_env.or(t.runtime_env);
        rest.agent = rest.agent.or(t.agent);
        rest.node = rest.node.or(t.node);
    }
    // Ray sets node and agent only once the supervisor runs.
    let pending = status == JobStatus::Pending;
    let node = rest.node.filter(|_| !pending);
    let address = || node.as_deref().and_then(|node| facts.agents.address_of(node));
    let agent = rest.agent.or_else(|| address().map(|address| format!("http://{address}").into()));
    let runtime_env = rest.runtime_env.unwrap_or_else(|| "{}".into());
    let default = || default_message(status, waits_for_resources, &runtime_env).into();
    let message = outcome.message.or_else(|| (!assumed || !status.is_terminal()).then(default));
    // Ray sets SUCCEEDED only for exit code 0.
    let exit_code = outcome.exit_code.or_else(|| (status == JobStatus::Succeeded && !assumed).then_some(0));
    UnifiedJob {
        job_type: JobType::Submission,
        submission_id: Some(id.into()),
        drivers,
        status,
        entrypoint: rest.entrypoint.unwrap_or_default(),
        message,
        error_type: outcome.error_type,
        start_ms: rest.start_ms,
        end_ms: outcome.end_ms.or(rough_end_ms.filter(|_| status.is_terminal())),
        metadata: rest.metadata.unwrap_or_default(),
        runtime_env,
        driver_agent_http_address: agent.filter(|_| !pending),
        driver_node_id: node,
        driver_exit_code: exit_code,
    }
}

/// Returns Ray's default message of a status (`JobInfo.__post_init__`).
fn default_message(status: JobStatus, waits_for_resources: bool, runtime_env: &str) -> String {
    match status {
        JobStatus::Pending => {
            let mut message = "Job has not started yet.".to_owned();
            if waits_for_resources {
                message +=
                    " It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become available.";
            }
            if !matches!(runtime_env, "" | "{}") {
                message += " It may be waiting for the runtime environment to be set up.";
            }
            message
        }
        JobStatus::Running => "Job is currently running.".to_owned(),
        JobStatus::Stopped => "Job was intentionally stopped.".to_owned(),
        JobStatus::Succeeded => "Job finished successfully.".to_owned(),
        JobStatus::Failed => "Job failed.".to_owned(),
    }
}
