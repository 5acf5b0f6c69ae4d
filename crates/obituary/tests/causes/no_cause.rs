//! What is no cause: each of these happens in ordinary runs, and must not be named with certainty.

use crate::objects::*;
use ray_history_obituary::cause::{Certainty, Code, Outcome};
use serde_json::{Value, json};

fn succeeded(scene: Scene) -> Scene {
    scene.see(300, job("Complete", "SUCCEEDED", json!({"endTime": when(300)})))
}

fn failed(scene: Scene) -> Scene {
    let message = "Job entrypoint command failed with exit code 1, last available logs:\nValueError: broken\n";
    scene.fails(300, "AppFailed", "FAILED", message)
}

fn first(scene: &Scene) -> Option<(Code, Certainty)> {
    scene.run().first_cause().map(|cause| (cause.code, cause.certainty))
}

const PROGRAM: Option<(Code, Certainty)> = Some((Code::AppFailed, Certainty::Certain));

/// A deleted cluster's pods end in phase Failed with exit code 1, or 137 after the grace.
#[test]
fn pods_that_end_because_they_were_deleted() {
    for exit in [1, 137, 143] {
        let scene = Scene::cluster().see(1, cluster(ready())).healthy().gone(300, cluster(ready()));
        let scene = scene.see(302, deleting(head(ended(301, "Error", exit)), 300, 30));
        let scene = scene.gone(303, deleting(worker("w1", ended(302, "Error", exit)), 300, 30));
        assert_eq!(first(&scene), Some((Code::Deleted, Certainty::Certain)), "{exit}");
        assert_eq!(scene.run().outcome, Outcome::Stopped);
        let scene = succeeded(Scene::job().healthy()).gone(320, owned());
        let scene = scene.see(322, deleting(head(ended(321, "Error", exit)), 320, 30));
        assert_eq!((first(&scene), scene.run().outcome), (None, Outcome::Succeeded), "{exit}");
    }
}

/// The scheduler found no node at first, and then it did.
#[test]
fn a_transient_lack_of_nodes_that_healed() {
    let waits = condition("PodScheduled", "False", "Unschedulable", 2, "0/1 nodes are available");
    let scene = Scene::job().see(3, without_node(worker("w1", waits)));
    let scene = scene.see(3, event("Pod", "w1", "w1-uid", 2, "FailedScheduling", "0/1 nodes are available"));
    let scene = failed(scene.healthy());
    assert_eq!(first(&scene), PROGRAM);
    assert!(scene.run().noticed.iter().any(|cause| cause.code == Code::Unschedulable));
}

/// An image that could be pulled at the second try.
#[test]
fn a_wait_that_healed() {
    let scene = Scene::job().see(3, head(waiting("ErrImagePull", "timeout")));
    let scene = succeeded(scene.healthy());
    assert_eq!((first(&scene), scene.run().noticed[0].code), (None, Code::ImagePull));
}

/// After the deadline the submitter ends with an error, without being deleted.
#[test]
fn a_late_submitter() {
    let scene = Scene::job().healthy().see(40, submitter(running(40)));
    let scene = scene.fails(600, "DeadlineExceeded", "RUNNING", "passed").gone(622, owned());
    let scene = scene.see(653, submitter(ended(652, "Error", 1)));
    assert_eq!(first(&scene), Some((Code::Deadline, Certainty::Certain)));
    let out_of_memory = scene.see(700, submitter(ended(699, "OOMKilled", 137)));
    assert_eq!(first(&out_of_memory), Some((Code::Deadline, Certainty::Certain)));
}

/// `jobStatus` stays RUNNING when KubeRay gives up.
#[test]
fn a_job_status_of_running_when_it_is_over() {
    let scene = Scene::job().healthy().fails(600, "DeadlineExceeded", "RUNNING", "passed");
    assert_eq!(scene.run().outcome, Outcome::Failed);
}

/// A readiness probe fails at each start and each end, and kubelet stops containers at each deletion.
#[test]
fn probes_that_failed_once() {
    let scene =
        Scene::job().see(8, event("Pod", "head", "head-uid", 8, "Unhealthy", "Readiness probe failed: refused"));
    let scene = scene.see(9, event("Pod", "head", "head-uid", 9, "Unhealthy", "Liveness probe failed: refused"));
    let scene =
        scene.healthy().see(301, event("Pod", "head", "head-uid", 301, "Killing", "Stopping container ray-head"));
    assert_eq!(first(&failed(scene)), PROGRAM);
}

