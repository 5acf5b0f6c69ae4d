//! Why runs ended: the test acts as scheduler, kubelet and `KubeRay`, and reads what is kept in the bucket.

mod causes;
mod clock;
mod play;
mod tables;

pub(crate) use causes::injected_causes_are_told_right_and_none_is_wrong_and_certain;

use crate::manifests::{Form, Rights};
use crate::stage::Stage;
use crate::world::{LATE, SOON, World};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Values in pods that must be kept nowhere.
const SECRETS: [&str; 3] = ["hunter2-in-env", "hunter2-in-args", "hunter2-in-annotation"];
/// The longest time until a document is final: pods are waited for.
const FINAL: Duration = Duration::from_secs(240);

/// The world of a mode, with its rights.
async fn world(stage: Stage, mode: &str, store: &str, rights: &str) -> World {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.rights = Rights::of(Form::Namespaced, &world.namespace).with_obituaries(rights, &world.namespace);
    world.rights.grant(&world.plane).await;
    world.plane.apply(world.history_with("obituaries", json!({"mode": mode, "store": store}))).await;
    world.start().await;
    world
}

impl World {
    /// The head's pod of a cluster, which runs.
    async fn head(&self, cluster: &str) -> Value {
        let owner = self.plane.api(&self.cluster(cluster)).get(cluster).await.unwrap();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("{cluster}-head"), "namespace": self.namespace,
                "labels": {"ray.io/cluster": cluster, "ray.io/node-type": "head", "ray.io/group": "headgroup"},
                "annotations": {"note": SECRETS[2]},
                "ownerReferences": [{"apiVersion": "ray.io/v1", "kind": "RayCluster", "name": cluster,
                    "uid": owner.metadata.uid, "controller": true}],
            },
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
                "name": "ray-head", "image": "rayproject/ray:2.60.0", "args": [SECRETS[1]],
                "env": [{"name": "TOKEN", "value": SECRETS[0]}],
                "resources": {"limits": {"memory": "8Gi"}},
            }]},
        });
        self.plane.apply(pod.clone()).await;
        self.container(&pod, json!({"running": {"startedAt": now()}}), json!({}), 0).await;
        pod
    }

    /// Sets the state of a pod's container.
    async fn container(&self, pod: &Value, state: Value, last: Value, restarts: u32) {
        let status = json!({"name": "ray-head", "image": "rayproject/ray:2.60.0", "imageID": "sha256:1",
            "containerID": "containerd://1", "ready": false, "restartCount": restarts, "state": state, "lastState": last});
        self.change(pod, json!({"status": {"phase": "Running", "containerStatuses": [status]}})).await;
    }

    /// The paths of the files that are kept, relative to their folder.
    fn kept(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.bucket.path().join("ray-history/v1").join(folder))
    }

    /// The document of the only cluster.
    fn document(&self) -> Option<Value> {
        let [path] = &self.kept("obituaries")[..] else { return None };
        serde_json::from_slice(&std::fs::read(path).unwrap()).ok()
    }

    async fn eventually(&self, what: &str, within: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        let check = || async { self.document().is_some_and(|document| holds(&document)) };
        self.server().eventually(what, within, check).await;
        self.document().unwrap()
    }
}

/// The status of a `RayJob`.
fn status(deployment: &str, job: &str) -> Value {
    json!({"jobDeploymentStatus": deployment, "jobStatus": job, "rayClusterName": "nightly-x7k2p", "jobId": "nightly-1",
        "startTime": now(), "endTime": (deployment == "Complete").then(now)})
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the objects below a folder. A file that is still being written is none: who takes it for one, and kills its
/// writer, has lost it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_object = |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with(".ray-history-partial-");
    let paths = entries.map(|entry| entry.unwrap().path()).filter(is_object);
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn killed() -> Value {
    json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": now(), "containerID": "containerd://1"}})
}

fn is_final(document: &Value) -> bool {
    document["final"] == true
}

pub(crate) async fn a_head_without_memory_is_why_the_run_failed(stage: Stage) {
    let world = world(stage, "Pods", "Bucket", "Pods").await;
    world.create("c").await;
    let pod = world.head("c").await;
    world.has("ObituariesKept", "True", "Recording").await;
    world.container(&pod, json!({"waiting": {"reason": "CrashLoopBackOff"}}), killed(), 1).await;
    let has_cause = |document: &Value| document["runs"][0]["causes"][0]["code"] == "HeadOOM";
    let first = world.eventually("the cause is kept while the cluster lives", Duration::from_secs(90), has_cause).await;
    assert_eq!((&first["final"], &first["runs"][0]["causes"][0]["certainty"]), (&json!(false), &json!("certain")));
    assert!(!first["kubernetes"]["cluster"].as_str().unwrap().is_empty(), "{first}");
    world.plane.delete(&pod).await;
    world.delete("c").await;
    let last = world.eventually("the document is final", FINAL, is_final).await;
    assert!(has_cause(&last) && last["outcome"] == "Failed", "{last}");
    assert!(last["revision"].as_u64() > first["revision"].as_u64());
    // A run without a session has an Event of its own.
    world.has_event("RunEnded", "RayHistory", "The head ran out of memory at its limit of 8Gi").await;
    let rows = || async {
        world.kept("ledger").iter().any(|piece| std::fs::read_to_string(piece).unwrap().contains("\"HeadOOM\""))
    };
    world.server().eventually("the ledger has a row", LATE, rows).await;
    for file in files(world.bucket.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in SECRETS {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{secret} in {}",
                file.display()
            );
        }
    }
}

