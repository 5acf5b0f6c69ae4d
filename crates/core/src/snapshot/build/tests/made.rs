//! Events and facts that are made from a few small numbers, so that they share ids, times and values.

use super::*;

pub(super) const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";

pub(in crate::snapshot) fn id(bytes: usize, n: u8) -> String {
    let mut id = vec![n; bytes];
    if bytes >= 4 {
        let at = bytes - 4;
        id[at..].copy_from_slice(&[1 + n % 2, 0, 0, 0]);
    }
    BASE64_STANDARD.encode(id)
}

/// Facts from logs about the workers of `event`.
pub(super) fn log_facts() -> Facts {
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

pub(in crate::snapshot) fn time(n: u8) -> String {
    format!("2026-11-22T23:12:{:02}.{:09}Z", n % 60, u32::from(n) * 1_000_003)
}

fn pick(from: &[&str], n: u8) -> String {
    from[usize::from(n) % from.len()].to_owned()
}

/// Makes an event from a few small numbers, so that events share ids, times and values.
#[expect(clippy::many_single_char_names, reason = "six small numbers without a meaning of their own")]
pub(in crate::snapshot) fn event(kind: u8, n: [u8; 6]) -> Value {
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
pub(super) fn split(event: &Value) -> Vec<Value> {
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

pub(in crate::snapshot) fn fold(events: &[Value]) -> Builder {
    let mut builder = Builder::new(SESSION);
    for event in events {
        builder.fold_record("file", 1, event.to_string().as_bytes());
    }
    builder
}

pub(in crate::snapshot) fn events() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec((any::<u8>(), any::<[u8; 6]>()), 1..40)
        .prop_map(|made| made.into_iter().map(|(kind, n)| event(kind, n)).collect())
}
