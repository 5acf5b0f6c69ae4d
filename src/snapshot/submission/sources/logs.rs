//! What Ray's log files tell about a submission.

use super::super::JobStatus;
use super::super::some_millis;
use super::super::told::Told;
use crate::logs::Facts;
use crate::logs::supervisor::Ending;

/// Error types by the words a supervisor's failure begins with (`job_manager.py`).
const SUPERVISOR_FAILURES: [(&str, &str); 3] = [
    ("runtime_env setup failed: ", "RUNTIME_ENV_SETUP_FAILURE"),
    ("Job supervisor actor could not be scheduled: ", "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE"),
    ("Job supervisor actor died: ", "JOB_SUPERVISOR_ACTOR_DIED"),
];

/// `event_JOBS.log`.
pub(in super::super) fn job_event(facts: &Facts, id: &str) -> Option<Told> {
    let event = facts.job_events.get(id)?;
    // Deleted and submitted again: the end is that of the life before.
    let ended = event.completed.as_ref().filter(|end| event.started_s.is_none_or(|started| started <= end.at_s));
    let Some(end) = ended else { return Some(Told::status(JobStatus::Pending)) };
    Some(match SUPERVISOR_FAILURES.iter().find(|(words, _)| end.error.starts_with(words)) {
        Some((_, error_type)) => Told::failure(end.error.clone(), error_type),
        None if end.error.is_empty() => Told { status: JobStatus::parse(&end.status), ..Told::default() },
        None => Told::failure(end.error.clone(), "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE"),
    })
}

/// `supervisor-*.log`, with the driver's last lines where its code was not zero.
pub(in super::super) fn supervisor(facts: &Facts, id: &str) -> Option<Told> {
    let found = facts.supervisors.get(id)?;
    let ending =
        found.ending.as_ref().filter(|(ns, _)| found.submitted_ns.is_none_or(|submitted| submitted <= *ns || *ns == 0));
    let mut told = match ending.map(|(_, ending)| ending) {
        None => Told::status(JobStatus::Running),
        Some(Ending::Stopped) => Told::status(JobStatus::Stopped),
        Some(Ending::Exited(0)) => Told { exit_code: Some(0), ..Told::status(JobStatus::Succeeded) },
        Some(Ending::Exited(code)) => {
            let message = exit_message(*code, last_lines(facts, id, found.node.as_deref()));
            Told { exit_code: Some(*code), ..Told::failure(message, "JOB_ENTRYPOINT_COMMAND_ERROR") }
        }
        Some(Ending::NotStarted(traceback)) => Told::failure(traceback.clone(), "JOB_ENTRYPOINT_COMMAND_START_ERROR"),
    };
    told.end_ms = ending.and_then(|(ns, _)| some_millis(*ns));
    told.node.clone_from(&found.node);
    Some(told)
}

/// Ray's message of a driver that ended with a code (`job_supervisor.py`).
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

/// The last lines of the driver's log on its node, or on any node where that is unknown.
fn last_lines<'a>(facts: &'a Facts, id: &'a str, node: Option<&str>) -> &'a str {
    let on_node = facts.driver_logs.of(id).find(|(known, _)| node == Some(*known));
    on_node.or_else(|| facts.driver_logs.of(id).last()).map_or("", |(_, log)| &log.last_lines)
}

/// `job-driver-*.log`, of every node that has one.
pub(in super::super) fn driver_logs<'a>(facts: &'a Facts, id: &'a str) -> impl Iterator<Item = Told> + use<'a> {
    facts.driver_logs.of(id).map(move |(node, log)| match (&log.not_started, &log.entrypoint) {
        (Some(reason), None) => {
            let message = format!("Failed to start supervisor actor {id}: {reason}\n");
            Told::failure(message, "JOB_SUPERVISOR_ACTOR_START_FAILURE")
        }
        (_, Some(entrypoint)) => {
            Told { entrypoint: Some(entrypoint.clone()), node: Some(node.into()), ..Told::status(JobStatus::Running) }
        }
        (None, None) => Told::status(JobStatus::Pending),
    })
}

/// How much later than allowed Ray may notice that a supervisor did not start: its loop sleeps a second, and asks.
const NOTICED_WITHIN_MS: i64 = 10_000;

/// `dashboard_agent.log`: the two failures that are told nowhere else.
pub(in super::super) fn agent(facts: &Facts, id: &str) -> Option<Told> {
    let utc = |local_ms: i64| facts.zone.utc_ms(local_ms);
    if let Some(local_ms) = facts.agents.never_found(id) {
        let message = "Unexpected error occurred: failed to get job supervisor.";
        let told = Told::failure(message, "JOB_SUPERVISOR_ACTOR_START_FAILURE");
        return Some(Told { end_ms: utc(local_ms), ..told });
    }
    // The line names no job: it is the one that was asked for so long before.
    let late = |requested: i64| {
        facts.agents.timeouts().find(|timeout| {
            let waited =
                timeout.local_ms.saturating_sub(requested).saturating_sub(timeout.allowed_s.saturating_mul(1_000));
            (0..NOTICED_WITHIN_MS).contains(&waited)
        })
    };
    let started = facts.supervisors.get(id).is_some();
    let timeout = facts.agents.requested_local_ms(id).find_map(late).filter(|_| !started)?;
    let told = Told::failure(timeout.message.clone(), "JOB_SUPERVISOR_ACTOR_START_TIMEOUT");
    Some(Told { end_ms: utc(timeout.local_ms), ..told })
}
