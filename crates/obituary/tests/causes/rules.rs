//! Each rule by at least one scene: the objects as the API server tells of them, and the sentence that comes of it.

use crate::objects::*;
use ray_history_obituary::cause::{
    Certainty, Code, DeadNode, JobEnd, JobState, Outcome, RayFacts, TaskErrors, WorkerExit,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use Certainty::{Certain, Likely};
use Outcome::{Failed, Stopped};

/// What a scene must come to.
struct Row {
    code: Code,
    certainty: Certainty,
    outcome: Outcome,
    /// A part of the sentence.
    says: &'static str,
    scene: Scene,
}

fn row(code: Code, certainty: Certainty, outcome: Outcome, says: &'static str, scene: Scene) -> Row {
    Row { code, certainty, outcome, says, scene }
}

fn running(seconds: i64) -> Value {
    json!({"running": {"startedAt": when(seconds)}})
}

fn deadline(scene: Scene) -> Scene {
    scene.fails(600, "DeadlineExceeded", "", "The RayJob has passed the activeDeadlineSeconds.").again(610)
}

fn app_failed(scene: Scene, seconds: i64, error: &str) -> Scene {
    let message =
        format!("Job entrypoint command failed with exit code 1, last available logs (truncated):\n{error}\n");
    scene.fails(seconds, "AppFailed", "FAILED", &message)
}

/// A worker that ends at 300, and a job that fails of it at 310.
fn lost_worker(worker_state: Value) -> Scene {
    let scene = Scene::job().healthy().see(301, worker("w1", worker_state));
    app_failed(scene, 310, "ray.exceptions.WorkerCrashedError: The worker died unexpectedly")
}

fn lost_by_event(reason: &str, note: &str) -> Scene {
    let scene = Scene::job().healthy().see(301, event("Pod", "w1", "w1-uid", 300, reason, note));
    let gone = deleting(worker("w1", running(15)), 302, 0);
    app_failed(scene.gone(303, gone), 310, "ray.exceptions.NodeDiedError: Task failed because its node died")
}

fn suspended(by: &str, seconds: i64) -> Value {
    let managed = json!([{"manager": by, "time": when(seconds), "fieldsV1": {"f:spec": {"f:suspend": {}}}}]);
    json!({"metadata": {"generation": 2, "managedFields": managed, "labels": {"kueue.x-k8s.io/queue-name": "gpu-queue"}},
        "spec": {"suspend": true}})
}

fn never_admitted() -> Scene {
    let waits = || with(job("Suspended", "", json!({"rayClusterName": ""})), suspended("kueue", 0));
    let scene = Scene::default().see(0, waits()).see(5, workload("QuotaReserved", "False", "Pending", 4));
    scene.gone(900, deleting(waits(), 900, 0))
}

fn suspended_at(seconds: i64, by: &str) -> Scene {
    let suspending = with(job("Suspending", "", json!({})), suspended(by, seconds));
    Scene::job().healthy().see(seconds, suspending).gone(seconds + 2, owned())
}

fn ray(facts: RayFacts) -> Scene {
    Scene { ray: Some(facts), ..Scene::cluster().see(1, cluster(ready())).healthy().gone(500, cluster(ready())) }
}

fn service_cluster() -> Value {
    cluster(
        json!({"metadata": {"ownerReferences": [{"kind": "RayService", "name": "s", "uid": "s-uid", "controller": true}]}}),
    )
}

fn service(active: &str) -> Value {
    object("RayService", "s", "s-uid", json!({"status": {"activeServiceStatus": {"rayClusterName": active}}}))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let spot = || json!({"metadata": {"labels": {"karpenter.sh/capacity-type": "spot"}}});
    let not_ready =
        json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": when(280)}]}});
    let liveness = |scene: Scene| {
        let scene =
            scene.see(290, event("Pod", "head", "head-uid", 290, "Unhealthy", "Liveness probe failed: timeout"));
        let note = "Container ray-head failed liveness probe, will be restarted";
        scene.see(291, event("Pod", "head", "head-uid", 291, "Killing", note))
    };
    let died =
        |reason: &str| DeadNode { pod: "w1".into(), at: Some(at(300)), reason: reason.into(), ..DeadNode::default() };
    let ended_job = |state| JobEnd { id: "x".into(), state, at: Some(at(400)), message: "ValueError: broken".into() };
    let refused = "pods \"c-head\" is forbidden: exceeded quota: compute";
    vec![
        row(
            Code::SpecInvalid,
            Certain,
            Failed,
            "KubeRay refused the RayJob: shutdown is needed. Nothing was started",
            {
                let told = json!({"rayClusterName": "", "message": "shutdown is needed", "reason": "ValidationFailed"});
                Scene::default().see(0, job("ValidationFailed", "", told))
            },
        ),
        row(Code::SpecInvalid, Certain, Failed, "refused the RayCluster: no gate", {
            let note = "The RayCluster spec is invalid team/c: no gate";
            Scene::cluster()
                .see(1, event("RayCluster", "c", "c-uid", 1, "InvalidRayClusterSpec", note))
                .gone(90, cluster(json!({})))
        }),
        row(Code::QuotaPending, Certain, Stopped, "Never started: queue gpu-queue did not admit it", never_admitted()),
        row(
            Code::KueuePreempted,
            Certain,
            Stopped,
            "Stopped by Kueue after 4 min for another workload (InClusterQueue)",
            suspended_at(300, "kueue").see(301, workload("Preempted", "True", "InClusterQueue", 300)),
        ),
        row(
            Code::KueuePreempted,
            Likely,
            Stopped,
            "for another workload",
            suspended_at(300, "kueue")
                .see(301, event("RayJob", "j", "j-uid", 300, "Stopped", "Preempted to accommodate")),
        ),
        row(
            Code::KueueEvicted,
            Certain,
            Stopped,
            "took its place back: PodsReadyTimeout",
            suspended_at(300, "kueue").see(301, workload("Evicted", "True", "PodsReadyTimeout", 300)),
        ),
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
            let scene = scene.see(20, event("Pod", "head", "head-uid", 20, "FailedMount", "MountVolume.SetUp failed"));
            deadline(scene.see(200, head(waiting("ContainerCreating", ""))))
        }),
        row(Code::SandboxFailed, Certain, Failed, "could not give the pod a network: failed to set up sandbox", {
            let scene = Scene::job_that_never_ran().see(9, head(waiting("ContainerCreating", "")));
            deadline(
                scene.see(
                    20,
                    event("Pod", "head", "head-uid", 20, "FailedCreatePodSandBox", "failed to set up sandbox"),
                ),
            )
        }),
        row(Code::WaitedForHead, Certain, Failed, "Workers waited 9 min for a head that never became ready", {
            let init = json!([{"name": "wait-gcs-ready", "state": {"running": {"startedAt": when(20)}}}]);
            let state = json!({"phase": "Pending", "initContainerStatuses": init, "containerStatuses": []});
            let started = json!({"phase": "Running", "containerStatuses": [
                {"name": "ray-head", "ready": false, "restartCount": 0, "state": running(5)}]});
            deadline(Scene::job_that_never_ran().see(9, head(started)).see(21, worker("w1", state)))
        }),
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
        row(Code::RayOOM, Certain, Failed, "Ray killed 3 workers because node w1 was nearly out of memory", {
            let errors =
                vec![TaskErrors { error: "OUT_OF_MEMORY".into(), count: 3, pod: "w1".into(), at: Some(at(390)) }];
            let job =
                JobEnd { message: "ray.exceptions.OutOfMemoryError: killed".into(), ..ended_job(JobState::Failed) };
            ray(RayFacts { jobs: vec![job], task_errors: errors, ..RayFacts::default() })
        }),
        row(Code::RayOOM, Certain, Failed, "Ray killed workers because node w1", {
            let exit = WorkerExit { pod: "w1".into(), at: Some(at(305)), exit_type: "NODE_OUT_OF_MEMORY".into() };
            let facts = RayFacts { worker_exits: vec![exit], ..RayFacts::default() };
            let scene = Scene { ray: Some(facts), ..Scene::job().healthy() };
            app_failed(scene, 310, "ray.exceptions.OutOfMemoryError: Task was killed")
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
        row(
            Code::Drained,
            Certain,
            Failed,
            "Node node-1 was drained",
            lost_worker(condition("DisruptionTarget", "True", "EvictionByEvictionAPI", 300, "Eviction API: evicting")),
        ),
        row(Code::Drained, Likely, Failed, "was drained (karpenter.sh/disrupted)", {
            let taint = json!({"spec": {"taints": [{"key": "karpenter.sh/disrupted", "timeAdded": when(290)}]}});
            let scene =
                Scene::job().healthy().see(291, node(taint)).gone(305, deleting(worker("w1", running(15)), 300, 0));
            app_failed(scene, 310, "ray.exceptions.NodeDiedError: died")
        }),
        row(Code::SpotReclaimed, Likely, Failed, "The cloud took spot node node-1 back", {
            let scene = Scene::job().healthy().see(30, node(spot())).gone(302, worker("w1", running(15)));
            app_failed(scene.gone(304, node(spot())), 310, "ray.exceptions.NodeDiedError: died")
        }),
        row(Code::SpotReclaimed, Certain, Failed, "The cloud took spot node node-1 back after 4 min", {
            let scene = Scene::job().healthy().see(30, node(spot()));
            let scene = scene.see(
                301,
                worker("w1", reason("Terminated", "Pod was terminated in response to imminent node shutdown.")),
            );
            app_failed(scene, 310, "ray.exceptions.NodeDiedError: died")
        }),
        row(
            Code::NodeShutdown,
            Certain,
            Failed,
            "Node node-1 was shut down",
            lost_worker(reason("Terminated", "Pod was terminated in response to imminent node shutdown.")),
        ),
        row(
            Code::NodeLost,
            Certain,
            Failed,
            "Node node-1 stopped answering",
            lost_worker(condition(
                "DisruptionTarget",
                "True",
                "DeletionByTaintManager",
                300,
                "Taint manager: deleting",
            )),
        ),
        row(Code::NodeLost, Likely, Failed, "Node node-1 stopped answering at 07:04:40 UTC", {
            let scene = Scene::job().healthy().see(281, node(not_ready)).gone(302, worker("w1", running(15)));
            app_failed(scene, 310, "ray.exceptions.NodeDiedError: died")
        }),
        row(Code::NodeRejected, Certain, Failed, "Node node-1 refused the pod: Allocate failed", {
            let scene = Scene::job_that_never_ran().see(9, head(reason("UnexpectedAdmissionError", "Allocate failed")));
            deadline(scene)
        }),
        row(Code::SubmissionFailed, Certain, Failed, "The job could not be submitted: Reason: BackoffLimitExceeded", {
            let scene = Scene::job_that_never_ran().healthy();
            scene.fails(320, "SubmissionFailed", "", "Reason: BackoffLimitExceeded")
        }),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "The program failed: ValueError: broken on purpose",
            app_failed(Scene::job().healthy(), 310, "Traceback:\n\u{1b}[36mValueError: broken on purpose\u{1b}[0m"),
        ),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "The program failed: Job entrypoint command failed with exit code 3",
            Scene::job().healthy().fails(
                310,
                "AppFailed",
                "FAILED",
                "Job entrypoint command failed with exit code 3, last available logs:\n",
            ),
        ),
        row(
            Code::AppFailed,
            Likely,
            Failed,
            "Probably: The program failed: ray.exceptions.WorkerCrashedError",
            app_failed(Scene::job().healthy(), 310, "ray.exceptions.WorkerCrashedError: The worker died"),
        ),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "ValueError: broken",
            ray(RayFacts { jobs: vec![ended_job(JobState::Failed)], ..RayFacts::default() }),
        ),
        row(
            Code::NotInCluster,
            Likely,
            Failed,
            "Ray knew no such job",
            Scene::job().healthy().fails(
                310,
                "AppFailed",
                "RUNNING",
                "Submitter completed but Ray job not found in RayCluster.",
            ),
        ),
        row(
            Code::Deadline,
            Certain,
            Failed,
            "Stopped after 600 s by its own deadline.",
            Scene::job().healthy().fails(600, "DeadlineExceeded", "RUNNING", "passed"),
        ),
        row(
            Code::Deadline,
            Likely,
            Failed,
            "by its own deadline, before it ran",
            deadline(Scene::job_that_never_ran()),
        ),
        row(
            Code::StatusLost,
            Likely,
            Failed,
            "could not learn the job's state for 9 min",
            Scene::job().healthy().fails(600, "JobStatusCheckTimeoutExceeded", "RUNNING", "timeout"),
        ),
        row(Code::HeadGone, Likely, Failed, "The head pod was gone and was not made again", {
            let scene = Scene::job().healthy().gone(300, head(running(5)));
            scene.fails(400, "JobStatusCheckTimeoutExceeded", "RUNNING", "timeout")
        }),
        row(
            Code::Stopped,
            Certain,
            Stopped,
            "Stopped by `ray job stop` or the API",
            Scene::job().healthy().see(300, job("Complete", "STOPPED", json!({"endTime": when(300)}))),
        ),
        row(Code::DeletedByPolicy, Likely, Stopped, "Cleaned up", {
            // The job's end was not seen, but KubeRay says that it deleted the cluster.
            let scene = Scene::job().healthy().gone(300, owned());
            scene.see(301, event("RayJob", "j", "j-uid", 300, "DeletedRayCluster", "Deleted cluster team/c"))
        }),
        row(Code::NamespaceDeleted, Certain, Stopped, "Its namespace was deleted", {
            let note = "forbidden: unable to create new content in namespace team because it is being terminated";
            let scene = Scene::cluster().see(1, cluster(ready())).healthy();
            scene
                .see(299, event("RayCluster", "c", "c-uid", 299, "FailedToCreateWorkerPod", note))
                .gone(300, cluster(ready()))
        }),
        row(
            Code::Deleted,
            Certain,
            Stopped,
            "Deleted by somebody while it ran; Kubernetes does not record who",
            Scene::cluster().see(1, cluster(ready())).healthy().gone(300, cluster(ready())),
        ),
        row(Code::Deleted, Certain, Stopped, "Deleted by somebody while it ran", {
            let running = job("Running", "RUNNING", json!({}));
            Scene::job().healthy().see(300, deleting(running.clone(), 300, 0)).gone(301, owned()).gone(302, running)
        }),
        row(
            Code::Suspended,
            Certain,
            Stopped,
            "Suspended by kubectl-edit at 2026-11-29T07:05:00Z.",
            suspended_at(300, "kubectl-edit"),
        ),
        row(Code::ServiceReplaced, Certain, Stopped, "Replaced by cluster c2", {
            let scene = Scene::default().see(0, service("c")).see(0, service_cluster()).healthy();
            scene.see(300, service("c2")).gone(360, service_cluster())
        }),
        row(Code::RayDrained, Likely, Failed, "Ray's autoscaler gave node w1 up (it was to be preempted)", {
            let facts = RayFacts { dead_nodes: vec![died("AUTOSCALER_DRAIN_PREEMPTED")], ..RayFacts::default() };
            let scene = Scene { ray: Some(facts), ..Scene::job().healthy() };
            app_failed(scene, 310, "ray.exceptions.NodeDiedError: died")
        }),
    ]
}

