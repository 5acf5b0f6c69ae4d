"""The RayJobs of the tests: a small head, most with a worker, and a collector beside each Ray container."""

from e2e.cluster.collector import PORT
from e2e.harness.processes import REPOSITORY

VERSION = "2.60.0"
IMAGE = f"localhost/ray:{VERSION}"
NAMESPACE = "rays"
STORE = {"STORE": "http://store.store.svc.cluster.local:7070", "STORE_KEY": "cluster", "STORE_SECRET": "cluster-secret"}
EVENTS = {
    "RAY_enable_ray_event": "true",
    "RAY_enable_core_worker_ray_event_to_aggregator": "true",
    "RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR": f"http://localhost:{PORT}/v1/events",
    "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES": "ALL",
    # The kernel ends what takes too much here, not Ray.
    "RAY_memory_monitor_refresh_ms": "0",
}
SESSIONS = "/tmp/ray"  # noqa: S108  Ray's own folder
SHARED_MEMORY = "/dev/shm"  # noqa: S108  the pod's own
LABELS = {"CLUSTER": "ray.io/cluster", "ROLE": "ray.io/node-type"}
COLLECTOR = (
    *("__init__.py", "cluster/__init__.py", "cluster/bucket.py", "cluster/collector.py"),
    *("harness/__init__.py", "harness/loopback.py"),
    *(f"recording/{name}.py" for name in ("__init__", "cluster", "receiver", "store")),
)
MEMORY = {"name": "memory", "emptyDir": {"medium": "Memory"}}


def programs() -> dict:
    """The ConfigMap with what the jobs and the collectors run."""
    work = {file.name: file.read_text() for file in (REPOSITORY / "e2e" / "cluster" / "work").glob("*.py")}
    collector = {name.replace("/", "."): (REPOSITORY / "e2e" / name).read_text() for name in COLLECTOR}
    metadata = {"name": "programs", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": work | collector}


def variables(values: dict[str, str]) -> list[dict]:
    """Variables as a container has them."""
    return [{"name": name, "value": value} for name, value in values.items()]


def field(name: str, path: str) -> dict:
    """A variable with a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def collector(head: str, owner: str) -> dict:
    """The sidecar; `head` is the head's address, `owner` the RayJob, which no label of a pod names."""
    labels = [field(name, f"metadata.labels['{label}']") for name, label in LABELS.items()]
    pod = [field("NAMESPACE", "metadata.namespace"), field("POD_IP", "status.podIP")]
    return {
        "name": "collector",
        "image": IMAGE,
        "command": ["python3", "-m", "e2e.cluster.collector"],
        "env": [*labels, *pod, *variables({**STORE, "HEAD": head, "OWNER": owner, "PYTHONPATH": "/collector"})],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "ray", "mountPath": SESSIONS}, {"name": "collector", "mountPath": "/collector"}],
    }


def pod(name: str, memory: str, owner: str, *, fills_memory: bool = False) -> dict:
    """The template of a Ray pod; with `fills_memory`, its shared memory counts as the container's."""
    container = {
        "name": name,
        "image": IMAGE,
        "resources": {"requests": {"cpu": "200m", "memory": memory}, "limits": {"memory": memory}},
        "env": variables(EVENTS),
        "volumeMounts": [{"name": "work", "mountPath": "/app"}, {"name": "ray", "mountPath": SESSIONS}],
    }
    items = [{"key": key.replace("/", "."), "path": f"e2e/{key}"} for key in COLLECTOR]
    volumes = [
        {"name": "work", "configMap": {"name": "programs"}},
        {"name": "collector", "configMap": {"name": "programs", "items": items}},
        {"name": "ray", "emptyDir": {}},
    ]
    if fills_memory:
        volumes.append(MEMORY)
        container["volumeMounts"].append({"name": "memory", "mountPath": SHARED_MEMORY})
    # KubeRay gives the head's address to the Ray container only.
    head = "127.0.0.1" if name == "ray-head" else "$(CLUSTER)-head-svc.$(NAMESPACE).svc.cluster.local"
    return {
        "spec": {
            "containers": [container, collector(head, owner)],
            "volumes": volumes,
            "securityContext": {"fsGroup": 1000},
            "terminationGracePeriodSeconds": 30,
        }
    }


def rayjob(name: str, *, worker: dict | None = None) -> dict:
    """A RayJob that runs a program of `work/`; its cluster stays until it is deleted."""
    start = {"num-cpus": "1", "object-store-memory": "100000000"}
    cluster = {
        "rayVersion": VERSION,
        "headGroupSpec": {
            "rayStartParams": {**start, "dashboard-host": "0.0.0.0"},  # noqa: S104  the pod's own addresses
            "template": pod("ray-head", "2Gi", name),
        },
    }
    if worker:
        group = {"groupName": "small", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "template": worker}
        cluster["workerGroupSpecs"] = [{**group, "rayStartParams": {**start, "resources": "'{\"big\": 1}'"}}]
    resources = {"requests": {"cpu": "50m", "memory": "200Mi"}}
    submitter = {"containers": [{"name": "ray-job-submitter", "image": IMAGE, "resources": resources}]}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "entrypoint": f"python /app/{name}.py",
            "submitterPodTemplate": {"spec": {**submitter, "restartPolicy": "Never"}},
            "rayClusterSpec": cluster,
        },
    }


OK = rayjob("ok", worker=pod("ray-worker", "1Gi", "ok"))
FAIL = rayjob("fail")
OOM = rayjob("oom", worker=pod("ray-worker", "1Gi", "oom", fills_memory=True))
