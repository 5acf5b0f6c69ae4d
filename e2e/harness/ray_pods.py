"""The pods that KubeRay would create of an object, and the samples of `config/collector`."""

import copy

from e2e.harness.manifests import CONFIG, documents

COLLECTOR = "ray-history-collector"
"""The name of the sidecar, of its ConfigMap and of its policy."""
OWNER = ("ray.io/originated-from-crd", "ray.io/originated-from-cr-name")
"""The labels of a RayCluster that name its owner."""
SAMPLES = ["raycluster", "rayjob", "rayservice"]
TEMPLATES = {"RayCluster": [], "RayJob": ["rayClusterSpec"], "RayService": ["rayClusterConfig"]}
"""The path from an object's spec to that of its cluster."""


def cluster(ray: dict) -> dict:
    """Returns the spec of an object's cluster."""
    spec = ray["spec"]
    for name in TEMPLATES[ray["kind"]]:
        spec = spec[name]
    return spec


def pods(objects: list[dict]) -> list[dict]:
    """Returns the pods that KubeRay would create, one for each group."""
    found = []
    for ray in objects:
        if ray["kind"] in TEMPLATES:
            spec = cluster(ray)
            groups = [("head", spec["headGroupSpec"]), *(("worker", group) for group in spec["workerGroupSpecs"])]
            found += [pod(role, copy.deepcopy(group["template"])) for role, group in groups]
    return found


def pod(role: str, template: dict) -> dict:
    """Returns the pod of a template, with the labels that KubeRay gives it."""
    own = {"ray.io/is-ray-node": "yes", "ray.io/cluster": "demo", "ray.io/node-type": role}
    metadata = {"name": role, "labels": template.get("metadata", {}).get("labels", {}) | own}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def plain(sample: str) -> list[dict]:
    """Returns a sample without the component."""
    return documents((CONFIG / "collector" / sample / f"{sample}.yaml").read_text())


def containers(spec: dict) -> dict[str, dict]:
    """Returns the containers of a pod in the order of their start, by name."""
    return {each["name"]: each for each in [*spec.get("initContainers", []), *spec["containers"]]}
