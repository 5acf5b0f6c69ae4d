use super::*;
use crate::base::task::TaskState;
use crate::logs::Facts;
use crate::snapshot::submission::{JobStatus, JobType, UnifiedJob};
use crate::snapshot::testing::made::{events, fold, id, time};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An attempt that ended in a state, on node `place` in worker `place`.
fn attempt(task: u8, number: u8, function: &str, place: u8, at: u8, error: Option<(&str, &str)>) -> [Value; 2] {
    let (task, job) = (id(24, 2 * task), id(4, 0));
    let state = if error.is_some() { "FAILED" } else { "FINISHED" };
    let error = error.map(|(kind, message)| json!({"errorType": kind, "errorMessage": message}));
    [
        json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": time(1), "taskDefinitionEvent": {
            "taskId": task, "taskAttempt": number, "taskType": "NORMAL_TASK", "jobId": job,
            "taskFunc": {"pythonFunctionDescriptor": {"moduleName": "m", "className": "", "functionName": function}}}}),
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {
            "taskId": task, "taskAttempt": number, "jobId": job, "nodeId": id(28, place), "workerId": id(28, place),
            "stateTransitions": [{"state": state, "timestamp": time(at)}], "rayErrorInfo": error}}),
    ]
}

fn dead_worker(place: u8, at_ms: &str, exit_type: &str, detail: &str) -> Value {
    json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": time(2), "workerLifecycleEvent": {
        "workerId": id(28, place), "nodeId": id(28, place), "jobId": id(4, 0),
        "stateTransitions": [{"state": "DEAD", "timestamp": time(2), "endTimeMs": at_ms, "nodeId": id(28, place),
            "deathInfo": {"exitType": exit_type, "exitDetail": detail}}]}})
}

fn worker_on(place: u8, node: u8) -> Value {
    json!({"eventType": "WORKER_DEFINITION_EVENT", "timestamp": time(1), "workerDefinitionEvent": {
        "workerId": id(28, place), "nodeId": id(28, node), "pid": 7, "workerType": "WORKER"}})
}

fn dead_node(place: u8, at: u8, reason: &str) -> [Value; 2] {
    [
        json!({"eventType": "NODE_DEFINITION_EVENT", "timestamp": time(1), "nodeDefinitionEvent": {
            "nodeId": id(28, place), "nodeIpAddress": "10.0.0.1", "hostname": "h", "startTimestamp": time(1)}}),
        json!({"eventType": "NODE_LIFECYCLE_EVENT", "timestamp": time(at), "nodeLifecycleEvent": {
            "nodeId": id(28, place), "stateTransitions": [{"state": "DEAD", "timestamp": time(at),
                "deathInfo": {"reason": reason, "reasonMessage": "health check failed"}}]}}),
    ]
}

fn dead_actor(actor: u8, place: u8, cause: &Value) -> [Value; 2] {
    [
        json!({"eventType": "ACTOR_DEFINITION_EVENT", "timestamp": time(1), "actorDefinitionEvent": {
            "actorId": id(16, actor), "jobId": id(4, 0), "className": "A"}}),
        json!({"eventType": "ACTOR_LIFECYCLE_EVENT", "timestamp": time(2), "actorLifecycleEvent": {
            "actorId": id(16, actor), "stateTransitions": [
                {"state": "ALIVE", "timestamp": time(2), "nodeId": id(28, place), "workerId": id(28, place)},
                {"state": "DEAD", "timestamp": time(20), "deathCause": cause}]}}),
    ]
}

fn failures(events: &[Value]) -> Failures {
    let snapshot = fold(events).finish(&Facts::default());
    assert_eq!(snapshot.completeness.damaged_records.count, 0);
    Failures::of(&snapshot)
}

/// Milliseconds of `time(n)`.
fn ms(n: u8) -> String {
    (1_795_389_120_000 + i64::from(n) * 1_000).to_string()
}

fn rows(failures: &Failures) -> Vec<(&str, &str, &str, u64, Option<usize>)> {
    let row = |group: &'_ FailureGroup| (group.kind.as_str(), group.attempts, group.caused_by);
    let names = failures.groups.iter().map(|group| (&*group.func_or_class_name, &*group.error_type));
    let rows = failures.groups.iter().map(row).zip(names);
    rows.map(|((kind, attempts, cause), (name, error))| (kind, name, error, attempts, cause)).collect()
}

