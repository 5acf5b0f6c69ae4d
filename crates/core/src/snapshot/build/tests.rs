//! Tests that any order, duplication or split of events gives an equal snapshot, and of the rules of the fold.

mod before_2_55;
mod dump;
mod weights;

use super::*;
use crate::base::id::RayId;
use crate::logs::processes::{Exit, NodeLog, WorkerLog};
use crate::snapshot::worker::Life;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";

fn id(bytes: usize, n: u8) -> String {
    let mut id = vec![n; bytes];
    if bytes >= 4 {
        let at = bytes - 4;
        id[at..].copy_from_slice(&[1 + n % 2, 0, 0, 0]);
    }
    BASE64_STANDARD.encode(id)
}

/// Facts from logs about the workers of `event`.
fn log_facts() -> Facts {
    let mut facts = Facts::default();
    let node = RayId::try_from_bytes(&BASE64_STANDARD.decode(id(28, 1)).unwrap()).unwrap();
    for n in 0..5 {
        let worker = WorkerId::try_from_bytes(&BASE64_STANDARD.decode(id(28, n)).unwrap()).unwrap();
        let left =
            Exit { local_ms: 1_795_389_150_000, clock: node, exit_type: "USER_ERROR".into(), detail: "x".into() };
        let log = WorkerLog {
            node: Some(node),
            pid: 100 + u32::from(n),
            output: (n < 3).then(|| format!("worker-{worker}-01000000-7").into()),
            has_log: n != 4,
            registered: Some(1_795_389_120_000 + i64::from(n)),
            own_exit: (n % 2 == 0).then_some(left),
            ..WorkerLog::default()
        };
        facts.processes.workers.insert(worker, log);
    }
    facts
}

fn time(n: u8) -> String {
    format!("2026-11-22T23:12:{:02}.{:09}Z", n % 60, u32::from(n) * 1_000_003)
}

fn pick(from: &[&str], n: u8) -> String {
    from[usize::from(n) % from.len()].to_owned()
}

