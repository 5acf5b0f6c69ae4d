//! Makes one row of what all sources tell, best source first.

use super::told::Told;
use super::{Driver, JobStatus, JobType, UnifiedJob};
use crate::logs::Facts;

pub(super) fn merge(
    facts: &Facts,
    id: &str,
    drivers: Vec<Driver>,
    mut told: Vec<Told>,
    rough_end_ms: Option<i64>,
    waits_for_resources: bool,
) -> UnifiedJob {
    // The best source of the furthest status: final beats RUNNING beats PENDING, and of two final ones the first.
    let progress = |status: JobStatus| status.min(JobStatus::Stopped);
    let furthest = told.iter().filter_map(|t| t.status).map(progress).max();
    let status = told.iter().filter_map(|t| t.status).find(|status| Some(progress(*status)) == furthest);
    let status = status.unwrap_or(JobStatus::Pending);

    let about: Vec<usize> =
        told.iter().enumerate().filter(|(_, t)| t.status == Some(status)).map(|(at, _)| at).collect();
    let mut outcome = Told::default();
    let mut assumed = true;
    for at in about {
        let Some(t) = told.get_mut(at) else { continue };
        outcome.message = outcome.message.take().or_else(|| t.message.take());
        outcome.error_type = outcome.error_type.take().or_else(|| t.error_type.take());
        outcome.end_ms = outcome.end_ms.or(t.end_ms);
        assumed &= t.assumed;
        outcome.exit_code = outcome.exit_code.or(t.exit_code);
    }

    let mut rest = Told::default();
    for t in told {
        rest.entrypoint = rest.entrypoint.or(t.entrypoint);
        rest.start_ms = rest.start_ms.or(t.start_ms);
        rest.metadata = rest.metadata.or(t.metadata);
        rest.runtime_env = rest.runtime_env.or(t.runtime_env);
        rest.agent = rest.agent.or(t.agent);
        rest.node = rest.node.or(t.node);
    }
    // Ray sets both when the supervisor runs.
    let pending = status == JobStatus::Pending;
    let node = rest.node.filter(|_| !pending);
    let address = || node.as_deref().and_then(|node| facts.agents.address_of(node));
    let agent = rest.agent.or_else(|| address().map(|address| format!("http://{address}").into()));
    let runtime_env = rest.runtime_env.unwrap_or_else(|| "{}".into());
    let default = || default_message(status, waits_for_resources, &runtime_env).into();
    let message = outcome.message.or_else(|| (!assumed || !status.is_terminal()).then(default));
    // Ray calls a submission SUCCEEDED for this reason alone.
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

/// Ray's words where nobody gave better ones (`JobInfo.__post_init__`).
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
