use super::*;
use crate::logs::Facts;
use crate::snapshot::build::Builder;

const HEAD: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";
const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";
/// 2026-11-22T23:12:00Z in milliseconds.
const MINUTE: i64 = 1_795_389_120_000;

/// Events of the head, of a submission's driver `03000000` and supervisor, and of a driver without a submission,
/// `04000000`.
fn events() -> Vec<String> {
    let envelope = |kind: &str, rest: &str| {
        format!(
            r#"{{"eventId":"x","eventType":"{kind}","timestamp":"2026-11-22T23:12:44Z","sessionName":"{SESSION}",{rest}}}"#
        )
    };
    let node = "ARgKj4lzMSFvOMtSMHQ/NgW3rh72s3DIrxagUg==";
    let created = r#"{"state":"CREATED","timestamp":"2026-11-22T23:12:44.977Z"}"#;
    let finished = r#"{"state":"FINISHED","timestamp":"2026-11-22T23:12:45.505Z"}"#;
    vec![
        envelope(
            "NODE_DEFINITION_EVENT",
            &format!(r#""nodeDefinitionEvent":{{"nodeId":"{node}","nodeIpAddress":"127.0.0.1"}}"#),
        ),
        envelope(
            "DRIVER_JOB_DEFINITION_EVENT",
            &format!(
                r#""driverJobDefinitionEvent":{{"jobId":"AwAAAA==","driverPid":"10996","driverNodeId":"{node}","entrypoint":"python -c \"x\"","config":{{"serializedRuntimeEnv":"{{\"env_vars\": {{\"A\": \"driver\"}}}}","metadata":{{"job_submission_id":"a","job_name":"a","team":"x"}}}}}}"#
            ),
        ),
        envelope(
            "DRIVER_JOB_LIFECYCLE_EVENT",
            &format!(r#""driverJobLifecycleEvent":{{"jobId":"AwAAAA==","stateTransitions":[{created},{finished}]}}"#),
        ),
        envelope(
            "DRIVER_JOB_DEFINITION_EVENT",
            &format!(
                r#""driverJobDefinitionEvent":{{"jobId":"BAAAAA==","driverPid":"7","driverNodeId":"{node}","entrypoint":"python own.py","config":{{"serializedRuntimeEnv":"{{}}","metadata":{{"k":"v"}}}}}}"#
            ),
        ),
        envelope(
            "DRIVER_JOB_LIFECYCLE_EVENT",
            &format!(r#""driverJobLifecycleEvent":{{"jobId":"BAAAAA==","stateTransitions":[{created}]}}"#),
        ),
        envelope(
            "ACTOR_DEFINITION_EVENT",
            r#""actorDefinitionEvent":{"actorId":"THhcqzhIBQ74jKXQAQAAAA==","jobId":"AQAAAA==","name":"_ray_internal_job_actor_a","className":"JobSupervisor","serializedRuntimeEnv":"{\"env_vars\": {\"A\": \"b\", \"RAY_worker_niceness\": \"0\"}}","requiredResources":{"CPU":1.0}}"#,
        ),
    ]
}

/// Path and text; a path that begins with `/` is the URL of a stored answer.
type File = (&'static str, String);

fn jobs(events: &[String], files: &[File]) -> Vec<UnifiedJob> {
    let mut builder = Builder::new(SESSION);
    for (n, event) in events.iter().enumerate() {
        builder.fold_record("events", n as u64, event.as_bytes());
    }
    let mut snapshot = builder.finish(&Facts::default());
    assert_eq!(snapshot.completeness.damaged_records.count, 0, "{:?}", snapshot.completeness);
    for (path, text) in files {
        match path.strip_prefix('/') {
            Some(url) => drop(snapshot.endpoints.insert(url.to_owned(), text.clone().into())),
            None => snapshot.facts.read(HEAD, path, text.as_bytes()),
        }
    }
    snapshot.derive();
    snapshot.jobs
}

/// Returns the only submission of these files.
fn job(events: &[String], files: &[File]) -> UnifiedJob {
    let mut jobs = jobs(events, files);
    jobs.retain(|job| job.job_type == JobType::Submission);
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// Returns a line of the agent at `second` of 23:12 UTC, in a local time two hours ahead.
fn agent(second: u32, message: &str) -> String {
    format!("2026-11-23 01:12:{second:02},779\tINFO job_manager.py:533 -- {message}\n")
}

fn requested(second: u32) -> (&'static str, String) {
    let address = agent(0, "Dashboard agent http address: 127.0.0.1:52365");
    ("dashboard_agent.log", address + &agent(second, "Starting job with submission_id: a"))
}

fn job_events(lines: &[(i64, &str)]) -> (&'static str, String) {
    let line = |(second, message): &(i64, &str)| {
        format!(
            "{{\"message\": \"{message}\", \"timestamp\": \"{}\", \"custom_fields\": {{\"submission_id\": \"a\"}}}}\n",
            MINUTE / 1_000 + second
        )
    };
    ("events/event_JOBS.log", lines.iter().map(line).collect())
}

/// Returns a line of the supervisor at `second` of 23:12 UTC.
fn supervisor(second: i64, message: &str) -> String {
    let ns = (MINUTE + second * 1_000 + 159) * 1_000_000;
    format!(
        "2026-11-23 01:12:{second:02},158\tINFO job_supervisor.py:437 -- {message} job_id=01000000 worker_id=59 node_id={HEAD} actor_id=4c timestamp_ns={ns}\n"
    )
}

fn driver_log() -> (&'static str, String) {
    (
        "job-driver-a.log",
        agent(43, "Runtime env is setting up.") + "Running entrypoint for job a: python -c 'x'\nboom\n",
    )
}

const STARTED: (i64, &str) = (43, "Started a ray job a.");

#[test]
fn merges_failed_submission_from_events_and_logs() {
    let log = supervisor(44, "Submitting job with RAY_ADDRESS = 127.0.0.1:6379")
        + &supervisor(46, "Job a entrypoint command exited with code 5");
    let files = [
        requested(43),
        job_events(&[STARTED, (46, "Completed a ray job a with a status FAILED.")]),
        ("jobs/supervisor-a.log", log),
        driver_log(),
    ];
    let expected = UnifiedJob {
        job_type: JobType::Submission,
        submission_id: Some("a".into()),
        drivers: vec![Driver {
            id: JobId::from_hex("03000000").unwrap(),
            node_ip_address: "127.0.0.1".into(),
            pid: "10996".into(),
        }],
        status: JobStatus::Failed,
        entrypoint: "python -c 'x'".into(),
        message: Some(
            format!(
                "Job entrypoint command failed with exit code 5, last available logs (truncated to 20,000 chars):\n{}",
                driver_log().1
            )
            .into(),
        ),
        error_type: Some("JOB_ENTRYPOINT_COMMAND_ERROR".into()),
        start_ms: Some(MINUTE + 43_779),
        end_ms: Some(MINUTE + 46_159),
        metadata: vec![("team".into(), "x".into())],
        runtime_env: r#"{"env_vars":{"A":"b"}}"#.into(),
        driver_agent_http_address: Some("http://127.0.0.1:52365".into()),
        driver_node_id: Some(HEAD.into()),
        driver_exit_code: Some(5),
    };
    assert_eq!(job(&events(), &files), expected);
}

#[test]
fn reads_end_from_each_single_source() {
    use JobStatus::{Failed, Running, Stopped, Succeeded};
    let error = |text: &'static str| job_events(&[STARTED, (46, text)]);
    let agent_log = |second, text: &str| ("dashboard_agent.log", requested(43).1 + &agent(second, text));
    let timeout = "Job supervisor actor failed to start within 10.0 seconds. This timeout can be configured.";
    let cases: Vec<(File, JobStatus, Option<&str>, &str)> = vec![
        (
            ("jobs/supervisor-a.log", supervisor(44, "Submitting job with RAY_ADDRESS = x")),
            Running,
            None,
            "Job is currently running.",
        ),
        (
            ("jobs/supervisor-a.log", supervisor(44, "Job a has been terminated gracefully with SIGTERM.")),
            Stopped,
            None,
            "Job was intentionally stopped.",
        ),
        (error("Completed a ray job a with a status SUCCEEDED."), Succeeded, None, "Job finished successfully."),
        (
            error("Completed a ray job a with a status FAILED. Job supervisor actor died: x. y"),
            Failed,
            Some("JOB_SUPERVISOR_ACTOR_DIED"),
            "Job supervisor actor died: x. y",
        ),
        (
            error("Completed a ray job a with a status FAILED. runtime_env setup failed: pip"),
            Failed,
            Some("RUNTIME_ENV_SETUP_FAILURE"),
            "runtime_env setup failed: pip",
        ),
        (
            error("Completed a ray job a with a status FAILED. Unexpected error occurred: x"),
            Failed,
            Some("JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE"),
            "Unexpected error occurred: x",
        ),
        (
            agent_log(50, "Failed to get job supervisor for job a."),
            Failed,
            Some("JOB_SUPERVISOR_ACTOR_START_FAILURE"),
            "Unexpected error occurred: failed to get job supervisor.",
        ),
        (agent_log(54, timeout), Failed, Some("JOB_SUPERVISOR_ACTOR_START_TIMEOUT"), timeout),
        (
            (
                "job-driver-a.log",
                agent(44, "Failed to start supervisor actor for job a: 'no'. Full traceback:\nValueError: no\n"),
            ),
            Failed,
            Some("JOB_SUPERVISOR_ACTOR_START_FAILURE"),
            "Failed to start supervisor actor a: 'no'. Full traceback:\nValueError: no\n",
        ),
    ];
    for (file, status, error_type, message) in cases {
        // Only events of the supervisor: a driver would prove that it started.
        let found = job(&events()[5..], &[file]);
        assert_eq!(
            (found.status, found.error_type.as_deref(), found.message.as_deref()),
            (status, error_type, Some(message))
        );
        assert_eq!(found.driver_exit_code, (status == Succeeded).then_some(0), "{message}");
    }
}

#[test]
fn pending_message_lists_possible_reasons() {
    let found = job(&events()[5..], &[job_events(&[STARTED])]);
    assert_eq!(found.status, JobStatus::Pending);
    let message = "Job has not started yet. It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become \
                   available. It may be waiting for the runtime environment to be set up.";
    assert_eq!(found.message.as_deref(), Some(message));
    assert_eq!((found.driver_node_id, found.driver_agent_http_address, found.end_ms), (None, None, None));
    assert_eq!(found.start_ms, Some(MINUTE + 43_000));
}

#[test]
fn later_end_replaces_polled_status_unless_final() {
    let poll = |status: &str, message: &str| {
        let row = format!(
            r#"[{{"type": "SUBMISSION", "job_id": "03000000", "submission_id": "a", "driver_info": {{"id": "03000000", "node_ip_address": "10.0.0.1", "pid": "5"}}, "status": "{status}", "entrypoint": "polled", "message": "{message}", "error_type": null, "start_time": 7, "end_time": null, "metadata": {{}}, "runtime_env": {{}}, "driver_agent_http_address": "http://p", "driver_node_id": "{HEAD}", "driver_exit_code": null}}, {{"damaged": "row", "start_time": "x"}}]"#
        );
        ("/api/jobs", row)
    };
    let log = ("jobs/supervisor-a.log", supervisor(46, "Job a entrypoint command exited with code 0"));
    let found = job(&[], &[poll("RUNNING", "Job is currently running."), log.clone()]);
    assert_eq!((found.status, found.message.as_deref()), (JobStatus::Succeeded, Some("Job finished successfully.")));
    assert_eq!((&*found.entrypoint, found.start_ms, found.end_ms), ("polled", Some(7), Some(MINUTE + 46_159)));
    assert_eq!(found.driver().map(|driver| &*driver.pid), Some("5"));
    let found = job(&[], &[poll("STOPPED", "by me"), log]);
    assert_eq!((found.status, found.message.as_deref()), (JobStatus::Stopped, Some("by me")));
}

#[test]
fn export_takes_precedence() {
    let export = r#"{"timestamp": 1, "source_type": "EXPORT_SUBMISSION_JOB", "event_data": {"submission_job_id": "a", "status": "FAILED", "entrypoint": "e", "message": "m", "error_type": "JOB_SUPERVISOR_ACTOR_DIED", "start_time": "5", "end_time": "6", "metadata": {}, "runtime_env_json": "{\"pip\": [\"x\"]}", "driver_agent_http_address": "http://x", "driver_node_id": "n"}}"#;
    let log = ("jobs/supervisor-a.log", supervisor(46, "Job a entrypoint command exited with code 0"));
    let found =
        job(&events(), &[("export_events/event_EXPORT_SUBMISSION_JOB.log", export.to_owned()), log, driver_log()]);
    assert_eq!((found.status, found.message.as_deref(), found.driver_exit_code), (JobStatus::Failed, Some("m"), None));
    assert_eq!((found.start_ms, found.end_ms, &*found.entrypoint), (Some(5), Some(6), "e"));
    assert_eq!((&*found.runtime_env, found.driver_node_id.as_deref()), (r#"{"pip": ["x"]}"#, Some("n")));
}

#[test]
fn repeated_request_does_not_move_start() {
    let (path, text) = requested(43);
    let files = [(path, text + &agent(55, "Starting job with submission_id: a")), job_events(&[STARTED])];
    assert_eq!(job(&events(), &files).start_ms, Some(MINUTE + 43_779));
    // Alone, a request proves no submission: it may have been refused.
    assert_eq!(jobs(&[], &[requested(43)]), []);
}

#[test]
fn events_alone_give_status_by_rays_rule_for_drivers() {
    let without_supervisor: Vec<_> = events().into_iter().take(5).collect();
    let found = job(&without_supervisor, &[]);
    assert_eq!((found.status, found.message, found.driver_exit_code), (JobStatus::Succeeded, None, None));
    assert_eq!((found.start_ms, found.end_ms), (Some(MINUTE + 44_977), Some(MINUTE + 45_505)));
    // A living supervisor means that the command still runs.
    assert_eq!(job(&events(), &[]).status, JobStatus::Running);
}

#[test]
fn lists_own_drivers_last_with_end_zero_while_running() {
    let found = jobs(&events(), &[]);
    let own = found.last().unwrap();
    assert_eq!((own.job_type, own.status, own.end_ms), (JobType::Driver, JobStatus::Running, Some(0)));
    assert_eq!(
        (&*own.entrypoint, own.message.as_deref(), own.start_ms),
        ("python own.py", None, Some(MINUTE + 44_977))
    );
    assert_eq!(own.metadata, [("k".into(), "v".into())]);
    let poll = r#"[{"type": "DRIVER", "job_id": "04000000", "status": "SUCCEEDED", "entrypoint": "p", "start_time": 1, "end_time": 2}, {"type": "DRIVER", "job_id": "05000000", "status": "RUNNING", "entrypoint": "lost", "start_time": 3, "end_time": 0}]"#;
    let found = jobs(&events(), &[("/api/jobs/", poll.to_owned())]);
    let ends: Vec<_> = found.iter().skip(1).map(|job| (&*job.entrypoint, job.status, job.end_ms)).collect();
    assert_eq!(ends, [("python own.py", JobStatus::Succeeded, Some(2)), ("lost", JobStatus::Running, Some(0))]);
}
