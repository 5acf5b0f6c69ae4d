use super::*;
use crate::base::id::JobId;
use crate::logs::Facts;
use crate::snapshot::build::Builder;
use crate::snapshot::intern::Interner;
use crate::snapshot::node::Node;
use crate::snapshot::submission::{Driver, JobStatus};
use proptest::prelude::*;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";
/// 2026-11-22T23:12:00Z in milliseconds.
const MINUTE: i64 = 1_795_389_120_000;

fn submission(id: &str, status: JobStatus) -> UnifiedJob {
    UnifiedJob {
        job_type: JobType::Submission,
        submission_id: Some(id.into()),
        drivers: Vec::new(),
        status,
        entrypoint: "python x.py".into(),
        message: None,
        error_type: None,
        start_ms: Some(MINUTE),
        end_ms: status.is_terminal().then_some(MINUTE + 1_000),
        metadata: vec![("team".into(), "a".into())],
        runtime_env: r#"{"env_vars": {"TOKEN": "secret"}}"#.into(),
        driver_agent_http_address: None,
        driver_node_id: None,
        driver_exit_code: (status == JobStatus::Succeeded).then_some(0),
    }
}

fn driver(status: JobStatus) -> UnifiedJob {
    let driver = Driver { id: JobId::from_hex("04000000").unwrap(), node_ip_address: "".into(), pid: "7".into() };
    let (job_type, submission_id) = (JobType::Driver, None);
    UnifiedJob { job_type, submission_id, drivers: vec![driver], driver_exit_code: None, ..submission("", status) }
}

fn facts(jobs: Vec<UnifiedJob>) -> RunFacts {
    let snapshot = Snapshot { session_name: SESSION.into(), jobs, ..Snapshot::default() };
    RunFacts::of(&snapshot, FactSource::Snapshot, false)
}

/// Each row: jobs; outcome while the session may go on; outcome and sentence once it is over.
#[test]
fn outcomes_follow_from_submissions() {
    use JobStatus::{Failed, Pending, Running, Stopped, Succeeded};
    let (a, b, c) = ("a", "b", "c");
    let assumed = UnifiedJob { driver_exit_code: None, ..submission(a, Succeeded) };
    let reason = |code, message: &str| UnifiedJob {
        driver_exit_code: code,
        message: Some(message.into()),
        error_type: Some("JOB_ENTRYPOINT_COMMAND_ERROR".into()),
        ..submission(a, Failed)
    };
    let words = Outcome::as_str;
    for (jobs, before, after, sentence) in [
        (vec![], None, "Unknown", "No job of it is known."),
        (vec![driver(Succeeded)], None, "Unknown", "Nothing was submitted; a driver connected."),
        (vec![driver(Running), driver(Succeeded)], None, "Unknown", "Nothing was submitted; 2 drivers connected."),
        (vec![submission(a, Succeeded)], Some("Succeeded"), "Succeeded", "Its job succeeded."),
        (vec![submission(a, Succeeded), driver(Running)], Some("Succeeded"), "Succeeded", "Its job succeeded."),
        (
            vec![submission(a, Succeeded), submission(b, Succeeded)],
            Some("Succeeded"),
            "Succeeded",
            "All 2 jobs succeeded.",
        ),
        (
            vec![assumed.clone()],
            Some("Unknown"),
            "Unknown",
            "A driver ended, and nothing tells whether its job failed.",
        ),
        (
            vec![assumed, submission(b, Succeeded)],
            Some("Unknown"),
            "Unknown",
            "A driver ended, and nothing tells whether its job failed.",
        ),
        (vec![submission(a, Running)], None, "Unknown", "a had not ended when the session did."),
        (
            vec![submission(a, Pending), submission(b, Running), submission(c, Succeeded)],
            None,
            "Unknown",
            "2 of 3 jobs had not ended when the session did, among them a.",
        ),
        (vec![submission(a, Running), submission(b, Failed)], None, "Failed", "b failed."),
        (vec![submission(a, Succeeded), submission(b, Stopped)], Some("Stopped"), "Stopped", "b was stopped."),
        (
            vec![submission(a, Stopped), submission(b, Stopped)],
            Some("Stopped"),
            "Stopped",
            "2 of 2 jobs were stopped, among them a.",
        ),
        (vec![submission(a, Stopped), submission(b, Failed)], Some("Failed"), "Failed", "b failed."),
        (
            vec![submission(a, Failed), submission(b, Succeeded), submission(c, Failed)],
            Some("Failed"),
            "Failed",
            "2 of 3 jobs failed, among them a.",
        ),
        (vec![reason(Some(5), "")], Some("Failed"), "Failed", "a failed: exit code 5"),
        (vec![reason(None, "")], Some("Failed"), "Failed", "a failed: JOB_ENTRYPOINT_COMMAND_ERROR"),
        (
            vec![reason(Some(5), ""), UnifiedJob { submission_id: Some("b".into()), ..reason(Some(6), "") }],
            Some("Failed"),
            "Failed",
            "2 of 2 jobs failed; a: exit code 5",
        ),
        (
            vec![reason(Some(1), "Job entrypoint command failed, last logs:\n\u{1b}[31mValueError: x\u{1b}[0m\n")],
            Some("Failed"),
            "Failed",
            "a failed: ValueError: x",
        ),
    ] {
        let facts = facts(jobs);
        assert_eq!(facts.outcome(false).map(words), before, "{sentence}");
        assert_eq!(facts.outcome(true).map(words), Some(after), "{sentence}");
        assert_eq!(facts.sentence(true, true).as_deref(), Some(sentence));
    }
}