#[test]
fn attempts_that_differ_in_ids_alone_are_one_group() {
    let exception = "TASK_EXECUTION_EXCEPTION";
    let message = |n: u8| {
        format!("User exception:\nray::f() (pid={n}, ip=10.0.0.{n})\n\u{1b}[31mValueError: part {n} is bad\u{1b}[0m\n")
    };
    let mut told = Vec::new();
    for n in 1..=4 {
        told.extend(attempt(n, 0, "f", n, 10 + n, Some((exception, &message(n)))));
    }
    told.extend(attempt(1, 1, "f", 1, 30, Some((exception, &message(9)))));
    told.extend(attempt(2, 1, "f", 1, 31, None));
    told.extend(attempt(5, 0, "f", 1, 9, Some((exception, "KeyError: 'x'"))));
    told.extend(attempt(6, 0, "g", 1, 9, Some((exception, "KeyError: 'x'"))));
    told.extend(attempt(7, 0, "g", 1, 9, None));
    let found = failures(&told);
    assert_eq!(
        rows(&found),
        [("task", "f", exception, 5, None), ("task", "f", exception, 1, None), ("task", "g", exception, 1, None)]
    );
    let group = &found.groups[0];
    assert_eq!((group.tasks, group.recovered, group.nodes, group.workers), (4, 1, 4, 4));
    assert_eq!((group.first_at, group.last_at), (Some(nanos(11)), Some(nanos(30))));
    assert_eq!((group.sample.attempt, group.sample.at), (Some(0), Some(nanos(11))));
    assert_eq!(&*group.sample.message, "User exception:\nray::f() (pid=1, ip=10.0.0.1)\nValueError: part 1 is bad");
    assert_eq!((group.sample.id.len(), group.sample.node_id.len(), &*group.job_id), (48, 56, "01000000"));
    assert_ne!(found.groups[1].fingerprint, found.groups[2].fingerprint, "by function");
    assert_eq!(found.others, Others::default());
}

fn nanos(n: u8) -> Nanos {
    crate::base::time::parse_rfc3339(&time(n)).unwrap()
}