/// A collector, or any other container beside Ray's.
#[test]
fn ends_of_sidecars() {
    let mut pod = head(running(5));
    let sidecar = json!({"name": "collector", "restartCount": 1, "state": ended(100, "OOMKilled", 137)});
    pod["status"]["containerStatuses"].as_array_mut().unwrap().push(sidecar);
    let mut pulls = worker("w1", running(15));
    let waits = json!({"name": "sidecar", "restartCount": 0, "state": waiting("ErrImagePull", "x")});
    pulls["status"]["containerStatuses"].as_array_mut().unwrap().push(waits);
    let scene = Scene::job().healthy().see(101, pod).see(102, pulls);
    let code = first(&failed(scene));
    assert_eq!(code.map(|(code, _)| code), Some(Code::AppFailed));
}

/// A healthy worker goes while the cluster scales down, and its spot node follows.
#[test]
fn scaling_down() {
    let spot = || node(json!({"metadata": {"labels": {"cloud.google.com/gke-spot": "true"}}}));
    let note = "Deleted worker Pod team/w1; Pod status: Running; Pod restart policy: Always";
    let scene = Scene::job().healthy().see(30, spot());
    let scene = scene.see(100, event("RayCluster", "c", "c-uid", 100, "DeletedWorkerPod", note));
    let scene = scene.gone(110, deleting(worker("w1", ended(109, "Error", 1)), 100, 30)).gone(200, spot());
    assert_eq!(first(&failed(scene)), PROGRAM);
}

/// Workers that wait while the job runs are missing capacity, no end.
#[test]
fn workers_that_wait_while_the_job_runs() {
    let waits = condition("PodScheduled", "False", "Unschedulable", 100, "0/1 nodes are available");
    let scene = Scene::job().healthy().see(101, without_node(worker("w2", waits)));
    assert_eq!(first(&failed(scene)), PROGRAM);
}

/// A worker ran out of memory long ago, Ray tried again, and then the program failed by itself.
#[test]
fn trouble_long_before_is_not_the_cause_for_sure() {
    let scene = Scene::job().healthy().see(100, worker("w1", ended(99, "OOMKilled", 137)));
    let message = "Job entrypoint command failed with exit code 1, last available logs:\nValueError: broken\n";
    let scene = scene.see(120, worker("w1", running(119))).fails(3_600, "AppFailed", "FAILED", message);
    assert_eq!(first(&scene), Some((Code::AppFailed, Certainty::Likely)));
    assert_eq!(scene.run().causes[1].code, Code::WorkerOOM);
}

/// A refused spec that was corrected.
#[test]
fn a_refused_spec_that_was_corrected() {
    let scene = Scene::job().see(1, event("RayCluster", "c", "c-uid", 1, "InvalidRayClusterSpec", "no gate"));
    assert_eq!(first(&failed(scene.healthy())), PROGRAM);
}

/// Kueue creates each job suspended, and resumes it.
#[test]
fn a_job_that_its_queue_resumed() {
    let waits = with(job("Suspended", "", json!({"rayClusterName": ""})), json!({"spec": {"suspend": true}}));
    let resumed = |status: Value| with(job("Running", "RUNNING", status), json!({"metadata": {"generation": 2}}));
    let scene = Scene::default().see(0, waits).see(10, workload("QuotaReserved", "False", "Pending", 5));
    let scene = scene.see(20, owned()).see(60, resumed(json!({}))).healthy();
    let ended = json!({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED", "endTime": when(300)});
    let scene = scene.see(300, resumed(ended));
    assert_eq!((first(&scene), scene.run().outcome), (None, Outcome::Succeeded));
}

/// 137 is a SIGKILL, and no proof of anything.
#[test]
fn exit_code_137_is_no_lack_of_memory() {
    let scene = Scene::job().healthy().see(200, worker("w1", ended(199, "Error", 137)));
    assert_eq!(first(&failed(scene)).map(|(code, _)| code), Some(Code::AppFailed));
}

/// A run that goes on has no outcome, and what waits may still come.
#[test]
fn a_run_that_goes_on() {
    let scene = Scene::job().healthy();
    assert_eq!((first(&scene), scene.run().outcome, scene.run().to), (None, Outcome::Unknown, None));
    let scene = Scene::job_that_never_ran().see(9, head(waiting("ErrImagePull", "not found")));
    assert_eq!(first(&scene), Some((Code::ImagePull, Certainty::Likely)));
}