#[test]
fn a_session_that_goes_on_says_what_has_not_ended() {
    let running = facts(vec![submission("a", JobStatus::Running), submission("b", JobStatus::Failed)]);
    assert_eq!(running.sentence(false, true).as_deref(), Some("a has not ended."));
    assert_eq!(facts(vec![]).sentence(false, true), None);
}

/// A file that is missing may tell of a job that failed, but of none that undoes a failure.
#[test]
fn missing_files_leave_only_failures_certain() {
    let of = |status| {
        let jobs = vec![submission("a", status)];
        let snapshot = Snapshot { session_name: SESSION.into(), jobs, ..Snapshot::default() };
        RunFacts::of(&snapshot, FactSource::Files, true)
    };
    for (status, outcome) in [
        (JobStatus::Succeeded, Outcome::Unknown),
        (JobStatus::Stopped, Outcome::Unknown),
        (JobStatus::Running, Outcome::Unknown),
        (JobStatus::Failed, Outcome::Failed),
    ] {
        assert_eq!(of(status).outcome(true), Some(outcome), "{status:?}");
    }
    assert!(of(JobStatus::Succeeded).sentence(true, true).unwrap().starts_with("Files are missing"));
}

/// The files that are read of a session that is not opened.
fn of_files(files: &[(&str, &str)], endpoints: &[(&str, &str)]) -> RunFacts {
    let mut snapshot = Snapshot { session_name: SESSION.into(), ..Snapshot::default() };
    for (path, text) in files {
        snapshot.facts.read("n", path, text.as_bytes());
    }
    for (url, body) in endpoints {
        snapshot.endpoints.insert((*url).to_owned(), (*body).into());
    }
    snapshot.derive();
    RunFacts::of(&snapshot, FactSource::Files, false)
}

const EVENTS: &str = r#"{"message": "Started a ray job a.", "timestamp": "1795389121", "custom_fields": {"submission_id": "a"}}
{"message": "Completed a ray job a with a status FAILED.", "timestamp": "1795389181", "custom_fields": {"submission_id": "a"}}
"#;