/// Makes an event from a few small numbers, so that events share ids, times and values.
#[expect(clippy::many_single_char_names, reason = "six small numbers without a meaning of their own")]
fn event(kind: u8, n: [u8; 6]) -> Value {
    let [a, b, c, d, e, at] = n.map(|n| n % 5);
    let (task, node, worker, actor, job) = (id(24, a), id(28, b), id(28, c), id(16, a), id(4, a));
    let states = ["PENDING_ARGS_AVAIL", "SUBMITTED_TO_WORKER", "RUNNING", "FINISHED", "FAILED", "SPINNING"];
    let transitions = |names: &[&str]| -> Value {
        (0..=d).map(|i| json!({"state": pick(names, b + i * 3), "timestamp": time(c + i)})).collect()
    };
    let (key, event_type, payload) = match kind % 14 {
        0 => (
            "taskDefinitionEvent",
            "TASK_DEFINITION_EVENT",
            json!({
            "taskId": task, "taskAttempt": b % 2, "taskType": pick(&["NORMAL_TASK", "ACTOR_CREATION_TASK"], c),
            "taskFunc": {"pythonFunctionDescriptor": {"moduleName": "m", "className": pick(&["", "A"], d), "functionName": "f"}},
            "taskName": pick(&["f", "g"], e), "requiredResources": {"CPU": 1.0, "GPU": d}, "jobId": job,
            "parentTaskId": id(24, e), "serializedRuntimeEnv": "{}", "labelSelector": {"k": pick(&["x", "y"], e)}}),
        ),
        1 => (
            "actorTaskDefinitionEvent",
            "ACTOR_TASK_DEFINITION_EVENT",
            json!({
            "taskId": task, "taskAttempt": b % 2, "actorFunc": {"pythonFunctionDescriptor": {"className": "A", "functionName": "f"}},
            "actorTaskName": "A.f", "actorId": actor, "jobId": job}),
        ),
        2..=4 => (
            "taskLifecycleEvent",
            "TASK_LIFECYCLE_EVENT",
            json!({
            "taskId": task, "taskAttempt": b % 2, "stateTransitions": transitions(&states), "jobId": job,
            "nodeId": pick(&["", &node], d), "workerId": pick(&["", &worker], d), "workerPid": e,
            "actorReprName": pick(&["", "R(1)", "R(2)"], e), "isDebuggerPaused": d == 1,
            "rayErrorInfo": if e > 2 { json!({"errorType": pick(&["WORKER_DIED", "TASK_EXECUTION_EXCEPTION"], c), "errorMessage": pick(&["boom", "bang"], d)}) } else { Value::Null },
            "taskLogInfo": if e > 1 { json!({"stdoutFile": "/x/out", "stdoutStart": "3", "stdoutEnd": (3 + d).to_string()}) } else { Value::Null }}),
        ),
        5 => (
            "taskProfileEvents",
            "TASK_PROFILE_EVENT",
            json!({
            "taskId": task, "attemptNumber": b % 2, "jobId": job, "profileEvents": {"componentType": "worker", "componentId": worker,
            "nodeIpAddress": "10.0.0.1", "events": (0..=d).map(|i| json!({"startTime": (c + i).to_string(), "endTime": "99", "eventName": pick(&["task:execute", "submit_task"], i),
            "extraData": "{}"})).collect::<Vec<_>>()}}),
        ),
        6 => (
            "driverJobDefinitionEvent",
            "DRIVER_JOB_DEFINITION_EVENT",
            json!({
            "jobId": job, "driverPid": b.to_string(), "driverNodeId": node, "entrypoint": pick(&["x", "y"], c),
            "config": {"serializedRuntimeEnv": "{}", "metadata": {"job_submission_id": pick(&["s1", "s2"], d), "k": pick(&["1", "2"], e)}}}),
        ),
        7 => (
            "driverJobLifecycleEvent",
            "DRIVER_JOB_LIFECYCLE_EVENT",
            json!({
            "jobId": job, "stateTransitions": transitions(&["CREATED", "FINISHED"])}),
        ),
        8 => (
            "nodeDefinitionEvent",
            "NODE_DEFINITION_EVENT",
            json!({
            "nodeId": node, "nodeIpAddress": pick(&["1", "2"], c), "labels": {"l": pick(&["1", "2"], d)}, "startTimestamp": time(c), "hostname": pick(&["h1", "h2"], e)}),
        ),
        9 => (
            "nodeLifecycleEvent",
            "NODE_LIFECYCLE_EVENT",
            json!({
            "nodeId": node, "stateTransitions": (0..=d).map(|i| json!({"state": pick(&["ALIVE", "DEAD"], c + i), "timestamp": time(e + i),
            "resources": {"CPU": i, "node:__internal_head__": 1.0}, "deathInfo": {"reason": "EXPECTED_TERMINATION", "reasonMessage": pick(&["a", "b"], i)}})).collect::<Vec<_>>()}),
        ),
        10 => (
            "actorDefinitionEvent",
            "ACTOR_DEFINITION_EVENT",
            json!({
            "actorId": actor, "jobId": job, "className": pick(&["A", "B"], c), "name": pick(&["", "n"], d), "requiredResources": {"CPU": e}}),
        ),
        11 => (
            "actorLifecycleEvent",
            "ACTOR_LIFECYCLE_EVENT",
            json!({
            "actorId": actor, "stateTransitions": (0..=d).map(|i| json!({"state": pick(&["ALIVE", "RESTARTING", "DEAD", "HOVERING"], c + i), "timestamp": time(e + i),
            "nodeId": node, "workerId": pick(&["", &worker], i), "pid": i, "port": 7, "reprName": pick(&["", "R"], c), "restartReason": pick(&["ACTOR_FAILURE", "NODE_PREEMPTION"], i),
            "deathCause": {"actorDiedErrorContext": {"errorMessage": pick(&["killed", "died"], i)}}})).collect::<Vec<_>>()}),
        ),
        12 => (
            "workerDefinitionEvent",
            "WORKER_DEFINITION_EVENT",
            json!({
            "workerId": worker, "nodeId": node, "pid": a, "workerType": pick(&["WORKER", "DRIVER"], d)}),
        ),
        _ => (
            "workerLifecycleEvent",
            "WORKER_LIFECYCLE_EVENT",
            json!({
            "workerId": worker, "jobId": job, "stateTransitions": (0..=d).map(|i| json!({"state": pick(&["ALIVE", "DEAD"], i), "timestamp": time(e + i),
            "startTimeMs": "5", "endTimeMs": if i % 2 == 1 { "1795389142673" } else { "0" },
            "deathInfo": {"exitType": pick(&["USER_ERROR", "SYSTEM_ERROR"], i), "exitDetail": pick(&["gone", "lost"], e)}})).collect::<Vec<_>>()}),
        ),
    };
    json!({"eventType": event_type, "timestamp": time(at), "sessionName": SESSION, key: payload})
}

