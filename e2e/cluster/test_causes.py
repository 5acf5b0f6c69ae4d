"""What really ends a run, and the first cause that is told of it: never a wrong one that is called certain.

Without a collector: what is told comes from Kubernetes alone.
"""

import copy
import json

import pytest

from e2e.cluster import rayjobs
from e2e.cluster.node import wait_for
from e2e.harness.manifests import CONFIG, NAMESPACE

TOLD_SECONDS = 600
"""KubeRay waits for a submitter's tries, and the recorder for pods in trouble; images are unpacked first."""
RUNS_SECONDS = 300


def with_head(name: str, **changes: object) -> dict:
    """A RayJob whose head cannot start, and that gives up."""
    job = copy.deepcopy(rayjobs.rayjob(name, program="ok", activeDeadlineSeconds=150))
    (container,) = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    container.update(changes)
    return job


HUGE = {"requests": {"memory": "900Gi"}, "limits": {"memory": "900Gi"}}
FILLS_MEMORY = rayjobs.pod("ray-worker", "1Gi", fills_memory=True)
CAUSES = {
    "WorkerOOM": rayjobs.rayjob("cause-oom", program="oom", worker=FILLS_MEMORY),
    "ImagePull": with_head("cause-image", image="localhost/no-such-image:1"),
    "Unschedulable": with_head("cause-pending", resources=HUGE),
    "Deadline": rayjobs.rayjob("cause-deadline", program="steps", activeDeadlineSeconds=150),
    "AppFailed": rayjobs.rayjob("cause-fails", program="fail"),
    "Deleted": rayjobs.rayjob("cause-deleted", program="steps"),
}
"""Each cause with a RayJob that ends of it."""


@pytest.fixture(scope="module", autouse=True)
def recorded(node, rays, history):  # noqa: ARG001  they must be there before
    """The server may see pods, and records."""
    rights = f"--kustomize={CONFIG / 'obituaries-pods'}"

    def set_mode(mode: str):
        patch = json.dumps({"spec": {"obituaries": {"mode": mode}}})
        node.kubectl("-n", NAMESPACE, "patch", "rh/main", "--type=merge", f"--patch={patch}")

    node.kubectl("apply", rights)
    set_mode("Pods")
    node.kubectl("-n", NAMESPACE, "wait", "--for=condition=ObituariesKept", "rh/main", "--timeout=120s")
    yield
    rayjobs.delete_all(node, rayjobs.NAMESPACE)
    set_mode("Off")
    node.kubectl("delete", "--ignore-not-found", rights)


@pytest.mark.parametrize("code", CAUSES)
def test_the_first_cause_of_what_really_happened(node, history, code):
    job = CAUSES[code]
    name = job["metadata"]["name"]
    node.apply(job)

    def runs_now() -> bool:
        return (
            node.get("rayjob", name, f"--namespace={rayjobs.NAMESPACE}").get("status", {}).get("jobStatus") == "RUNNING"
        )

    def told() -> dict | None:
        runs = history.json(f"api/history/v1/obituaries?namespace={rayjobs.NAMESPACE}")["runs"]
        of_job = [run for run in runs if (run["object"]["kind"], run["object"]["name"]) == ("RayJob", name)]
        return next((run for run in of_job if run.get("ended")), None)

    if code == "Deleted":
        wait_for(f"{name} runs", runs_now, RUNS_SECONDS)
        node.kubectl("-n", rayjobs.NAMESPACE, "delete", "rayjob", name, "--wait=false")
    try:
        run = wait_for(f"the end of {name}", told, TOLD_SECONDS)
        assert run.get("code") == code, run
    finally:
        node.kubectl("-n", rayjobs.NAMESPACE, "delete", "rayjob", name, "--ignore-not-found", "--timeout=120s")
