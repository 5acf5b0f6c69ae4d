//! Decisions on the object: queues, suspensions, deletions.

use super::*;

fn suspended(by: &str, seconds: i64) -> Value {
    let managed = json!([{"manager": by, "time": when(seconds), "fieldsV1": {"f:spec": {"f:suspend": {}}}}]);
    json!({"metadata": {"generation": 2, "managedFields": managed, "labels": {"kueue.x-k8s.io/queue-name": "gpu-queue"}},
        "spec": {"suspend": true}})
}

fn never_admitted() -> Scene {
    let waits = || with(job("Suspended", "", json!({"rayClusterName": ""})), suspended("kueue", 0));
    let scene = Scene::default().see(0, waits()).see(5, workload("QuotaReserved", "False", "Pending", 4));
    scene.holds(5).gone(900, deleting(waits(), 900, 0))
}

fn suspended_at(seconds: i64, by: &str) -> Scene {
    let suspending = with(job("Suspending", "", json!({})), suspended(by, seconds));
    Scene::job().healthy().see(seconds, suspending).gone(seconds + 2, owned())
}

fn service_cluster() -> Value {
    cluster(
        json!({"metadata": {"ownerReferences": [{"kind": "RayService", "name": "s", "uid": "s-uid", "controller": true}]}}),
    )
}

fn service(active: &str) -> Value {
    object("RayService", "s", "s-uid", json!({"status": {"activeServiceStatus": {"rayClusterName": active}}}))
}

pub(super) fn rows() -> Vec<Row> {
    vec![
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
        Row {
            // Of the job itself it is the row before.
            uid: "c-uid",
            ..row(Code::DeletedWithOwner, Certain, Stopped, "Deleted with its RayJob j.", {
                let running = job("Running", "RUNNING", json!({}));
                Scene::job().healthy().see(300, deleting(running.clone(), 300, 0)).gone(301, owned()).gone(302, running)
            })
        },
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
    ]
}