/// Splits an event in two, each with half of its transitions or spans.
fn split(event: &Value) -> Vec<Value> {
    let lists = [
        "/taskLifecycleEvent/stateTransitions",
        "/taskProfileEvents/profileEvents/events",
        "/driverJobLifecycleEvent/stateTransitions",
        "/nodeLifecycleEvent/stateTransitions",
        "/actorLifecycleEvent/stateTransitions",
        "/workerLifecycleEvent/stateTransitions",
    ];
    for list in lists {
        if let Some(items) = event.pointer(list).and_then(Value::as_array) {
            let (left, right) = items.split_at(items.len() / 2);
            return [left, right]
                .map(|half| {
                    let mut event = event.clone();
                    *event.pointer_mut(list).unwrap() = Value::Array(half.to_vec());
                    event
                })
                .to_vec();
        }
    }
    vec![event.clone()]
}

fn fold(events: &[Value]) -> Builder {
    let mut builder = Builder::new(SESSION);
    for event in events {
        builder.fold_record("file", 1, event.to_string().as_bytes());
    }
    builder
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec((any::<u8>(), any::<[u8; 6]>()), 1..40)
        .prop_map(|made| made.into_iter().map(|(kind, n)| event(kind, n)).collect())
}

fn dump_of(builder: Builder) -> String {
    dump::snapshot(&builder.finish(&log_facts()))
}

proptest! {
    #[test]
    fn snapshot_does_not_depend_on_order(
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        prop_assert_eq!(dump_of(fold(&events)), dump_of(fold(&shuffled)));
    }

    #[test]
    fn snapshot_ignores_duplicates_and_splits(
        (events, again) in events().prop_flat_map(|events| {
            let halves: Vec<Value> = events.iter().flat_map(split).chain(events.iter().cloned()).collect();
            (Just(events), Just(halves).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(dump_of(fold(&events)), dump_of(fold(&again)));
    }

    #[test]
    fn merged_builders_give_same_snapshot(
        events in events(), shares in proptest::collection::vec(0..3usize, 40), last_first in any::<bool>(),
    ) {
        let mut parts: [Vec<Value>; 3] = Default::default();
        for (event, share) in events.iter().zip(shares) {
            parts[share].push(event.clone());
        }
        let mut builders: Vec<Builder> = parts.iter().map(|part| fold(part)).collect();
        if last_first {
            builders.reverse();
        }
        let mut merged = builders.remove(0);
        for other in builders {
            merged.merge(other);
        }
        prop_assert_eq!(dump_of(fold(&events)), dump_of(merged));
    }
}

#[test]
fn counts_and_skips_damaged_unknown_and_foreign_records() {
    let mut builder = Builder::new(SESSION);
    for (line, record) in [
        "{\"eventType\":",
        "\u{0}",
        r#"{"eventType":"MOON_EVENT","moonEvent":{}}"#,
        r#"{"eventType":"TASK_LIFECYCLE_EVENT","sessionName":"session_1","taskLifecycleEvent":{"taskId":"x"}}"#,
        r#"{"eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{"taskId":""}}"#,
        "",
    ]
    .iter()
    .enumerate()
    {
        builder.fold_record("f", line as u64 + 1, record.as_bytes());
    }
    builder.fold_record("f", 7, &[0xff, b'{']);
    let whole = event(0, [0; 6]).to_string();
    builder.fold_record("f", 8, whole.as_bytes());
    let snapshot = builder.finish(&Facts::default());
    assert_eq!(snapshot.tasks.len(), 1);
    let report = &snapshot.completeness;
    assert_eq!((report.records, report.damaged_records.count, report.foreign_events), (7, 4, 1));
    assert_eq!(report.unknown_event_types.get("MOON_EVENT"), Some(&1));
    assert_eq!(report.damaged_records.examples.iter().map(|p| p.position).collect::<Vec<_>>(), [1, 2, 5, 7]);
}

#[test]
fn reads_records_with_torn_writes_bad_bytes_and_escapes() {
    let record = |n: u8| event(0, [n, 0, 0, 0, 0, 0]).to_string();
    let mut builder = Builder::new(SESSION);
    let torn = format!("{}{}", &record(0)[..100], record(1));
    builder.fold_record("f", 1, torn.as_bytes());
    let mut odd = record(2).replacen(r#""eventType""#, r#""message":"caf?","eventType""#, 1).into_bytes();
    let at = odd.iter().position(|&byte| byte == b'?').unwrap();
    odd[at] = 0xe9;
    builder.fold_record("f", 2, &odd);
    builder.fold_record("f", 3, record(3).replace('/', "\\/").replace("eventType", "\\u0065ventType").as_bytes());
    builder.fold_record("f", 4, format!("{}{}", record(4), record(5)).as_bytes());
    let snapshot = builder.finish(&Facts::default());
    let report = &snapshot.completeness;
    assert_eq!((snapshot.tasks.len(), report.records, report.damaged_records.count), (5, 6, 1));
}

#[test]
fn attempt_fails_with_its_worker_else_with_its_job() {
    let task = |n: u8, worker: &str| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {
            "taskId": id(24, n), "jobId": id(4, 0), "workerId": worker, "stateTransitions": [{"state": "RUNNING", "timestamp": time(1)}]}})
    };
    let dead = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": time(2), "workerLifecycleEvent": {"workerId": id(28, 1),
        "stateTransitions": [{"state": "DEAD", "timestamp": time(2), "endTimeMs": "1795389142673", "deathInfo": {"exitType": "USER_ERROR", "exitDetail": "oops"}}]}});
    let end = json!({"eventType": "DRIVER_JOB_LIFECYCLE_EVENT", "timestamp": time(3), "driverJobLifecycleEvent": {"jobId": id(4, 0),
        "stateTransitions": [{"state": "FINISHED", "timestamp": "2026-11-22T23:13:00.123456789Z"}]}});
    let define = |n: u8| event(0, [n, 0, 0, 0, 0, 0]);
    let snapshot = fold(&[define(0), task(0, &id(28, 1)), define(2), task(2, ""), dead, end]).finish(&Facts::default());
    let ends: Vec<_> = snapshot
        .tasks
        .iter()
        .map(|a| {
            let failed = a.time_of(crate::base::task::TaskState::Failed);
            (failed, snapshot.str(a.error_type()), snapshot.text(a.error_message()))
        })
        .collect();
    assert_eq!(ends[0].0, Some(1_795_389_142_673_000_000));
    assert_eq!(
        ends[0].2,
        format!("Worker running the task ({}) died with exit_type: 2 with error_message: oops", snapshot.workers[0].id)
    );
    assert_eq!(ends[1].0, Some(1_795_389_180_123_000_000));
    assert_eq!(ends[1].2, "Job finishes (01000000) as driver exits. Marking all non-terminal tasks as failed.");
    assert!(ends.iter().all(|end| end.1 == "WORKER_DIED"));
}