#[test]
fn each_rule_gives_its_code_certainty_outcome_and_sentence() {
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for (number, row) in rows().iter().enumerate() {
        codes.insert(row.code);
        let run = row.scene.run();
        let first = run.first_cause().map(|cause| (cause.code, cause.certainty));
        let sentence = run.sentence(&row.scene.document().facts);
        if first != Some((row.code, row.certainty)) || run.outcome != row.outcome || !sentence.contains(row.says) {
            wrong.push(format!(
                "{number} {} ({}): {} {first:?} {sentence}\n  {:?}",
                row.code, row.says, run.outcome, run.causes
            ));
        }
        assert!(run.causes.iter().all(|cause| !cause.evidence.is_empty()), "{}: a cause without evidence", row.code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The cluster's own document says that it was deleted with its job.
    codes.insert(Code::DeletedWithOwner);
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "rules without a row: {missing:?}");
}

#[test]
fn a_cluster_is_deleted_with_its_job() {
    let running = job("Running", "RUNNING", json!({}));
    let scene =
        Scene::job().healthy().see(300, deleting(running.clone(), 300, 0)).gone(301, owned()).gone(302, running);
    let document = scene.document_of("c-uid");
    assert_eq!(document.first_cause().unwrap().code, Code::DeletedWithOwner);
    assert_eq!(document.sentence(), "Deleted with its RayJob j.");
    assert_eq!(document.outcome, Stopped);
}

/// One process of a worker's container was ended for memory, which the container tells of only at its end.
#[test]
fn memory_that_is_told_at_the_deletion_is_likely() {
    let scene = app_failed(Scene::job().healthy(), 310, "ray.exceptions.WorkerCrashedError: The worker died");
    let scene = scene.gone(400, deleting(worker("w1", ended(399, "OOMKilled", 1)), 398, 30));
    let run = scene.run();
    let first = run.first_cause().unwrap();
    assert_eq!((first.code, first.certainty), (Code::WorkerOOM, Likely));
    // Where Ray lost no worker, it is no cause.
    let scene = app_failed(Scene::job().healthy(), 310, "ValueError: broken");
    let scene = scene.gone(400, deleting(worker("w1", ended(399, "OOMKilled", 1)), 398, 30));
    assert_eq!(scene.run().first_cause().unwrap().code, Code::AppFailed);
}

#[test]
fn a_run_of_which_nothing_is_known_is_unknown_and_says_what_was_not_seen() {
    let mut scene = Scene::default().see(0, head(running(5)));
    scene.records.unseen(None, "rayclusters: forbidden");
    scene.records.vanished("head-uid", at(300));
    scene.records.vanished("c-uid", at(300));
    let run = scene.run();
    assert!(matches!(run.outcome, Outcome::Stopped | Outcome::Unknown), "{}", run.outcome);
    assert!(run.causes.iter().all(|cause| cause.certainty == Likely), "{:?}", run.causes);
}

/// A head that was made again ends a run: each head pod has its own.
#[test]
fn each_head_pod_is_a_run() {
    let mut second = head(running(200));
    for (field, value) in [("name", "head-2"), ("uid", "head-2-uid"), ("creationTimestamp", &when(190))] {
        second["metadata"][field] = value.into();
    }
    let scene = Scene::cluster().see(1, cluster(ready())).healthy().gone(180, head(ended(179, "OOMKilled", 137)));
    let mut scene = scene.see(191, second).gone(500, cluster(ready()));
    scene.records.session("c-uid", "session_1", at(10));
    scene.records.session("c-uid", "session_2", at(195));
    let runs = scene.document().runs;
    let told: Vec<_> = runs.iter().map(|run| (run.first_cause().unwrap().code, run.sessions.clone())).collect();
    assert_eq!(told, [(Code::HeadOOM, vec!["session_1".to_owned()]), (Code::Deleted, vec!["session_2".to_owned()])]);
}
