//! Pods that could not be made, and pods that never ran.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    let refused = "pods \"c-head\" is forbidden: exceeded quota: compute";
    vec![
        row(
            Code::PodRefused,
            Certain,
            Failed,
            "The head pod could not be created: pods",
            deadline(
                Scene::job_that_never_ran()
                    .see(3, event("RayCluster", "c", "c-uid", 3, "FailedToCreateHeadPod", refused)),
            ),
        ),
        row(Code::PodRefused, Certain, Failed, "The head pod could not be created: pods", {
            let told = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreateHeadPod", "message": refused,
                "lastTransitionTime": when(3)}]);
            deadline(Scene::job_that_never_ran().see(3, cluster(json!({"status": {"conditions": told}}))))
        }),
        row(Code::Unschedulable, Certain, Failed, "1 of 1 gpu pods never got a node: 0/1 nodes are available", {
            let waits = condition("PodScheduled", "False", "Unschedulable", 2, "0/1 nodes are available.");
            let scene = Scene::job_that_never_ran().see(5, head(running(4)));
            deadline(scene.see(3, without_node(worker("w1", waits))))
        }),
        row(
            Code::ImagePull,
            Certain,
            Failed,
            "Image ray:2 could not be pulled: not found",
            deadline(Scene::job_that_never_ran().see(9, head(waiting("ErrImagePull", "not found")))),
        ),
        row(Code::ImagePull, Certain, Failed, "Image could not be pulled: back-off", {
            let told = json!([{"type": "HeadPodReady", "status": "False", "reason": "ImagePullBackOff",
                "message": "containers with unready status: [ray-head]; ray-head: back-off", "lastTransitionTime": when(9)}]);
            deadline(Scene::job_that_never_ran().see(9, cluster(json!({"status": {"conditions": told}}))))
        }),
        row(
            Code::ContainerConfig,
            Certain,
            Failed,
            "Container ray-head could not be set up: secret \"s\" not found",
            deadline(
                Scene::job_that_never_ran()
                    .see(9, head(waiting("CreateContainerConfigError", "secret \"s\" not found"))),
            ),
        ),
        row(Code::StartError, Certain, Failed, "ray-head could not be started: no such file", {
            let mut state = ended(9, "StartError", 128);
            state["terminated"]["message"] = "no such file".into();
            deadline(Scene::job_that_never_ran().see(9, head(state)))
        }),
        row(Code::VolumeMount, Certain, Failed, "A volume could not be mounted: MountVolume.SetUp failed", {
            let scene = Scene::job_that_never_ran().see(9, head(waiting("ContainerCreating", "")));
            let scene =
                scene.see(20, event("Pod", "c-head", "head-uid", 20, "FailedMount", "MountVolume.SetUp failed"));
            deadline(scene.see(200, head(waiting("ContainerCreating", ""))).began_long_ago(200).holds(200))
        }),
        row(Code::SandboxFailed, Certain, Failed, "could not give the pod a network: failed to set up sandbox", {
            let scene = Scene::job_that_never_ran().see(9, head(waiting("ContainerCreating", "")));
            let note = "failed to set up sandbox";
            deadline(scene.see(20, event("Pod", "c-head", "head-uid", 20, "FailedCreatePodSandBox", note)).holds(20))
        }),
        row(Code::WaitedForHead, Certain, Failed, "Workers waited 9 min for a head that never became ready", {
            let init = json!([{"name": "wait-gcs-ready", "state": {"running": {"startedAt": when(20)}}}]);
            let state = json!({"phase": "Pending", "initContainerStatuses": init, "containerStatuses": []});
            let started = json!({"phase": "Running", "containerStatuses": [
                {"name": "ray-head", "ready": false, "restartCount": 0, "state": running(5)}]});
            deadline(Scene::job_that_never_ran().see(9, head(started)).see(21, worker("w1", state)))
        }),
    ]
}
