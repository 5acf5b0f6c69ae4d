//! Objects for tests, as the API server would send them; the day begins at [`START`].

use ray_history_obituary::cause::{RayFacts, Run};
use ray_history_obituary::document::{Document, Kubernetes};
use ray_history_obituary::facts::Kind;
use ray_history_obituary::records::{Object, Records};
use ray_history_obituary::time::Time;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The time at which everything is created.
pub(crate) const START: &str = "2026-11-29T07:00:00Z";

/// Returns the time so many seconds after the start.
pub(crate) fn at(seconds: i64) -> Time {
    Time::parse(START).unwrap().plus(seconds)
}

/// Returns the same as a text.
pub(crate) fn when(seconds: i64) -> String {
    at(seconds).to_string()
}

/// A version of an object that is seen at a time.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The time, in seconds after the start.
    pub(crate) at: i64,
    /// The object goes, and this is its last version.
    pub(crate) gone: bool,
    pub(crate) object: Value,
}

/// A scene: objects that are seen one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Its steps, in any order.
    pub(crate) steps: Vec<Step>,
    /// The time at which it begins; [`START`] without one.
    pub(crate) start: Option<Time>,
    pub(crate) ray: Option<RayFacts>,
    /// A real API server shows the object at this time for so long that a pod which waits is asked about.
    pub(crate) holds: Option<i64>,
    /// The time before which all has long been over when a real API server shows the first object.
    pub(crate) age: i64,
}

/// Joins fields of the second value into the first.
fn merge(into: &mut Value, with: Value) {
    match (into, with) {
        (Value::Object(into), Value::Object(with)) => {
            for (key, value) in with {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, with) => *into = with,
    }
}

/// Returns the object with other fields.
pub(crate) fn with(mut object: Value, fields: Value) -> Value {
    merge(&mut object, fields);
    object
}

fn read(value: &Value) -> Object {
    Object::read(value.to_string().as_bytes()).unwrap()
}

impl Scene {
    /// A `RayCluster` without an owner.
    pub(crate) fn cluster() -> Self {
        Self::default().see(0, cluster(json!({})))
    }

    /// A `RayJob` with its cluster; the job runs after 60 seconds.
    pub(crate) fn job() -> Self {
        let scene = Self::default().see(0, job("Initializing", "", json!({})));
        scene.see(0, owned()).see(60, job("Running", "RUNNING", json!({})))
    }

    /// A `RayJob` whose cluster never became ready.
    pub(crate) fn job_that_never_ran() -> Self {
        Self::default().see(0, job("Initializing", "", json!({}))).see(0, owned())
    }

    /// A healthy head and a healthy worker.
    pub(crate) fn healthy(self) -> Self {
        self.see(10, head(json!({"running": {"startedAt": when(5)}})))
            .see(20, worker("w1", json!({"running": {"startedAt": when(15)}})))
    }

    /// Sees a version.
    pub(crate) fn see(mut self, at: i64, object: Value) -> Self {
        self.steps.push(Step { at, gone: false, object });
        self
    }

    /// Sees an object go.
    pub(crate) fn gone(mut self, at: i64, object: Value) -> Self {
        self.steps.push(Step { at, gone: true, object });
        self
    }

    /// Sees all that is there once more, unchanged.
    pub(crate) fn again(self, seconds: i64) -> Self {
        let mut there: BTreeMap<String, Value> = BTreeMap::new();
        for step in &self.steps {
            let uid = step.object["metadata"]["uid"].to_string();
            if step.gone {
                there.remove(&uid);
            } else {
                there.insert(uid, step.object.clone());
            }
        }
        there.into_values().fold(self, |scene, object| scene.see(seconds, object))
    }

    /// Shows what is there from a time on for more than a minute.
    pub(crate) fn holds(self, at: i64) -> Self {
        Self { holds: Some(at), ..self }
    }

    /// Lets what happened before a time be over at the start.
    pub(crate) fn began_long_ago(self, age: i64) -> Self {
        Self { age, ..self }
    }

    /// The job fails with a reason and a message.
    pub(crate) fn fails(self, seconds: i64, reason: &str, status: &str, message: &str) -> Self {
        let told = json!({"reason": reason, "message": message, "endTime": when(seconds)});
        self.see(seconds, job("Failed", status, told))
    }

    /// Returns the records that have seen it.
    pub(crate) fn records(&self) -> Records {
        let mut records = Records::default();
        for Step { at: seconds, gone, object } in &self.steps {
            let object = read(object);
            if *gone { records.delete(&object, at(*seconds)) } else { records.apply(&object, at(*seconds)) }
        }
        records
    }

    /// Returns the last run of the job, else of the cluster.
    pub(crate) fn run(&self) -> Run {
        self.document().runs.last().unwrap().clone()
    }

    /// Returns the document of the job, else of the cluster.
    pub(crate) fn document(&self) -> Document {
        self.document_of(self.uid())
    }

    /// Returns the uid of the job, else of the cluster.
    pub(crate) fn uid(&self) -> &'static str {
        let has_job = self.steps.iter().any(|step| step.object["kind"] == Kind::RayJob.name());
        if has_job { "j-uid" } else { "c-uid" }
    }

    pub(crate) fn document_of(&self, uid: &str) -> Document {
        document(&self.records(), uid, self.ray.as_ref())
    }
}

