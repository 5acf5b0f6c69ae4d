"""The collector's component for kustomize, and its samples. An API server has them in test_manifests.py."""

import copy
import json
import re

import pytest
import yaml

from e2e.harness import manifests
from e2e.harness.manifests import CONFIG, kustomized
from e2e.harness.processes import REPOSITORY
from e2e.harness.ray_pods import COLLECTOR, OWNER, SAMPLES, containers, plain, pods

PAGE = (REPOSITORY / "docs" / "collector.md").read_text()


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
        assert [each["metadata"]["labels"][name] for name in OWNER] == [ray["kind"], ray["metadata"]["name"]]


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_collector_knows_the_variables_of_a_sample(sample):
    parameters, ray = kustomized(f"collector/{sample}")
    sources = [
        file for folder in ["collect", "store-settings"] for file in (REPOSITORY / "crates" / folder).rglob("*.rs")
    ]
    texts = [file.read_text() for file in sources if file.name != "tests.rs"]
    known = {name for text in texts for name in re.findall(r'"([A-Z0-9_]+)"', text)}
    assert "S3FORCE_PATH_STYLE" in known
    for each in pods([ray]):
        sidecar, container = each["spec"]["initContainers"][0], each["spec"]["containers"][0]
        given = {each["name"] for each in sidecar["env"]} | {name for name in parameters["data"] if name.isupper()}
        assert not given - known
        assert {name for name in parameters["data"] if name not in given} == {"image"}
        assert not {each["name"] for each in container["env"] if f"`{each['name']}`" not in PAGE}
        assert sidecar["volumeMounts"][1]["mountPath"] in PAGE