#[test]
fn deaths_explain_what_failed_with_them() {
    let told = |extra: Vec<Value>| {
        let mut told: Vec<Value> = attempt(1, 0, "f", 1, 20, Some(("WORKER_DIED", "Socket closed"))).into();
        told.extend(attempt(2, 0, "g", 1, 20, Some(("TASK_EXECUTION_EXCEPTION", "ValueError: x"))));
        told.extend(extra);
        failures(&told)
    };
    let worker = ("worker", "", "SYSTEM_ERROR", 1, None);
    let (f, g) = (("task", "f", "WORKER_DIED", 1), ("task", "g", "TASK_EXECUTION_EXCEPTION", 1));
    let with = |row: (&'static str, &'static str, &'static str, u64), cause| (row.0, row.1, row.2, row.3, cause);
    let found = told(vec![dead_worker(1, &ms(20), "SYSTEM_ERROR", "connection error code 2")]);
    assert_eq!(rows(&found), [with(f, Some(2)), with(g, None), worker]);
    assert_eq!(&*found.groups[2].sample.message, "connection error code 2");
    // A worker that died in another minute explains nothing before.
    let found = told(vec![dead_worker(1, "1795389320000", "SYSTEM_ERROR", "")]);
    assert_eq!(rows(&found), [with(f, None), with(g, None), worker]);
    // One that was told to exit did not fail.
    let found = told(vec![dead_worker(1, &ms(20), "INTENDED_SYSTEM_EXIT", "")]);
    assert_eq!(rows(&found), [with(f, None), with(g, None)]);
    // The node stands behind both.
    let mut both = vec![worker_on(1, 1), dead_worker(1, &ms(20), "SYSTEM_ERROR", "")];
    both.extend(dead_node(1, 21, "UNEXPECTED_TERMINATION"));
    let found = told(both);
    let node = ("node", "", "UNEXPECTED_TERMINATION", 1, None);
    assert_eq!(rows(&found), [with(f, Some(3)), with(g, None), ("worker", "", "SYSTEM_ERROR", 1, Some(3)), node]);
    let found = told(dead_node(1, 21, "AUTOSCALER_DRAIN_IDLE").into());
    assert_eq!(rows(&found), [with(f, None), with(g, None)]);
}

/// A cause that explains half of a group explains nothing of it.
#[test]
fn a_cause_explains_more_than_half() {
    let mut told: Vec<Value> = attempt(1, 0, "f", 1, 20, Some(("WORKER_DIED", ""))).into();
    told.push(dead_worker(1, &ms(20), "SYSTEM_ERROR", ""));
    told.extend(attempt(2, 0, "f", 2, 20, Some(("WORKER_DIED", ""))));
    assert_eq!(failures(&told).groups[0].caused_by, None);
    told.push(dead_worker(2, &ms(20), "SYSTEM_ERROR", ""));
    assert_eq!(failures(&told).groups[0].caused_by, Some(1));
}

#[test]
fn actors_that_were_meant_to_die_did_not_fail() {
    let died =
        |reason: &str, message: &str| json!({"actorDiedErrorContext": {"reason": reason, "errorMessage": message}});
    for (cause, expected) in [
        (died("RAY_KILL", "killed by `ray.kill`"), None),
        (died("OUT_OF_SCOPE", ""), None),
        (died("WORKER_DIED", "Worker exit type: INTENDED_USER_EXIT Worker exit detail: x"), None),
        (died("OWNER_DIED", "Owner worker exit type: INTENDED_SYSTEM_EXIT Worker"), None),
        (died("", "no words"), None),
        (died("", "Worker exit type: SYSTEM_ERROR Worker"), Some("WORKER_DIED")),
        (died("WORKER_DIED", "Worker exit type: SYSTEM_ERROR Worker exit detail: x"), Some("WORKER_DIED")),
        (died("NODE_DIED", "the actor's node was terminated unexpectedly"), Some("NODE_DIED")),
        (died("STARS", "x"), Some("ACTOR_DIED")),
        (
            json!({"creationTaskFailureContext": {"formattedExceptionString": "T\nValueError: 7"}}),
            Some("ACTOR_CREATION_FAILED"),
        ),
        (json!({"runtimeEnvFailedContext": {"errorMessage": "pip"}}), Some("RUNTIME_ENV_SETUP_FAILED")),
        (json!({"oomContext": {"errorMessage": "oom"}}), Some("OUT_OF_MEMORY")),
        (json!({"sunContext": {}}), None),
        (json!("dead"), None),
    ] {
        let found = failures(&dead_actor(1, 1, &cause));
        assert_eq!(found.groups.first().map(|group| &*group.error_type), expected, "{cause}");
    }
    let mut told: Vec<Value> = dead_actor(1, 3, &died("WORKER_DIED", "Worker exit type: SYSTEM_ERROR Worker")).into();
    told.push(dead_worker(3, &ms(20), "SYSTEM_ERROR", ""));
    assert_eq!(failures(&told).groups[0].caused_by, Some(1));
    // The driver of the job was killed, and its actors went with it.
    let owner = id(28, 3);
    let orphan = json!({"actorDiedErrorContext": {"reason": "OWNER_DIED", "ownerId": owner, "errorMessage": "Owner worker exit type: SYSTEM_ERROR Worker"}});
    let mut told: Vec<Value> = dead_actor(1, 9, &orphan).into();
    told.push(dead_worker(3, &ms(20), "SYSTEM_ERROR", ""));
    assert_eq!(failures(&told).groups[0].caused_by, Some(1));
}

#[test]
fn jobs_that_failed_are_told_apart_by_their_last_words() {
    let job = |id: &str, status, message: &str| UnifiedJob {
        job_type: JobType::Submission,
        submission_id: Some(id.into()),
        drivers: Vec::new(),
        status,
        entrypoint: "".into(),
        message: Some(message.into()),
        error_type: Some("JOB_ENTRYPOINT_COMMAND_ERROR".into()),
        start_ms: None,
        end_ms: Some(5),
        metadata: Vec::new(),
        runtime_env: "{}".into(),
        driver_agent_http_address: None,
        driver_node_id: Some("zz".into()),
        driver_exit_code: Some(1),
    };
    let jobs = vec![
        job("a", JobStatus::Failed, "last available logs:\nValueError: 1 is odd"),
        job("b", JobStatus::Failed, "last available logs:\nValueError: 3 is odd\n(f pid=7) hello"),
        job("c", JobStatus::Failed, "KeyError"),
        job("d", JobStatus::Stopped, "x"),
    ];
    let found = Failures::of(&Snapshot { jobs, ..Snapshot::default() });
    let shown: Vec<_> = found.groups.iter().map(|group| (group.attempts, &*group.sample.id)).collect();
    assert_eq!(shown, [(2, "a"), (1, "c")]);
    assert_eq!((found.groups[0].first_at, found.groups[0].kind), (Some(5_000_000), FailureKind::Submission));
}

#[test]
fn groups_beyond_the_bound_are_counted() {
    let message = |n: usize| {
        let letters = n.to_string().bytes().map(|digit| (digit - b'0' + b'a') as char).collect::<String>();
        format!("Error {letters}")
    };
    let mut told = Vec::new();
    for n in 0..MAX_GROUPS + 5 {
        let [define, mut end] = attempt(1, 0, "f", 1, 10, Some(("TASK_EXECUTION_EXCEPTION", &message(n))));
        let number = json!(n);
        let mut define = define;
        *define.pointer_mut("/taskDefinitionEvent/taskAttempt").unwrap() = number.clone();
        *end.pointer_mut("/taskLifecycleEvent/taskAttempt").unwrap() = number;
        told.extend([define, end]);
    }
    let found = failures(&told);
    assert_eq!((found.groups.len(), found.others.groups, found.others.attempts), (MAX_GROUPS, 5, 5));
    assert_eq!((found.others.tasks, found.others.first_at), (5, Some(nanos(10))));
}

#[test]
fn a_long_message_keeps_its_end() {
    let message = format!("{}\u{1b}[31m{}ö end\u{1b}[0m\u{7}\n", "x\n".repeat(9_000), "ä".repeat(2_000));
    let found = failures(&attempt(1, 0, "f", 1, 10, Some(("TASK_EXECUTION_EXCEPTION", &message))));
    let shown = &found.groups[0].sample.message;
    assert!(shown.len() <= 1 << 10 && shown.len() > 1_000 && shown.ends_with("ö end"), "{}", shown.len());
}

proptest! {
    /// No failure is lost or counted twice, whatever the events, and every example is one of them.
    #[test]
    fn every_failed_attempt_is_in_one_group(made in events()) {
        let snapshot = fold(&made).finish(&Facts::default());
        let found = Failures::of(&snapshot);
        let failed: Vec<_> = snapshot
            .tasks
            .iter()
            .filter(|attempt| attempt.is_defined() && attempt.state() == TaskState::Failed)
            .collect();
        let tasks = found.groups.iter().filter(|group| group.kind == FailureKind::Task);
        prop_assert_eq!(tasks.clone().map(|group| group.attempts).sum::<u64>(), failed.len() as u64);
        for group in tasks {
            let is_sample = failed.iter().any(|attempt| {
                attempt.task_id().hex() == *group.sample.id && Some(attempt.attempt_number()) == group.sample.attempt
            });
            prop_assert!(is_sample);
            prop_assert!(group.recovered <= group.tasks && group.tasks <= group.attempts && group.tasks > 0);
        }
        for group in &found.groups {
            prop_assert!(group.attempts > 0 && group.first_at <= group.last_at);
            let is_death =
                |cause: usize| [FailureKind::Node, FailureKind::Worker].contains(&found.groups[cause].kind);
            prop_assert!(group.caused_by.is_none_or(is_death));
        }
        let sizes: Vec<u64> = found.groups.iter().map(|group| group.attempts).collect();
        prop_assert!(sizes.is_sorted_by(|a, b| a >= b));
        // Other handles, same groups.
        let mut reversed = made;
        reversed.reverse();
        prop_assert_eq!(Failures::of(&fold(&reversed).finish(&Facts::default())), found);
    }
}