#[test]
fn only_the_newest_head_is_alive() {
    let head = |n: u8, start: u8, state: &str| {
        [
            json!({"eventType": "NODE_DEFINITION_EVENT", "timestamp": time(start), "nodeDefinitionEvent": {
                "nodeId": id(28, n), "startTimestamp": time(start)}}),
            json!({"eventType": "NODE_LIFECYCLE_EVENT", "timestamp": time(start), "nodeLifecycleEvent": {"nodeId": id(28, n),
                "stateTransitions": [{"state": state, "timestamp": time(start), "resources": {"node:__internal_head__": 1.0}}]}}),
        ]
    };
    let events = [head(1, 30, "ALIVE"), head(2, 10, "ALIVE"), head(3, 20, "ALIVE")].concat();
    let snapshot = fold(&events).finish(&Facts::default());
    let nodes: Vec<_> =
        snapshot.nodes.iter().map(|node| (node.alive, node.end, snapshot.str(node.death_reason))).collect();
    let at = |n: u8| crate::base::time::parse_rfc3339(&time(n)).unwrap();
    let dead = "UNEXPECTED_TERMINATION";
    assert_eq!(nodes, [(true, 0, ""), (false, at(20), dead), (false, at(30), dead)]);
}

/// Workers without events come from logs and attempts, and their attempts fail when they die.
#[test]
fn builds_workers_from_logs_and_attempts() {
    let task = |n: u8| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {"taskId": id(24, 2 * n),
            "jobId": id(4, 0), "workerId": id(28, n), "workerPid": 7, "stateTransitions": [{"state": "RUNNING", "timestamp": time(1)}]}})
    };
    let define = |n: u8| event(0, [2 * n, 0, 0, 0, 0, 0]);
    let alive = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": time(2), "workerLifecycleEvent": {"workerId": id(28, 0),
        "stateTransitions": [{"state": "ALIVE", "timestamp": time(2), "startTimeMs": "5"}]}});
    let mut facts = log_facts();
    let unlogged = WorkerId::try_from_bytes(&BASE64_STANDARD.decode(id(28, 4)).unwrap()).unwrap();
    facts.processes.workers.remove(&unlogged);
    let snapshot = fold(&[define(0), define(1), define(2), task(0), task(1), task(2), task(4), alive]).finish(&facts);
    let rows: Vec<_> =
        snapshot.workers.iter().map(|w| (w.pid, w.life, w.reported, snapshot.str(w.exit_type), w.end_ms)).collect();
    let end = 1_795_389_150_000;
    assert_eq!(
        rows,
        [
            (0, Life::Alive, true, "", 0), // A log never replaces a field from an event.
            (101, Life::Alive, false, "", 0),
            (102, Life::Dead, false, "USER_ERROR", end),
            (103, Life::Alive, false, "", 0),
            (7, Life::Unknown, false, "", 0), // No log of it is stored.
        ]
    );
    let report = &snapshot.completeness;
    assert_eq!((report.workers_from_logs, report.workers_without_end), (4, 1));
    let failed = |n: usize| snapshot.tasks.get(n).time_of(crate::base::task::TaskState::Failed);
    assert_eq!((failed(0), failed(1), failed(2)), (None, None, Some(i64::try_from(end).unwrap() * 1_000_000)));
}

