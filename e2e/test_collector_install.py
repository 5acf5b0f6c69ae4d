"""The collector's manifests: a component for kustomize and an admission policy, which give a pod the same."""

import copy
import json
import re
import time

import pytest
import yaml

from e2e.harness import manifests, processes
from e2e.harness.control_plane import ControlPlane
from e2e.harness.kubectl import as_list
from e2e.harness.manifests import CONFIG, documents, kustomized
from e2e.harness.processes import REPOSITORY

COLLECTOR = "ray-history-collector"
OPT_IN = {"ray-history-collect": "enabled"}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
SAMPLES = ["raycluster", "rayjob", "rayservice"]
TEMPLATES = {"RayCluster": [], "RayJob": ["rayClusterSpec"], "RayService": ["rayClusterConfig"]}
"""The path from an object's spec to that of its cluster."""
PAGE = (REPOSITORY / "docs" / "collector.md").read_text()


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane with KubeRay's definitions and the policy, which works in two namespaces of three."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        running.define(*(each for each in manifests.third_party() if each["spec"]["group"] == "ray.io"))
        running.namespace("collected", OPT_IN | RESTRICTED)
        running.namespace("no-parameters", OPT_IN)
        running.namespace("other", RESTRICTED)
        running.kubectl("apply", f"--kustomize={CONFIG / 'collector' / 'policy'}")
        parameters = CONFIG / "collector" / "head" / "parameters.yaml"
        for name in ["collected", "other"]:
            running.kubectl("apply", f"--namespace={name}", f"--filename={parameters}")
        end = time.monotonic() + 60
        while COLLECTOR not in containers(created(running, ray_pod(), "collected")):
            assert time.monotonic() < end, "the policy has no effect"
            time.sleep(0.2)
        yield running


def created(plane, pod: dict, namespace: str) -> dict:
    """Returns a pod's spec as the API server would keep it."""
    arguments = ["create", f"--namespace={namespace}", "--dry-run=server", "--validate=strict"]
    done = plane.kubectl(*arguments, "--filename=-", "--output=json", text=json.dumps(pod))
    return json.loads(done.stdout)["spec"]


def containers(spec: dict) -> dict[str, dict]:
    return {each["name"]: each for each in [*spec.get("initContainers", []), *spec["containers"]]}


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
    own = {"ray.io/is-ray-node": "yes", "ray.io/cluster": "demo", "ray.io/node-type": role}
    metadata = {"name": role, "labels": template.get("metadata", {}).get("labels", {}) | own}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def plain(sample: str) -> list[dict]:
    """Returns a sample without the component."""
    return documents((CONFIG / "collector" / sample / f"{sample}.yaml").read_text())


def ray_pod() -> dict:
    return pods(plain("raycluster"))[0]


def unordered(value):
    """Returns a value with its lists sorted; the order of containers is tested apart."""
    if isinstance(value, dict):
        return {name: unordered(each) for name, each in value.items()}
    return sorted(map(unordered, value), key=json.dumps) if isinstance(value, list) else value


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_is_accepted(plane, sample):
    objects = kustomized(f"collector/{sample}")
    kinds = [each["kind"] for each in objects]
    assert [kind.lower() for kind in kinds] == ["configmap", sample]
    arguments = ["apply", "--namespace=other", "--dry-run=server", "--validate=strict", "--filename=-"]
    done = plane.kubectl(*arguments, text=json.dumps(as_list(objects)))
    assert "Warning" not in done.stderr, done.stderr


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_policy_makes_what_the_component_does(plane, sample):
    """Both namespaces enforce the restricted profile of Pod Security."""
    without, rendered = pods(plain(sample)), pods(kustomized(f"collector/{sample}"))
    assert len(without) == len(rendered) == 2
    for ours, theirs in zip(without, rendered, strict=True):
        spec = created(plane, theirs, "other")
        assert list(containers(spec))[0] == COLLECTOR
        assert unordered(created(plane, ours, "collected")) == unordered(spec)
        assert COLLECTOR not in containers(created(plane, ours, "other"))


def test_the_policy_s_pods_would_be_refused_with_more_rights(plane):
    """The test above must be able to fail."""
    rendered = pods(kustomized("collector/raycluster"))[0]
    del rendered["spec"]["initContainers"][0]["securityContext"]["capabilities"]
    with pytest.raises(AssertionError, match="restricted"):
        created(plane, rendered, "other")