pub(crate) async fn a_run_that_ends_well_is_one_document(stage: Stage) {
    let world = world(stage, "Resources", "Bucket", "Resources").await;
    let job = world.owner("RayJob", "nightly");
    world.plane.apply(job.clone()).await;
    world.change(&job, json!({"status": status("Running", "RUNNING")})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.document(), None, "nothing is written of what goes on well");
    world.change(&job, json!({"status": status("Complete", "SUCCEEDED")})).await;
    world.plane.delete(&job).await;
    let last = world.eventually("the document is final", FINAL, is_final).await;
    assert_eq!((&last["outcome"], &last["runs"][0]["causes"]), (&json!("Succeeded"), &json!([])), "{last}");
}

pub(crate) async fn the_next_leader_writes_what_the_last_one_could_not(stage: Stage) {
    let mut world = world(stage, "Pods", "Bucket", "Pods").await;
    world.create("c").await;
    let pod = world.head("c").await;
    world.has("ObituariesKept", "True", "Recording").await;
    world.start().await;
    let both = || async { world.status().await["replicas"].as_array().is_some_and(|all| all.len() == 2) };
    world.server().eventually("both replicas serve", LATE, both).await;
    drop(world.servers.remove(0));
    // Nobody leads until its Lease expires: only the second replica sees this.
    world.container(&pod, json!({"waiting": {"reason": "CrashLoopBackOff"}}), killed(), 1).await;
    let has_cause = |document: &Value| document["runs"][0]["causes"][0]["code"] == "HeadOOM";
    let document = world.eventually("the next leader writes it", LATE, has_cause).await;
    assert_eq!(document["writer"], "replica-b");
}

pub(crate) async fn without_the_right_to_pods_documents_say_so(stage: Stage) {
    let mut world = world(stage, "Pods", "Bucket", "Resources").await;
    world.may_be_refused = true;
    let message = world.has("ObituariesKept", "True", "Partial").await;
    assert!(message.contains("forbidden: pods is forbidden"), "{message}");
    world.create("c").await;
    tokio::time::sleep(SOON / 10).await;
    world.delete("c").await;
    let last = world.eventually("the document is final", FINAL, is_final).await;
    assert!(last["unseen"].as_array().unwrap().contains(&json!("pods: forbidden")), "{last}");
    assert_eq!(last["runs"][0]["causes"][0]["certainty"], "likely", "{last}");
}

pub(crate) async fn in_memory_nothing_is_written(stage: Stage) {
    let world = world(stage, "Pods", "Memory", "Pods").await;
    world.has("ObituariesKept", "True", "InMemory").await;
    world.create("c").await;
    let pod = world.head("c").await;
    world.container(&pod, json!({"waiting": {"reason": "CrashLoopBackOff"}}), killed(), 1).await;
    world.plane.delete(&pod).await;
    world.delete("c").await;
    world.has_event("RunEnded", "RayHistory", "The head ran out of memory").await;
    assert!(!world.bucket.path().join("ray-history").exists());
}

/// The cluster goes while no replica runs, and the document of another Kubernetes is about one that is not here.
pub(crate) async fn an_end_that_nobody_watched_makes_its_document_final(stage: Stage) {
    let mut world = world(stage, "Pods", "Bucket", "Pods").await;
    world.create("c").await;
    let pod = world.head("c").await;
    world.has("ObituariesKept", "True", "Recording").await;
    world.container(&pod, json!({"waiting": {"reason": "CrashLoopBackOff"}}), killed(), 1).await;
    let has_cause = |document: &Value| document["runs"][0]["causes"][0]["code"] == "HeadOOM";
    let left = world.eventually("the cause is kept while the cluster lives", Duration::from_secs(90), has_cause).await;
    let row = || async { !world.kept("ledger").is_empty() };
    world.server().eventually("the ledger has a row", LATE, row).await;
    drop(world.servers.remove(0));
    world.plane.delete(&pod).await;
    world.delete("c").await;
    let mut foreign = left.clone();
    (foreign["object"]["uid"], foreign["kubernetes"]["cluster"]) = (json!("foreign"), json!("another"));
    let path = world.kept("obituaries")[0].with_file_name("foreign.json");
    std::fs::write(&path, foreign.to_string()).unwrap();
    let piece = &world.kept("ledger")[0];
    let rows = std::fs::read_to_string(piece).unwrap();
    let uid = left["object"]["uid"].as_str().unwrap();
    std::fs::write(piece, rows.clone() + &rows.replace(uid, "foreign")).unwrap();

    world.start().await;
    let read = |path: PathBuf| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let own = path.with_file_name(format!("{uid}.json"));
    let closed = || async { is_final(&read(own.clone())) };
    world.server().eventually("the document is final", LATE, closed).await;
    let last = read(own.clone());
    assert!(has_cause(&last) && last["outcome"] == "Failed", "{last}");
    assert!(last["unseen"][0].as_str().unwrap().starts_with("the end, between "), "{last}");
    assert!(last["revision"].as_u64() > left["revision"].as_u64());
    assert_eq!(read(path), foreign, "a document of another Kubernetes stays as it is");
}
