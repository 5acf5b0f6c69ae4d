"""The RayJobs of the tests: a small head, most with a worker, and our collector beside each Ray container."""

import copy
import json
import tempfile
from pathlib import Path

from e2e.cluster import bucket
from e2e.cluster.node import RELEASE, Node
from e2e.harness.manifests import CONFIG, documents
from e2e.harness.processes import REPOSITORY
from e2e.harness.ray_pods import COLLECTOR, OWNER

VERSION = "2.60.0"
IMAGE = f"localhost/ray:{VERSION}"
NAMESPACE = "rays"
SHARED_MEMORY = "/dev/shm"  # noqa: S108  the pod's own
MEMORY = {"name": "memory", "emptyDir": {"medium": "Memory"}}
SECURITY = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def programs(namespace: str) -> dict:
    """The ConfigMap with what the jobs of a namespace run."""
    work = {file.name: file.read_text() for file in (REPOSITORY / "e2e" / "cluster" / "work").glob("*.py")}
    metadata = {"name": "programs", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": work}


def pod(name: str, memory: str, *, fills_memory: bool = False) -> dict:
    """The template of a Ray pod, without a collector; with `fills_memory`, its shared memory is the container's."""
    container = {
        "name": name,
        "image": IMAGE,
        "resources": {"requests": {"cpu": "200m", "memory": memory}, "limits": {"memory": memory}},
        # The kernel ends what takes too much here, not Ray.
        "env": [{"name": "RAY_memory_monitor_refresh_ms", "value": "0"}],
        "volumeMounts": [{"name": "work", "mountPath": "/app"}],
        "securityContext": SECURITY,
    }
    volumes = [{"name": "work", "configMap": {"name": "programs"}}]
    if fills_memory:
        volumes.append(MEMORY)
        container["volumeMounts"].append({"name": "memory", "mountPath": SHARED_MEMORY})
    return {"spec": {"containers": [container], "volumes": volumes}}


WORKER = pod("ray-worker", "1Gi")


def rayjob(
    name: str, *, namespace: str = NAMESPACE, program: str = "", worker: dict | None = None, **fields: object
) -> dict:
    """A RayJob that runs a program of `work/`, that of its name by default.

    Its cluster stays until it is deleted, if `fields` of its spec say nothing else.
    """
    start = {"num-cpus": "1", "object-store-memory": "100000000"}
    cluster = {
        "rayVersion": VERSION,
        "headGroupSpec": {
            "rayStartParams": {**start, "dashboard-host": "0.0.0.0"},  # noqa: S104  the pod's own addresses
            "template": pod("ray-head", "2Gi"),
        },
        "workerGroupSpecs": [],
    }
    if worker:
        group = {"groupName": "small", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "template": worker}
        cluster["workerGroupSpecs"] = [{**group, "rayStartParams": {**start, "resources": "'{\"big\": 1}'"}}]
    submitter = {
        "name": "ray-job-submitter",
        "image": IMAGE,
        "resources": {"requests": {"cpu": "50m", "memory": "200Mi"}},
        "securityContext": SECURITY,
    }
    spec = {
        "entrypoint": f"python /app/{program or name}.py",
        "submitterPodTemplate": {"spec": {"containers": [submitter], "restartPolicy": "Never"}},
        "rayClusterSpec": cluster,
        **fields,
    }
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata, "spec": spec}


def collector_image() -> str:
    """The name of the release's image of the collector."""
    (archive,) = RELEASE.glob("ray-history-collect-image-*.tar")
    return f"ray-history-collect:{archive.name.split('-')[4]}"


def variables(namespace: str) -> list[dict]:
    """The store of the cluster, as the collectors of a namespace get it."""
    metadata = {"name": COLLECTOR, "namespace": namespace}
    store = {
        "STORAGE_BACKEND": "s3",
        "S3_BUCKET": bucket.NAME,
        "S3_REGION": bucket.REGION,
        "S3_ENDPOINT": bucket.URL.removeprefix("http://"),
        "S3FORCE_PATH_STYLE": "true",
        "S3DISABLE_SSL": "true",
    }
    keys = {"AWS_ACCESS_KEY_ID": bucket.KEY, "AWS_SECRET_ACCESS_KEY": bucket.SECRET}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"image": collector_image(), **store}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys},
    ]


def collected(node: Node, rayjob: dict) -> dict:
    """Returns a RayJob with the component of `config/collector`, and the labels that docs/collector.md asks for."""
    owned = copy.deepcopy(rayjob)
    cluster = owned["spec"]["rayClusterSpec"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        labels = dict(zip(OWNER, ("RayJob", rayjob["metadata"]["name"]), strict=True))
        group["template"]["metadata"] = {"labels": labels}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "collector").symlink_to(CONFIG / "collector")
        (folder / "ray.json").write_text(json.dumps(owned))
        kustomization = {
            "resources": ["ray.json"],
            # Of a head alone, kustomize finds no place in groups of workers.
            "components": ["collector/component" if cluster["workerGroupSpecs"] else "collector/head"],
            "images": [{"name": "ray-history-collect", "newTag": collector_image().split(":")[1]}],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
        rendered = documents(node.kubectl("kustomize", str(folder)).stdout)
    (found,) = [each for each in rendered if each["kind"] == rayjob["kind"]]
    return found


def delete_all(node: Node, namespace: str):
    """Deletes what a test that failed left behind: its pods would take the room of the next one's."""
    node.kubectl("-n", namespace, "delete", "rayjobs", "--all", "--ignore-not-found", "--timeout=120s")


OK = rayjob("ok", worker=WORKER)
FAIL = rayjob("fail")
OOM = rayjob("oom", worker=pod("ray-worker", "1Gi", fills_memory=True))