#[test]
fn four_files_tell_what_a_list_shows() {
    let log = "Running entrypoint for job a: python x.py\nTraceback\nValueError: no\n(f pid=7) bye\n";
    let version = r#"{"result": true, "data": {"rayVersion": "2.60.0", "pythonVersion": "3.11.7"}}"#;
    let facts = of_files(
        &[("events/event_JOBS.log", EVENTS), ("job-driver-a.log", log)],
        &[("api/v0/cluster_metadata", version), ("timezone", r#"{"offset": "+01:00", "value": "x"}"#)],
    );
    assert_eq!((facts.ray_version.as_deref(), facts.python_version.as_deref()), (Some("2.60.0"), Some("3.11.7")));
    assert_eq!((facts.zone_minutes, facts.started), (Some(60), Some(1_795_385_493_821_800_000)));
    assert_eq!(facts.ended, Some(1_795_389_181_000_000_000));
    assert_eq!(facts.duration().map(|long| long / 1_000_000_000), Some(3_687));
    let job = &facts.jobs[0];
    assert_eq!((&*job.entrypoint, job.start_ms), ("python x.py", Some(1_795_389_121_000)));
    assert_eq!(job.last_words, Some(LastWords { text: "ValueError: no".into(), from_log: true }));
    assert_eq!(facts.sentence(true, true).as_deref(), Some("a failed: ValueError: no"));
    assert_eq!(facts.sentence(true, false).as_deref(), Some("a failed."), "its words are of a log");
    assert!(facts.has_words_of_logs());
    assert_eq!((facts.failed_attempts, facts.nodes, facts.node_hours), (None, None, None), "events tell them");
}

/// Ray's own API shows why a supervisor died, so that is no text of a log.
#[test]
fn a_message_of_the_job_manager_is_no_text_of_a_log() {
    let events = EVENTS.replace("FAILED.", "FAILED. Job supervisor actor died: out of memory");
    let facts = of_files(&[("events/event_JOBS.log", &events), ("job-driver-a.log", "x\n")], &[]);
    assert_eq!(facts.sentence(true, false).as_deref(), Some("a failed: Job supervisor actor died: out of memory"));
    assert!(!facts.has_words_of_logs());
    assert_eq!((facts.started, facts.duration()), (None, None), "the zone is not known");
}

#[test]
fn a_log_without_its_event_is_a_job_that_has_not_ended() {
    let facts = of_files(&[("events/event_JOBS.log", EVENTS), ("job-driver-b.log", "")], &[]);
    assert_eq!((facts.counts.failed, facts.counts.unfinished), (1, 1));
    let facts = of_files(&[("job-driver-b.log", "Running entrypoint for job b: x\n")], &[]);
    assert_eq!(facts.outcome(true), Some(Outcome::Unknown));
}

/// Returns a snapshot with nodes: start, end, resources, reason of death.
fn with_nodes(nodes: &[(i64, i64, &str, &str)]) -> Snapshot {
    const HOUR: i64 = 3_600_000_000_000;
    let mut strings = Interner::default();
    let nodes = nodes.iter().enumerate().map(|(at, (start, end, resources, reason))| Node {
        id: crate::base::id::NodeId::try_from_bytes(&[at as u8; 28]).unwrap(),
        defined: true,
        advanced: true,
        alive: *end == 0,
        start: start * HOUR,
        end: end * HOUR,
        resources: strings.str(resources),
        death_reason: strings.str(reason),
        ..Node::default()
    });
    let nodes = nodes.collect();
    Snapshot { nodes, strings: strings.freeze(), as_of: 10 * HOUR, ..Snapshot::default() }
}

#[test]
fn node_hours_need_every_node() {
    let of = |nodes: &[_]| {
        let facts = RunFacts::of(&with_nodes(nodes), FactSource::Snapshot, false);
        (facts.nodes.map(|nodes| [nodes.total, nodes.dead, nodes.lost]), facts.node_hours)
    };
    let (head, gpu) = ((1, 0, r#"{"CPU": 2.0}"#, ""), (2, 4, r#"{"CPU": 1.5, "GPU": 4.0}"#, "UNEXPECTED_TERMINATION"));
    let ended = (2, 4, "{}", "EXPECTED_TERMINATION");
    assert_eq!(of(&[]), (None, None));
    assert_eq!(of(&[head, gpu]), (Some([2, 1, 1]), Some(NodeHours { cpu: 21.0, gpu: 8.0 })));
    assert_eq!(of(&[head, ended]), (Some([2, 1, 0]), Some(NodeHours { cpu: 18.0, gpu: 0.0 })));
    for odd in [
        (0, 4, "{}", ""),
        (2, 0, "", ""),
        (5, 4, "{}", ""),
        (2, 4, r#"{"CPU": "2"}"#, ""),
        (2, 4, r#"{"GPU": -1}"#, ""),
    ] {
        assert_eq!(of(&[head, odd]).1, None, "{odd:?}");
    }
}

#[test]
fn attempts_are_counted_by_error() {
    let event = |n: u8, error: &str| {
        let id = |len: usize| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![n; len]);
        format!(
            r#"{{"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:44Z", "sessionName": "{SESSION}", "taskDefinitionEvent": {{"taskId": "{task}", "jobId": "{job}", "taskName": "x"}}}}
{{"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": "2026-11-22T23:12:44Z", "sessionName": "{SESSION}", "taskLifecycleEvent": {{"taskId": "{task}", "jobId": "{job}", "stateTransitions": [{{"state": "{state}", "timestamp": "2026-11-22T23:12:45Z"}}]{error}}}}}"#,
            task = id(24),
            job = id(4),
            state = if error.is_empty() { "FINISHED" } else { "FAILED" },
            error = if error.is_empty() {
                String::new()
            } else {
                format!(r#", "rayErrorInfo": {{"errorType": "{error}"}}"#)
            },
        )
    };
    let mut builder = Builder::new(SESSION);
    let errors = ["", "WORKER_DIED", "OUT_OF_MEMORY", "WORKER_DIED"];
    let events: Vec<String> = errors.iter().enumerate().map(|(n, error)| event(n as u8 + 1, error)).collect();
    for (n, record) in events.iter().flat_map(|events| events.lines()).enumerate() {
        builder.fold_record("events", n as u64, record.as_bytes());
    }
    let facts = RunFacts::of(&builder.finish(&Facts::default()), FactSource::Snapshot, false);
    assert_eq!(facts.failed_attempts, Some(vec![("WORKER_DIED".into(), 2), ("OUT_OF_MEMORY".into(), 1)]));
}

const STATUSES: [JobStatus; 5] =
    [JobStatus::Pending, JobStatus::Running, JobStatus::Stopped, JobStatus::Succeeded, JobStatus::Failed];

proptest! {
    /// Nothing in a file makes facts long, puts control characters into them, or lets them tell a secret.
    #[test]
    fn facts_are_bounded(texts in proptest::collection::vec((any::<String>(), 0..5_usize), 0..40), repeat in 1..400_usize) {
        let jobs: Vec<UnifiedJob> = texts.iter().map(|(text, status)| {
            let long = text.repeat(repeat);
            UnifiedJob {
                entrypoint: long.clone().into(),
                message: Some(long.clone().into()),
                error_type: Some(long.clone().into()),
                metadata: vec![(long.clone().into(), long.into()); 20],
                ..submission(text, STATUSES[*status])
            }
        }).collect();
        let all = jobs.len();
        let facts = facts(jobs);
        prop_assert!(facts.weight() < 200_000, "{}", facts.weight());
        prop_assert_eq!((facts.jobs.len(), facts.counts.submissions() as usize), (all.min(MAX_JOBS), all));
        prop_assert!(facts.jobs.is_sorted_by_key(|job| job.status != JobStatus::Failed));
        let sentence = facts.sentence(true, true).unwrap();
        prop_assert!(!sentence.chars().any(char::is_control) && sentence.chars().count() < 700);
        let shown = format!("{facts:?}");
        prop_assert!(!shown.contains("secret"));
    }

    /// Once a session is over, its outcome is known, and the order of jobs does not matter.
    #[test]
    fn outcomes_do_not_depend_on_the_order(statuses in proptest::collection::vec(0..5_usize, 0..6), over in any::<bool>()) {
        let jobs: Vec<UnifiedJob> = statuses.iter().map(|at| submission("a", STATUSES[*at])).collect();
        let turned: Vec<UnifiedJob> = jobs.iter().rev().cloned().collect();
        let (one, other) = (facts(jobs), facts(turned));
        prop_assert_eq!(one.outcome(over), other.outcome(over));
        prop_assert!(one.outcome(true).is_some());
        prop_assert!(one.outcome(over).is_none_or(|outcome| Some(outcome) == one.outcome(true)));
        let failed = statuses.iter().any(|at| STATUSES[*at] == JobStatus::Failed);
        prop_assert_eq!(one.outcome(true) == Some(Outcome::Failed), failed);
    }
}