LEFT_ALONE = {
    "a container on the port": lambda pod: pod["spec"]["containers"].append(
        {**pod["spec"]["containers"][0], "name": "mine", "ports": [{"containerPort": 8084}]}
    ),
    "a collector of this name": lambda pod: pod["spec"]["containers"].append(
        {**pod["spec"]["containers"][0], "name": COLLECTOR}
    ),
    "events that go elsewhere": lambda pod: pod["spec"]["containers"][0].update(
        env=[{"name": "RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR", "value": "http://mine"}]
    ),
    "a pod that is not Ray's": lambda pod: pod["metadata"]["labels"].pop("ray.io/is-ray-node"),
}


@pytest.mark.parametrize("why", LEFT_ALONE)
def test_the_policy_leaves_alone(plane, why):
    changed = ray_pod()
    LEFT_ALONE[why](changed)
    assert created(plane, changed, "collected") == created(plane, changed, "other")


def test_the_policy_leaves_alone_a_pod_in_the_network_of_its_host(plane):
    plane.namespace("host-network", OPT_IN)
    plane.kubectl(
        *("apply", "--namespace=host-network", f"--filename={CONFIG / 'collector' / 'head' / 'parameters.yaml'}")
    )
    assert COLLECTOR in containers(created(plane, ray_pod(), "host-network"))
    changed = ray_pod()
    changed["spec"]["hostNetwork"] = True
    assert COLLECTOR not in containers(created(plane, changed, "host-network"))


def test_the_policy_leaves_alone_a_namespace_without_parameters(plane):
    assert COLLECTOR not in containers(created(plane, ray_pod(), "no-parameters"))


def test_the_policy_keeps_what_a_pod_has(plane):
    own = ray_pod()
    spec = own["spec"]
    ray = spec["containers"][0]
    restricted = ray["securityContext"]
    spec["terminationGracePeriodSeconds"] = 300
    spec["initContainers"] = [{"name": "wait-gcs-ready", "image": "ray", "securityContext": restricted}]
    spec["containers"].append({"name": "logs", "image": "logs", "securityContext": restricted})
    spec["volumes"] = [{"name": "mine", "emptyDir": {"medium": "Memory"}}]
    ray["volumeMounts"] = [{"name": "mine", "mountPath": "/tmp/ray"}]  # noqa: S108  Ray's own folder
    types = {"name": "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES", "value": "TASK_DEFINITION_EVENT"}
    ray["env"] = [{"name": "MINE", "value": "1"}, types]
    ray["lifecycle"] = {"preStop": {"exec": {"command": ["ray", "stop"]}}}
    before, after = created(plane, own, "other"), created(plane, own, "collected")
    assert [each["name"] for each in after["initContainers"]] == ["wait-gcs-ready", COLLECTOR]
    assert after["initContainers"][1]["volumeMounts"][0] == ray["volumeMounts"][0]
    assert [each["name"] for each in after["volumes"]] == ["mine", "ray-history"]
    assert after["volumes"][0] == before["volumes"][0]
    assert after["containers"][1] == before["containers"][1]
    assert after["terminationGracePeriodSeconds"] == 300
    ray, was = after["containers"][0], before["containers"][0]
    assert ray["env"][:2] == was["env"]
    assert len({each["name"] for each in ray["env"]}) == len(ray["env"]) == 6
    assert {**ray, "env": was["env"]} == was


def test_the_policy_needs_the_version_that_the_page_names(plane):
    """Kubernetes 1.36 is the first with the stable version."""
    objects = kustomized("collector/policy")
    assert {each["apiVersion"] for each in objects} == {"admissionregistration.k8s.io/v1"}
    served = plane.kubectl("get", "--raw=/apis/admissionregistration.k8s.io/v1").stdout
    assert "mutatingadmissionpolicies" in served
    assert "Kubernetes 1.36" in PAGE


