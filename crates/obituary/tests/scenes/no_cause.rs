//! Trouble that is no cause: each of these happens in ordinary runs, and must not be named with certainty.

use super::Row;
use super::objects::*;
use ray_history_obituary::cause::{Certainty, Code, Outcome};
use serde_json::{Value, json};

use Certainty::{Certain, Likely};
use Outcome::{Failed, Stopped, Succeeded};

fn succeeded(scene: Scene) -> Scene {
    scene.see(300, job("Complete", "SUCCEEDED", json!({"endTime": when(300)})))
}

fn failed(scene: Scene) -> Scene {
    app_failed(scene, 300, "ValueError: broken")
}

/// A run with a first cause, of a certainty where it has to be one.
fn caused(name: &'static str, code: Code, certainty: Option<Certainty>, outcome: Outcome, scene: Scene) -> Row {
    Row { name, cause: Some(code), certainty, outcome, says: "", uid: scene.uid(), scene }
}

/// A run that failed of its program, for sure.
fn of_program(name: &'static str, scene: Scene) -> Row {
    caused(name, Code::AppFailed, Some(Certain), Failed, failed(scene))
}

/// A run that went well.
fn well(name: &'static str, scene: Scene) -> Row {
    Row { name, cause: None, certainty: None, outcome: Succeeded, says: "It succeeded.", uid: scene.uid(), scene }
}

/// Returns all of them.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = ends_of_deletions();
    rows.extend(waits_that_healed());
    rows.extend(late_submitters());
    rows.extend(ordinary_trouble());
    rows.extend([
        of_program("a refused spec that was corrected", {
            let refused = event("RayCluster", "c", "c-uid", 1, "InvalidRayClusterSpec", "no gate");
            Scene::job().see(1, refused).healthy()
        }),
        well("a job that its queue resumed", resumed()),
    ]);
    rows
}

/// A deleted cluster's pods end in phase Failed with exit code 1, or 137 after the grace.
fn ends_of_deletions() -> Vec<Row> {
    let deleted = |exit| {
        let scene = Scene::cluster().see(1, cluster(ready())).healthy().gone(300, cluster(ready()));
        let scene = scene.see(302, deleting(head(ended(301, "Error", exit)), 300, 30));
        scene.gone(303, deleting(worker("w1", ended(302, "Error", exit)), 300, 30))
    };
    let of_job = |exit| {
        let scene = succeeded(Scene::job().healthy()).gone(320, owned());
        scene.see(322, deleting(head(ended(321, "Error", exit)), 320, 30))
    };
    vec![
        caused("deleted, its pods end with 1", Code::Deleted, Some(Certain), Stopped, deleted(1)),
        caused("deleted, its pods end with 137", Code::Deleted, Some(Certain), Stopped, deleted(137)),
        caused("deleted, its pods end with 143", Code::Deleted, Some(Certain), Stopped, deleted(143)),
        well("succeeded, its pods end with 1", of_job(1)),
        well("succeeded, its pods end with 137", of_job(137)),
        well("succeeded, its pods end with 143", of_job(143)),
    ]
}

fn waits_that_healed() -> Vec<Row> {
    vec![
        of_program("the scheduler found no node at first, and then it did", {
            let waits = condition("PodScheduled", "False", "Unschedulable", 2, "0/1 nodes are available");
            let scene = Scene::job().see(3, without_node(worker("w1", waits)));
            let told = event("Pod", "w1", "w1-uid", 2, "FailedScheduling", "0/1 nodes are available");
            scene.see(3, told).healthy()
        }),
        well("an image that could be pulled at the second try", {
            let scene = Scene::job().see(3, head(waiting("ErrImagePull", "timeout")));
            succeeded(scene.healthy())
        }),
        of_program("workers that wait while the job runs", {
            // They are missing capacity, no end.
            let waits = condition("PodScheduled", "False", "Unschedulable", 100, "0/1 nodes are available");
            Scene::job().healthy().see(101, without_node(worker("w2", waits)))
        }),
    ]
}