/// Returns the document of an object a day later.
pub(crate) fn document(records: &Records, uid: &str, ray: Option<&RayFacts>) -> Document {
    records.document(uid, at(90_000), "w", &Kubernetes::default(), ray).unwrap()
}

/// Returns an object with metadata.
pub(crate) fn object(kind: &str, name: &str, uid: &str, more: Value) -> Value {
    let mut object = json!({"kind": kind, "metadata": {
        "name": name, "namespace": "team", "uid": uid, "creationTimestamp": START, "generation": 1}});
    merge(&mut object, more);
    object
}

pub(crate) fn cluster(more: Value) -> Value {
    object("RayCluster", "c", "c-uid", more)
}

/// The cluster of the job.
pub(crate) fn owned() -> Value {
    cluster(
        json!({"metadata": {"ownerReferences": [{"kind": "RayJob", "name": "j", "uid": "j-uid", "controller": true}]}}),
    )
}

/// A cluster that is ready.
pub(crate) fn ready() -> Value {
    json!({"status": {"state": "ready"}})
}

pub(crate) fn job(deployment: &str, status: &str, more: Value) -> Value {
    let mut told = json!({"jobDeploymentStatus": deployment, "rayClusterName": "c", "startTime": START});
    if !status.is_empty() {
        told["jobStatus"] = status.into();
    }
    merge(&mut told, more);
    let spec = json!({"activeDeadlineSeconds": 600, "ttlSecondsAfterFinished": 20, "shutdownAfterJobFinishes": true});
    object("RayJob", "j", "j-uid", json!({"spec": spec, "status": told}))
}

/// The state of Ray's container, or the whole status where it has a `phase`.
fn status(name: &str, state: Value) -> Value {
    if state.get("phase").is_some() || state.get("conditions").is_some() || state.get("containerStatuses").is_some() {
        return state;
    }
    let ready = state.get("running").is_some();
    let mut container = Map::from_iter([("name".into(), name.into()), ("restartCount".into(), 0.into())]);
    container.insert("ready".into(), ready.into());
    container.insert("state".into(), state);
    json!({"phase": if ready { "Running" } else { "Pending" }, "containerStatuses": [container]})
}

fn pod(name: &str, container: &str, labels: Value, owner: Value, state: Value) -> Value {
    let resources = json!({"limits": {"memory": "8Gi"}});
    let spec =
        json!({"nodeName": "node-1", "containers": [{"name": container, "image": "ray:2", "resources": resources}]});
    let metadata = json!({"labels": labels, "ownerReferences": [owner]});
    let told = json!({"metadata": metadata, "spec": spec, "status": status(container, state)});
    object("Pod", name, &format!("{}-uid", name.trim_start_matches("c-")), told)
}

