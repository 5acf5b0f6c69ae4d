//! Events of a session of many attempts, alike those of a real one: a few functions and actors on some workers, with
//! ids and times of their own.

use crate::base::id::{JobId, RayId, TaskId};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The time of the first attempt.
const START: u64 = 1_795_389_142_000_000_000;
/// Workers, each of which runs one attempt at a time.
const WORKERS: u64 = 64;

/// Returns a number that looks random and follows from another one.
fn mixed(n: u64) -> u64 {
    let mut n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn id(bytes: usize, n: u64) -> String {
    let mut id = Vec::new();
    for at in 0..bytes as u64 {
        id.push(mixed((n << 8) | at) as u8);
    }
    BASE64_STANDARD.encode(id)
}

fn time(ns: u64) -> String {
    // All of one hour; a day has no more attempts than tests have.
    let (seconds, below) = ((ns - START) / 1_000_000_000, ns % 1_000_000_000);
    format!("2026-11-22T{:02}:{:02}:{:02}.{below:09}Z", 10 + seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Returns the records of a number of attempts, four for each, and five profile events for each.
pub fn records(attempts: u64) -> impl Iterator<Item = String> {
    (0..attempts).flat_map(attempt)
}

fn attempt(n: u64) -> [String; 4] {
    let job = JobId::from_hex("01000000").unwrap();
    let actor = n.is_multiple_of(5).then(|| mixed((1 << 40) | (n % 50)));
    let mut task = [0xff; 24];
    task[..8].copy_from_slice(&mixed(n).to_be_bytes());
    if let Some(actor) = actor {
        task[8..16].copy_from_slice(&actor.to_be_bytes());
    }
    task[20..].copy_from_slice(&job.0);
    let task: TaskId = RayId(task);
    let name = actor.map_or_else(|| format!("work_{}", n % 3), |_| "Counter.add".to_owned());
    let (task_id, job_id) = (BASE64_STANDARD.encode(task.0), BASE64_STANDARD.encode(job.0));
    let (worker, node) = (id(28, n % WORKERS), id(28, (1 << 30) | (n % 4)));
    let step = |at: u64| START + n / WORKERS * 40_000_000 + at * 1_000_000 + mixed((n << 4) | at) % 900_000;
    let state = |state: &str, at: u64| json!({"state": state, "timestamp": time(step(at))});
    let event = |kind: &str, key: &str, payload: Value| {
        json!({"eventType": kind, "timestamp": time(step(9)), key: payload}).to_string()
    };
    let mut definition = json!({"taskId": task_id, "taskAttempt": 0, "jobId": job_id, "language": "PYTHON",
        "parentTaskId": BASE64_STANDARD.encode([0xff; 24]), "requiredResources": {"CPU": 1.0},
        "serializedRuntimeEnv": "{}"});
    let (kind, key, func, named) = match actor {
        Some(_) => ("ACTOR_TASK_DEFINITION_EVENT", "actorTaskDefinitionEvent", "actorFunc", "actorTaskName"),
        None => ("TASK_DEFINITION_EVENT", "taskDefinitionEvent", "taskFunc", "taskName"),
    };
    definition[func] =
        json!({"pythonFunctionDescriptor": {"moduleName": "job", "className": "", "functionName": name}});
    definition[named] = name.as_str().into();
    definition["actorId"] = BASE64_STANDARD.encode(task.actor_id().0).into();
    let printed = n / WORKERS * 20;
    let log =
        |ending| format!("/tmp/ray/session/logs/worker-{}-01000000-{}.{ending}", n % WORKERS, n % WORKERS + 1_000);
    let spans = ["task:deserialize_arguments", "task:execute", "task:store_outputs", "submit_task", "ray.get"];
    let spans = spans.iter().zip(1u64..).map(|(name, at)| {
        let extra = if at < 4 { format!(r#"{{"name": "{name}", "task_id": "{task}"}}"#) } else { "{}".to_owned() };
        let start = step(at + 3);
        json!({"startTime": start.to_string(), "endTime": (start + mixed(n + at) % 800_000).to_string(),
            "eventName": name, "extraData": extra})
    });
    let lifecycle = |more: Value| {
        let mut payload = json!({"taskId": task_id, "taskAttempt": 0, "jobId": job_id, "nodeId": node});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event("TASK_LIFECYCLE_EVENT", "taskLifecycleEvent", payload)
    };
    [
        event(kind, key, definition),
        lifecycle(json!({"workerId": worker, "stateTransitions": [state("PENDING_ARGS_AVAIL", 0),
            state("PENDING_NODE_ASSIGNMENT", 1), state("SUBMITTED_TO_WORKER", 2), state("FINISHED", 9)]})),
        lifecycle(
            json!({"workerId": worker, "workerPid": n % WORKERS + 1_000, "stateTransitions": [state("RUNNING", 4)],
            "taskLogInfo": {"stdoutFile": log("out"), "stderrFile": log("err"), "stdoutStart": printed.to_string(),
            "stdoutEnd": (printed + 20).to_string(), "stderrStart": "0", "stderrEnd": "0"}}),
        ),
        event(
            "TASK_PROFILE_EVENT",
            "taskProfileEvents",
            json!({"taskId": task_id, "attemptNumber": 0, "jobId": job_id,
            "profileEvents": {"componentType": "worker", "componentId": worker, "nodeIpAddress": "10.0.0.1",
            "events": spans.collect::<Vec<_>>()}}),
        ),
    ]
}