/// After the deadline the submitter ends with an error, without being deleted.
fn late_submitters() -> Vec<Row> {
    let late = || {
        let scene = Scene::job().healthy().see(40, submitter(running(40)));
        let scene = scene.fails(600, "DeadlineExceeded", "RUNNING", "passed").gone(622, owned());
        scene.see(653, submitter(ended(652, "Error", 1)))
    };
    let without_memory = late().see(700, submitter(ended(699, "OOMKilled", 137)));
    vec![
        caused("a submitter that ends after the deadline", Code::Deadline, Some(Certain), Failed, late()),
        caused("the same without memory", Code::Deadline, Some(Certain), Failed, without_memory),
        // `jobStatus` stays RUNNING when KubeRay gives up.
        caused("a job status of RUNNING when it is over", Code::Deadline, Some(Certain), Failed, {
            Scene::job().healthy().fails(600, "DeadlineExceeded", "RUNNING", "passed")
        }),
    ]
}

fn ordinary_trouble() -> Vec<Row> {
    let of_head = |at, reason: &str, note: &str| (at, event("Pod", "c-head", "head-uid", at, reason, note));
    let probes = [
        // A readiness probe fails at each start and each end, and kubelet stops containers at each deletion.
        of_head(8, "Unhealthy", "Readiness probe failed: refused"),
        of_head(9, "Unhealthy", "Liveness probe failed: refused"),
        of_head(301, "Killing", "Stopping container ray-head"),
    ];
    let sidecars = || {
        let mut pod = head(running(5));
        let sidecar = json!({"name": "collector", "restartCount": 1, "state": ended(100, "OOMKilled", 137)});
        pod["status"]["containerStatuses"].as_array_mut().unwrap().push(sidecar);
        let mut pulls = worker("w1", running(15));
        let waits = json!({"name": "sidecar", "restartCount": 0, "state": waiting("ErrImagePull", "x")});
        pulls["status"]["containerStatuses"].as_array_mut().unwrap().push(waits);
        Scene::job().healthy().see(101, pod).see(102, pulls)
    };
    let spot = || node(json!({"metadata": {"labels": {"cloud.google.com/gke-spot": "true"}}}));
    vec![
        of_program(
            "probes that failed once",
            probes.into_iter().fold(Scene::job().healthy(), |scene, (at, event)| scene.see(at, event)),
        ),
        caused("ends of sidecars", Code::AppFailed, None, Failed, failed(sidecars())),
        of_program("a healthy worker that goes while the cluster scales down, and its spot node after it", {
            let note = "Deleted worker Pod team/w1; Pod status: Running; Pod restart policy: Always";
            let scene = Scene::job().healthy().see(30, spot());
            let scene = scene.see(100, event("RayCluster", "c", "c-uid", 100, "DeletedWorkerPod", note));
            scene.gone(110, deleting(worker("w1", ended(109, "Error", 1)), 100, 30)).gone(200, spot())
        }),
        caused("trouble an hour before", Code::AppFailed, Some(Likely), Failed, {
            // A worker ran out of memory, Ray tried again, and then the program failed by itself.
            let scene = Scene::job().healthy().see(100, worker("w1", ended(99, "OOMKilled", 137)));
            let scene = scene.see(120, worker("w1", running(119))).began_long_ago(3_590);
            app_failed(scene, 3_600, "ValueError: broken")
        }),
        caused("exit code 137 is no lack of memory", Code::AppFailed, None, Failed, {
            // It is a SIGKILL, and no proof of anything.
            failed(Scene::job().healthy().see(200, worker("w1", ended(199, "Error", 137))))
        }),
    ]
}

/// Kueue creates each job suspended, and resumes it.
fn resumed() -> Scene {
    let waits = with(job("Suspended", "", json!({"rayClusterName": ""})), json!({"spec": {"suspend": true}}));
    let resumed = |status: Value| with(job("Running", "RUNNING", status), json!({"metadata": {"generation": 2}}));
    let scene = Scene::default().see(0, waits).see(10, workload("QuotaReserved", "False", "Pending", 5));
    let scene = scene.see(20, owned()).see(60, resumed(json!({}))).healthy();
    let ended = json!({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED", "endTime": when(300)});
    scene.see(300, resumed(ended))
}
