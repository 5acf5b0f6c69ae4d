//! Nodes that went, or refused a pod.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    let spot = || json!({"metadata": {"labels": {"karpenter.sh/capacity-type": "spot"}}});
    let not_ready =
        json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": when(280)}]}});
    let died =
        |reason: &str| DeadNode { pod: "w1".into(), at: Some(at(300)), reason: reason.into(), ..DeadNode::default() };
    vec![
        row(
            Code::Drained,
            Certain,
            Failed,
            "Node node-1 was drained",
            lost_worker(condition("DisruptionTarget", "True", "EvictionByEvictionAPI", 300, "Eviction API: evicting")),
        ),
        row(Code::Drained, Likely, Failed, "was drained (karpenter.sh/disrupted)", {
            let taint = json!({"spec": {"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule", "timeAdded": when(290)}]}});
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
        row(Code::RayDrained, Likely, Failed, "Ray's autoscaler gave node w1 up (it was to be preempted)", {
            let facts = RayFacts { dead_nodes: vec![died("AUTOSCALER_DRAIN_PREEMPTED")], ..RayFacts::default() };
            let scene = Scene { ray: Some(facts), ..Scene::job().healthy() };
            app_failed(scene, 310, "ray.exceptions.NodeDiedError: died")
        }),
    ]
}
