"""The manifests as their users get them: rendered by kustomize, and by Helm with each file of values."""

from pathlib import Path

import helm_python
import yaml

from e2e.harness import processes
from e2e.harness.control_plane import program
from e2e.harness.processes import REPOSITORY

CONFIG = REPOSITORY / "config"
CHART = REPOSITORY / "charts" / "ray-history"
VALUES = sorted(CHART.glob("ci/*-values.yaml"))
DEFINITIONS = REPOSITORY / ".cache" / "manifest-tools" / "definitions"
NAMESPACE = "ray-history"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
"""Labels of a namespace whose pods must conform to Pod Security's strictest profile."""
KUSTOMIZATIONS = sorted(file.parent.name for file in CONFIG.glob("*/kustomization.yaml"))
SAMPLES = sorted((CONFIG / "samples").glob("*.yaml"))

EVERYTHING = {
    "ingress": {"enabled": True},
    "httpRoute": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "monitoring": {name: {"enabled": True} for name in ["serviceMonitor", "prometheusRule", "grafanaDashboard"]},
    "collector": {"policy": {"enabled": True}},
}
"""Values of the chart that render every optional object but the RayHistory."""
RAY_HISTORY = {"rayHistory": {"create": True, "spec": {"storage": {"s3": {"bucket": "ray"}}}}}
"""Values that render the RayHistory, too."""


def documents(text: str) -> list[dict]:
    """Returns every object of a file with several."""
    return [document for document in yaml.safe_load_all(text) if document]


def kustomized(name: str) -> list[dict]:
    """Returns the objects that `kubectl apply -k config/NAME` applies."""
    return built(CONFIG / name)


def built(folder: Path) -> list[dict]:
    """Returns the objects that kustomize renders of a folder."""
    command = [program("kubectl"), "kustomize", str(folder)]
    return documents(processes.run(command).stdout)


def values(file: Path) -> dict:
    """Returns a file of values, as Helm reads it."""
    return helm_python.values_from_yaml(file.read_text())


def rendered(chosen: dict, release: str = "ray-history", namespace: str = NAMESPACE) -> list[dict]:
    """Returns the objects that `helm install` renders with some values, hooks included and notes left out."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(chosen, name=release, namespace=namespace)
    texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    return [document for text in texts for document in documents(text)]


def lint(chosen: dict) -> list[str]:
    """Returns the findings of `helm lint --strict` above the level of information."""
    report = helm_python.lint(CHART, chosen, strict=True, namespace=NAMESPACE)
    return [message["error"] for message in report["messages"] if message["severity"] > 1] + report["errors"]


def third_party() -> list[dict]:
    """Returns the definitions of foreign kinds: the Gateway API's, the Prometheus operator's and KubeRay's."""
    files = sorted(DEFINITIONS.glob("*.yaml"))
    assert files, f"{DEFINITIONS} is empty: `make manifest-tools` fills it"
    return [document for file in files for document in documents(file.read_text())]


def own_definition() -> dict:
    """Returns the definition of RayHistory."""
    (definition,) = documents((REPOSITORY / "crds" / "history.ray.io_rayhistories.yaml").read_text())
    return definition


def pods(objects: list[dict]) -> list[dict]:
    """Returns the pods that objects create, as pods of their own."""
    found = []
    for each in objects:
        if each["kind"] == "Pod":
            found.append({**each, "metadata": {"name": each["metadata"]["name"]}})
        elif each["kind"] == "Deployment":
            template = each["spec"]["template"]
            metadata = {"name": each["metadata"]["name"], "labels": template["metadata"]["labels"]}
            found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    return found


def only(kind: str, chosen: dict) -> dict:
    """Returns the one object of a kind that Helm renders."""
    (found,) = [each for each in rendered(chosen) if each["kind"] == kind]
    return found


def server_pod(chosen: dict) -> dict:
    """Returns the spec of the server's pods."""
    return only("Deployment", chosen)["spec"]["template"]["spec"]
