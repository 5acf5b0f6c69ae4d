//! Ends of pods that ran.

use super::*;

fn lost_by_event(reason: &str, note: &str) -> Scene {
    let scene = Scene::job().healthy().see(301, event("Pod", "w1", "w1-uid", 300, reason, note));
    let gone = deleting(worker("w1", running(15)), 302, 0);
    app_failed(scene.gone(303, gone), 310, "ray.exceptions.NodeDiedError: Task failed because its node died")
}

pub(super) fn rows() -> Vec<Row> {
    let liveness = |scene: Scene| {
        let scene =
            scene.see(290, event("Pod", "c-head", "head-uid", 290, "Unhealthy", "Liveness probe failed: timeout"));
        let note = "Container ray-head failed liveness probe, will be restarted";
        scene.see(291, event("Pod", "c-head", "head-uid", 291, "Killing", note))
    };
    vec![
        row(Code::HeadOOM, Certain, Failed, "The head ran out of memory at its limit of 8Gi", {
            let scene = Scene::job().healthy().see(301, head(ended(300, "OOMKilled", 137)));
            scene.fails(320, "SubmissionFailed", "RUNNING", "BackoffLimitExceeded")
        }),
        row(Code::HeadOOM, Certain, Failed, "The head ran out of memory", {
            // Where pods may not be read, KubeRay's condition tells of it for a second.
            let told = json!([{"type": "HeadPodReady", "status": "False", "reason": "OOMKilled", "message": "",
                "lastTransitionTime": when(300)}]);
            let scene = Scene::job().see(300, cluster(json!({"status": {"conditions": told}})));
            scene.fails(320, "JobStatusCheckTimeoutExceeded", "RUNNING", "timeout")
        }),
        row(Code::WorkerOOM, Certain, Failed, "A worker ran out of memory at 8Gi", {
            lost_worker(ended(300, "OOMKilled", 137))
        }),
        row(Code::WorkerOOM, Certain, Failed, "2 workers of gpu ran out of memory at 8Gi", {
            let scene = Scene::job().healthy().see(301, worker("w1", ended(300, "OOMKilled", 137)));
            let scene = scene.see(302, worker("w2", ended(301, "OOMKilled", 137)));
            app_failed(scene, 310, "ray.exceptions.WorkerCrashedError: died")
        }),
        row(Code::SubmitterOOM, Certain, Failed, "The pod that submits the job ran out of memory at 8Gi", {
            let scene = Scene::job().healthy().see(30, submitter(running(30)));
            let scene = scene.see(301, submitter(ended(300, "OOMKilled", 137)));
            scene.fails(310, "SubmissionFailed", "RUNNING", "Job submission has failed. Reason: BackoffLimitExceeded.")
        }),
        row(Code::Crash, Certain, Failed, "ray-head ended with exit code 1: Address already in use", {
            let mut state = ended(300, "Error", 1);
            state["terminated"]["message"] = "bind\nAddress already in use\n".into();
            let scene = Scene::job().healthy().see(301, head(state));
            scene.fails(320, "SubmissionFailed", "RUNNING", "BackoffLimitExceeded")
        }),
        row(Code::Crash, Likely, Failed, "Probably: ray-head ended", {
            let scene = Scene::job_that_never_ran().see(9, head(waiting("CrashLoopBackOff", "back-off 20s")));
            deadline(scene)
        }),
        row(
            Code::ProbeKilled,
            Certain,
            Failed,
            "ray-head was restarted because it stopped answering its liveness probe",
            {
                let scene = liveness(Scene::job().healthy()).see(301, head(ended(300, "Error", 1)));
                scene.fails(320, "SubmissionFailed", "RUNNING", "BackoffLimitExceeded")
            },
        ),
        row(
            Code::Evicted,
            Certain,
            Failed,
            "Evicted from node node-1: The node was low on resource: memory",
            lost_worker(reason("Evicted", "The node was low on resource: memory.")),
        ),
        row(
            Code::Evicted,
            Certain,
            Failed,
            "because it passed its own limit: Usage of EmptyDir",
            lost_by_event("Evicted", "Usage of EmptyDir volume \"scratch\" exceeds the limit \"64Mi\". "),
        ),
        row(
            Code::PodPreempted,
            Certain,
            Failed,
            "Removed from node-1 for a pod of higher priority",
            lost_worker(condition("DisruptionTarget", "True", "PreemptionByScheduler", 300, "preempting")),
        ),
        row(
            Code::PodPreempted,
            Certain,
            Failed,
            "for a pod of higher priority",
            lost_by_event("Preempted", "by pod x"),
        ),
        row(Code::HeadGone, Likely, Failed, "The head pod was gone and was not made again", {
            let scene = Scene::job().healthy().gone(300, head(running(5)));
            scene.fails(400, "JobStatusCheckTimeoutExceeded", "RUNNING", "timeout")
        }),
    ]
}