/// Ray before 2.55 puts the owner's node into the owner's updates, even into those after the attempt has ended.
#[test]
fn the_node_of_an_attempt_comes_from_updates_with_its_worker() {
    let update = |at: u8, node: u8, worker: &str, pid: u8, state: &str| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(at), "taskLifecycleEvent": {"taskId": id(24, 0),
            "jobId": id(4, 0), "workerId": worker, "workerPid": pid, "nodeId": id(28, node),
            "stateTransitions": [{"state": state, "timestamp": time(at)}]}})
    };
    let (worker, define) = (id(28, 2), event(0, [0; 6]));
    let submitted = update(2, 1, &worker, 0, "SUBMITTED_TO_WORKER");
    let (pending, ended) = (update(1, 3, "", 0, "PENDING_ARGS_AVAIL"), update(4, 3, "", 0, "FINISHED"));
    let running = update(3, 1, "", 7, "RUNNING");
    for events in [[define.clone(), pending.clone(), submitted, ended.clone()], [define, pending, running, ended]] {
        let snapshot = fold(&events).finish(&Facts::default());
        let node = snapshot.id(snapshot.tasks.get(0).node_id());
        assert_eq!(BASE64_STANDARD.encode(node), id(28, 1));
    }
}

/// Missing starts and names of outputs follow from the previous attempt in the same file.
#[test]
fn derives_output_location_from_previous_attempt() {
    let (job, worker) = (id(4, 0), id(28, 2));
    let log = |n: u8, at: u8, state: &str, info: Value| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(at), "taskLifecycleEvent": {"taskId": id(24, 2 * n), "jobId": job,
            "workerId": worker, "workerPid": 7, "nodeId": id(28, 1), "taskLogInfo": info,
            "stateTransitions": [{"state": "RUNNING", "timestamp": time(at)}, {"state": state, "timestamp": time(at)}]}})
    };
    // Ray 2.57 merges two updates to empty names and starts of zero.
    let merged = |end: &str| json!({"stdoutFile": "", "stderrFile": "", "stdoutStart": "0", "stderrStart": "0", "stdoutEnd": end, "stderrEnd": "30"});
    let define = |n: u8| event(0, [2 * n, 0, 0, 0, 0, 0]); // Named `f`.
    let mut events = vec![define(0), define(1), define(2)];
    events.extend([
        log(0, 1, "FINISHED", merged("40")),
        log(1, 2, "FINISHED", merged("60")),
        log(2, 3, "FAILED", Value::Null),
    ]);
    let mut facts = log_facts();
    let node = RayId::try_from_bytes(&BASE64_STANDARD.decode(id(28, 1)).unwrap()).unwrap();
    facts.processes.nodes.insert(node, NodeLog { temp_dir: Some("/mnt/ray".into()), ..NodeLog::default() });
    let snapshot = fold(&events).finish(&facts);
    let infos: Vec<_> = snapshot.tasks.iter().map(|attempt| *attempt.log_info().unwrap()).collect();
    // The first attempt starts after `:job_id:01000000` and `:task_name:f`, each with a line end.
    let stdout: Vec<_> = infos.iter().map(|log| (log.stdout_start, log.stdout_end)).collect();
    assert_eq!(stdout, [(Some(30), Some(40)), (Some(53), Some(60)), (Some(73), None)]);
    let stderr: Vec<_> = infos.iter().map(|log| (log.stderr_start, log.stderr_end)).collect();
    assert_eq!(stderr, [(Some(30), Some(30)), (Some(30), Some(30)), (Some(43), None)]);
    assert!(infos.iter().all(|log| {
        let name = snapshot.str(log.stdout_file);
        name.starts_with(&format!("/mnt/ray/{SESSION}/logs/worker-")) && name.ends_with("-01000000-7.out")
    }));
    let derived: Vec<_> = snapshot.tasks.iter().map(|attempt| attempt.is_log_of_worker()).collect();
    assert_eq!(derived, [false, false, true]);
}
