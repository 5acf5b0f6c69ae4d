//! A session whose tables tell Ray's own facts of a scene: what its exported events come to.

use super::clock::written;
use ray_history_obituary::cause::{JobState, RayFacts};
use ray_history_obituary::time::Time;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MILLISECOND: i64 = 1_000_000;

/// Events, and the nodes that they name.
struct Events<'a> {
    prefix: &'a str,
    /// Numbers of nodes, by the names of their pods.
    nodes: BTreeMap<String, u8>,
    session: &'a str,
    /// The start of all.
    from: Time,
    all: Vec<Value>,
}

/// Returns the events of a session whose pods have a prefix before their names. Facts have the times of `real`.
pub(super) fn events(
    ray: &RayFacts,
    prefix: &str,
    session: &str,
    from: Time,
    real: impl Fn(Time) -> Time,
) -> Vec<Value> {
    let mut events = Events { prefix, nodes: BTreeMap::new(), session, from, all: Vec::new() };
    let at = |time: Option<Time>| time.map_or(from, &real);
    // Ray tells the ends of jobs in milliseconds.
    let end = |time: Option<Time>| Time(at(time).millis() * MILLISECOND);
    for node in &ray.dead_nodes {
        let (id, time) = (events.node(&node.pod), written(at(node.at), true));
        let death = json!({"reason": node.reason, "reasonMessage": node.message});
        let state = json!([{"state": "DEAD", "timestamp": time, "deathInfo": death}]);
        events.add("NODE_LIFECYCLE_EVENT", "nodeLifecycleEvent", json!({"nodeId": id, "stateTransitions": state}));
    }
    for (exit, n) in ray.worker_exits.iter().zip(1..) {
        let (node, worker) = (events.node(&exit.pod), base64(&[n; 28]));
        let definition = json!({"workerId": worker, "nodeId": node, "pid": 7, "workerType": "WORKER"});
        events.add("WORKER_DEFINITION_EVENT", "workerDefinitionEvent", definition);
        let death = json!({"exitType": exit.exit_type, "exitDetail": ""});
        let (time, millis) = (written(at(exit.at), true), at(exit.at).millis().to_string());
        let state = json!([{"state": "DEAD", "timestamp": time, "endTimeMs": millis, "deathInfo": death}]);
        let ended = json!({"workerId": worker, "jobId": base64(&[1; 4]), "stateTransitions": state});
        events.add("WORKER_LIFECYCLE_EVENT", "workerLifecycleEvent", ended);
    }
    for errors in &ray.task_errors {
        let node = events.node(&errors.pod);
        for n in 1..=u8::try_from(errors.count).unwrap() {
            let attempt = json!({"taskId": base64(&[n; 24]), "taskAttempt": 0, "jobId": base64(&[1; 4])});
            let function = json!({"pythonFunctionDescriptor": {"moduleName": "m", "functionName": "fill"}});
            let definition = json!({"taskType": "NORMAL_TASK", "taskFunc": function});
            events.add("TASK_DEFINITION_EVENT", "taskDefinitionEvent", joined(&attempt, definition));
            let state = json!([{"state": "FAILED", "timestamp": written(at(errors.at), true)}]);
            let error = json!({"errorType": errors.error, "errorMessage": "killed"});
            let ended =
                json!({"nodeId": node, "workerId": base64(&[n; 28]), "stateTransitions": state, "rayErrorInfo": error});
            events.add("TASK_LIFECYCLE_EVENT", "taskLifecycleEvent", joined(&attempt, ended));
        }
    }
    for job in &ray.jobs {
        let definition = json!({"submissionId": job.id, "entrypoint": "python train.py"});
        events.add("SUBMISSION_JOB_DEFINITION_EVENT", "submissionJobDefinitionEvent", definition);
        let state = match job.state {
            JobState::Failed => "FAILED",
            JobState::Stopped => "STOPPED",
            JobState::Succeeded => "SUCCEEDED",
            JobState::Open => "RUNNING",
        };
        let states = json!([{"state": "RUNNING", "timestamp": written(from, true)},
            {"state": state, "timestamp": written(end(job.at), true), "message": job.message}]);
        let ended = json!({"submissionId": job.id, "stateTransitions": states});
        events.add("SUBMISSION_JOB_LIFECYCLE_EVENT", "submissionJobLifecycleEvent", ended);
    }
    events.all
}

impl Events<'_> {
    /// Returns the id of the node of a pod, and defines it first.
    fn node(&mut self, pod: &str) -> String {
        let next = u8::try_from(self.nodes.len() + 2).unwrap();
        if let Some(number) = self.nodes.get(pod) {
            return base64(&[*number; 28]);
        }
        self.nodes.insert(pod.to_owned(), next);
        let id = base64(&[next; 28]);
        let definition = json!({"nodeId": id, "nodeIpAddress": format!("10.0.0.{next}"),
            "hostname": format!("{}{pod}", self.prefix), "startTimestamp": written(self.from, true)});
        self.add("NODE_DEFINITION_EVENT", "nodeDefinitionEvent", definition);
        id
    }

    fn add(&mut self, kind: &str, field: &str, payload: Value) {
        let id = base64(&u64::try_from(self.all.len()).unwrap().to_le_bytes());
        self.all.push(json!({"eventId": id, "sourceType": "GCS", "eventType": kind, "severity": "INFO",
            "timestamp": written(self.from, true), "sessionName": self.session, field: payload}));
    }
}

fn joined(one: &Value, mut other: Value) -> Value {
    other.as_object_mut().unwrap().extend(one.as_object().unwrap().clone());
    other
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}