fn of_cluster() -> Value {
    json!({"kind": "RayCluster", "name": "c", "uid": "c-uid", "controller": true})
}

pub(crate) fn head(state: Value) -> Value {
    let labels = json!({"ray.io/cluster": "c", "ray.io/node-type": "head", "ray.io/group": "headgroup"});
    pod("c-head", "ray-head", labels, of_cluster(), state)
}

pub(crate) fn worker(name: &str, state: Value) -> Value {
    let labels = json!({"ray.io/cluster": "c", "ray.io/node-type": "worker", "ray.io/group": "gpu"});
    pod(name, "ray-worker", labels, of_cluster(), state)
}

pub(crate) fn submitter(state: Value) -> Value {
    let labels = json!({"ray.io/originated-from-crd": "RayJob", "ray.io/originated-from-cr-name": "j"});
    pod("j-1", "ray-job-submitter", labels, json!({"kind": "Job", "name": "j", "uid": "job-uid"}), state)
}

/// A pod that has no node.
pub(crate) fn without_node(mut pod: Value) -> Value {
    pod["spec"]["nodeName"] = Value::Null;
    pod
}

/// The same object while it is being deleted.
pub(crate) fn deleting(mut object: Value, seconds: i64, grace: i64) -> Value {
    object["metadata"]["deletionTimestamp"] = when(seconds + grace).into();
    object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    object
}

pub(crate) fn ended(seconds: i64, reason: &str, exit: i64) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": exit, "finishedAt": when(seconds), "startedAt": when(5),
        "containerID": format!("containerd://{seconds}")}})
}

/// The state of a container that runs.
pub(crate) fn running(seconds: i64) -> Value {
    json!({"running": {"startedAt": when(seconds)}})
}

pub(crate) fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

/// A pod's condition, as its whole status.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, seconds: i64, message: &str) -> Value {
    json!({"phase": "Pending", "conditions": [{"type": kind, "status": status, "reason": reason,
        "lastTransitionTime": when(seconds), "message": message}]})
}

/// The pod's own reason, as its whole status.
pub(crate) fn reason(reason: &str, message: &str) -> Value {
    json!({"phase": "Failed", "reason": reason, "message": message})
}

pub(crate) fn event(kind: &str, name: &str, uid: &str, seconds: i64, reason: &str, note: &str) -> Value {
    let from = if reason == "Stopped" { "kueue-job" } else { "kubelet" };
    let about = json!({"kind": kind, "namespace": "team", "name": name, "uid": uid});
    let told = json!({"involvedObject": about, "reason": reason, "message": note, "type": "Warning", "count": 1,
        "firstTimestamp": when(seconds), "lastTimestamp": when(seconds), "source": {"component": from}});
    object("Event", &format!("{name}.{seconds}"), &format!("e-{name}-{reason}-{seconds}"), told)
}

pub(crate) fn workload(kind: &str, status: &str, reason: &str, seconds: i64) -> Value {
    let conditions = json!([{"type": kind, "status": status, "reason": reason, "lastTransitionTime": when(seconds),
        "message": "couldn't assign flavors: insufficient quota"}]);
    let owners = json!([{"kind": "RayJob", "name": "j", "uid": "j-uid"}]);
    object(
        "Workload",
        "rayjob-j",
        "wl-uid",
        json!({"metadata": {"ownerReferences": owners}, "status": {"conditions": conditions}}),
    )
}

pub(crate) fn node(more: Value) -> Value {
    object("Node", "node-1", "n-uid", more)
}

/// The program of the job fails with an error, which is the last line of the message.
pub(crate) fn app_failed(scene: Scene, seconds: i64, error: &str) -> Scene {
    let message =
        format!("Job entrypoint command failed with exit code 1, last available logs (truncated):\n{error}\n");
    scene.fails(seconds, "AppFailed", "FAILED", &message)
}
