//! Fields of a submission from Ray's log files.

use super::super::JobStatus;
use super::super::partial::PartialJob;
use super::super::some_millis;
use crate::logs::Facts;
use crate::logs::supervisor::Ending;

/// Prefixes of a supervisor's failure message and their error types (`job_manager.py`).
const SUPERVISOR_FAILURES: [(&str, &str); 3] = [
    ("runtime_env setup failed: ", "RUNTIME_ENV_SETUP_FAILURE"),
    ("Job supervisor actor could not be scheduled: ", "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE"),
    ("Job supervisor actor died: ", "JOB_SUPERVISOR_ACTOR_DIED"),
];

/// Reads `event_JOBS.log`.
pub(in super::super) fn job_event(facts: &Facts, id: &str) -> Option<PartialJob> {
    let event = facts.job_events.get(id)?;
    // If the job was deleted and submitted again, an earlier end belongs to the previous submission.
    let ended = event.completed.as_ref().filter(|end| event.started_s.is_none_or(|started| started <= end.at_s));
    let Some(end) = ended else { return Some(PartialJob::status(JobStatus::Pending)) };
    Some(match SUPERVISOR_FAILURES.iter().find(|(prefix, _)| end.error.starts_with(prefix)) {
        Some((_, error_type)) => PartialJob::failure(end.error.clone(), error_type),
        None if end.error.is_empty() => PartialJob { status: JobStatus::parse(&end.status), ..PartialJob::default() },
        None => PartialJob::failure(end.error.clone(), "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE"),
    })
}

/// Reads `supervisor-*.log`, with the driver's last log lines if its exit code was not zero.
pub(in super::super) fn supervisor(facts: &Facts, id: &str) -> Option<PartialJob> {
    let found = facts.supervisors.get(id)?;
    let ending =
        found.ending.as_ref().filter(|(ns, _)| found.submitted_ns.is_none_or(|submitted| submitted <= *ns || *ns == 0));
    let mut partial = match ending.map(|(_, ending)| ending) {
        None => PartialJob::status(JobStatus::Running),
        Some(Ending::Stopped) => PartialJob::status(JobStatus::Stopped),
        Some(Ending::Exited(0)) => PartialJob { exit_code: Some(0), ..PartialJob::status(JobStatus::Succeeded) },
        Some(Ending::Exited(code)) => {
            let message = exit_message(*code, last_lines(facts, id, found.node.as_deref()));
            PartialJob { exit_code: Some(*code), ..PartialJob::failure(message, "JOB_ENTRYPOINT_COMMAND_ERROR") }
        }
        Some(Ending::NotStarted(traceback)) => {
            PartialJob::failure(traceback.clone(), "JOB_ENTRYPOINT_COMMAND_START_ERROR")
        }
    };
    partial.end_ms = ending.and_then(|(ns, _)| some_millis(*ns));
    partial.node.clone_from(&found.node);
    Some(partial)
}

/// Returns Ray's message for a driver that ended with an exit code (`job_supervisor.py`).
fn exit_message(code: i32, last_lines: &str) -> String {
    if last_lines.is_empty() {
        format!("Job entrypoint command failed with exit code {code}. No logs available.")
    } else {
        format!(
            "Job entrypoint command failed with exit code {code}, last available logs (truncated to 20,000 chars):\n\
             {last_lines}"
        )
    }
}

/// Returns the last lines of the driver's log on its node, or on any node if its node has none.
fn last_lines<'a>(facts: &'a Facts, id: &'a str, node: Option<&str>) -> &'a str {
    let on_node = facts.driver_logs.of(id).find(|(known, _)| node == Some(*known));
    on_node.or_else(|| facts.driver_logs.of(id).last()).map_or("", |(_, log)| &log.last_lines)
}

/// Reads `job-driver-*.log` of every node that has one.
pub(in super::super) fn driver_logs<'a>(facts: &'a Facts, id: &'a str) -> impl Iterator<Item = PartialJob> + use<'a> {
    facts.driver_logs.of(id).map(move |(node, log)| match (&log.not_started, &log.entrypoint) {
        (Some(reason), None) => {
            let message = format!("Failed to start supervisor actor {id}: {reason}\n");
            PartialJob::failure(message, "JOB_SUPERVISOR_ACTOR_START_FAILURE")
        }
        (_, Some(entrypoint)) => PartialJob {
            entrypoint: Some(entrypoint.clone()),
            node: Some(node.into()),
            ..PartialJob::status(JobStatus::Running)
        },
        (None, None) => PartialJob::status(JobStatus::Pending),
    })
}

/// Maximum delay, in milliseconds, with which Ray notices that a supervisor did not start in time. Ray polls about once
/// a second.
const MAX_NOTICE_DELAY_MS: i64 = 10_000;

/// Reads `dashboard_agent.log`, the only source of two failures.
pub(in super::super) fn agent(facts: &Facts, id: &str) -> Option<PartialJob> {
    let utc = |local_ms: i64| facts.zone.utc_ms(local_ms);
    if let Some(local_ms) = facts.agents.never_found(id) {
        let message = "Unexpected error occurred: failed to get job supervisor.";
        let failure = PartialJob::failure(message, "JOB_SUPERVISOR_ACTOR_START_FAILURE");
        return Some(PartialJob { end_ms: utc(local_ms), ..failure });
    }
    // The line names no job, so it is matched by the time of the request and the allowed wait.
    let late = |requested: i64| {
        facts.agents.timeouts().find(|timeout| {
            let delay =
                timeout.local_ms.saturating_sub(requested).saturating_sub(timeout.allowed_s.saturating_mul(1_000));
            (0..MAX_NOTICE_DELAY_MS).contains(&delay)
        })
    };
    let started = facts.supervisors.get(id).is_some();
    let timeout = facts.agents.requested_local_ms(id).find_map(late).filter(|_| !started)?;
    let failure = PartialJob::failure(timeout.message.clone(), "JOB_SUPERVISOR_ACTOR_START_TIMEOUT");
    Some(PartialJob { end_ms: utc(timeout.local_ms), ..failure })
}