def test_an_image_and_a_bucket_are_named_in_one_place(tmp_path):
    """As the page has it, in a folder with a checkout."""
    (text,) = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "kind: Kustomization" in text]
    (tmp_path / "ray-history").symlink_to(REPOSITORY)
    overlay = yaml.safe_load(text)
    (tmp_path / "kustomization.yaml").write_text(text)
    for name in overlay["resources"]:
        (tmp_path / name).write_text((CONFIG / "collector" / "raycluster" / "raycluster.yaml").read_text())
    parameters, ray = manifests.built(tmp_path)
    assert parameters["data"]["S3_BUCKET"] == "my-bucket"
    for each in pods([ray]):
        sidecar = each["spec"]["initContainers"][0]
        assert sidecar["image"] == "registry.example.com/ray-history-collect:0.1.0"
        assert sidecar["envFrom"][0]["configMapRef"]["name"] == parameters["metadata"]["name"]


def test_the_component_keeps_what_a_template_has(tmp_path):
    (ray,) = plain("raycluster")
    head, workers = ray["spec"]["headGroupSpec"]["template"]["spec"], ray["spec"]["workerGroupSpecs"]
    head["initContainers"] = [{"name": "first", "image": "first"}]
    head["volumes"] = [{"name": "mine", "emptyDir": {}}]
    head["containers"][0]["env"] = [{"name": "MINE", "value": "1"}]
    head["containers"].append({"name": "logs", "image": "logs"})
    workers.append({**copy.deepcopy(workers[0]), "groupName": "more"})
    spec = [each["spec"] for each in pods(with_component(tmp_path, "component", ray))]
    assert [list(containers(each))[:2] for each in spec] == [["first", COLLECTOR], *([[COLLECTOR, "ray-worker"]] * 2)]
    assert [each["name"] for each in spec[0]["volumes"]] == ["mine", "ray-logs", "ray-history"]
    assert spec[0]["containers"][0]["env"][0] == {"name": "MINE", "value": "1"}
    assert spec[0]["containers"][1] == {"name": "logs", "image": "logs"}


def test_a_cluster_of_a_head_alone_has_a_component(tmp_path):
    (ray,) = plain("raycluster")
    workers = ray["spec"].pop("workerGroupSpecs")
    (rendered,) = [each for each in with_component(tmp_path, "head", ray) if each["kind"] == "RayCluster"]
    rendered["spec"]["workerGroupSpecs"] = workers
    head, worker = pods([rendered])
    assert head == pods(kustomized("collector/raycluster"))[0]
    assert COLLECTOR not in containers(worker["spec"])


def with_component(folder, name: str, ray: dict) -> list[dict]:
    (folder / "config").symlink_to(CONFIG)
    (folder / "ray.yaml").write_text(json.dumps(ray))
    kustomization = {"resources": ["ray.yaml"], "components": [f"config/collector/{name}"]}
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return manifests.built(folder)


@pytest.mark.parametrize("sample", ["rayjob", "rayservice"])
def test_every_pod_of_a_sample_names_the_owner(sample):
    ray = plain(sample)[0]
    for each in pods([ray]):
        labels = each["metadata"]["labels"]
        owner = (labels["ray.io/originated-from-crd"], labels["ray.io/originated-from-cr-name"])
        assert owner == (ray["kind"], ray["metadata"]["name"])


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_collector_knows_the_variables_of_a_sample(sample):
    parameters, ray = kustomized(f"collector/{sample}")
    sources = [file for folder in ["collect", "store-settings"] for file in (REPOSITORY / "crates" / folder).rglob("*.rs")]
    known = {name for file in sources for name in re.findall(r'"([A-Z0-9_]+)"', file.read_text())}
    assert "S3FORCE_PATH_STYLE" in known
    for each in pods([ray]):
        sidecar, container = each["spec"]["initContainers"][0], each["spec"]["containers"][0]
        given = {each["name"] for each in sidecar["env"]} | {name for name in parameters["data"] if name.isupper()}
        assert not given - known
        assert {name for name in parameters["data"] if name not in given} == {"image"}
        assert not {each["name"] for each in container["env"] if f"`{each['name']}`" not in PAGE}
        assert sidecar["volumeMounts"][1]["mountPath"] in PAGE


def test_the_image_is_that_of_the_release():
    version = processes.run([REPOSITORY / "scripts" / "versions", "--unreleased"]).stdout.strip()
    for sample in SAMPLES:
        for each in pods(kustomized(f"collector/{sample}")):
            assert each["spec"]["initContainers"][0]["image"] == f"ray-history-collect:{version}"
