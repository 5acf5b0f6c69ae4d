"""The collector by Helm: in this chart, and by values of KubeRay's chart for RayClusters."""

import re

import pytest
import yaml

from e2e.harness import manifests
from e2e.harness.manifests import CONFIG, rendered
from e2e.harness.processes import REPOSITORY
from e2e.harness.ray_pods import COLLECTOR

PAGE = (REPOSITORY / "docs" / "collector.md").read_text()
PARAMETERS = CONFIG / "collector" / "head" / "parameters.yaml"
STORE = {"STORAGE_BACKEND": "s3", "S3_BUCKET": "ray", "S3_REGION": "us-east-1"}
KUBERAY = CONFIG / "collector" / "helm" / "ray-cluster-values.yaml"


def parameters(chosen: dict) -> list[dict]:
    found = [each for each in rendered({"collector": {"variables": STORE, **chosen}}) if each["kind"] == "ConfigMap"]
    return [each for each in found if each["metadata"]["name"] == COLLECTOR]


def test_the_chart_s_parameters_are_those_of_kustomize():
    (theirs,) = manifests.documents(PARAMETERS.read_text())
    found = parameters({"namespaces": ["team-a", "team-b"]})
    assert [each["metadata"]["namespace"] for each in found] == ["team-a", "team-b"]
    assert [each["data"] for each in found] == [theirs["data"]] * 2
    assert parameters({}) == []


def test_the_values_of_the_page_are_values():
    (text,) = re.findall(r"<<END\n(.*?)\nEND", PAGE, re.DOTALL)
    objects = rendered(yaml.safe_load(text))
    assert len([each for each in objects if each["metadata"]["name"] == COLLECTOR]) == 4


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ({"repository": "registry.example.com/collect"}, "registry.example.com/collect:0.1.0"),
        ({"tag": "1"}, "ray-history-collect:1"),
        ({"tag": "1", "digest": f"sha256:{'0' * 64}"}, f"ray-history-collect@sha256:{'0' * 64}"),
    ],
)
def test_the_image_of_the_collector_may_be_chosen(image, wanted):
    (found,) = parameters({"namespaces": ["team-a"], "image": image})
    assert found["data"]["image"] == wanted


def test_variables_of_any_kind_become_text():
    variables = {"RAY_HISTORY_COLLECT_IMMUTABLE": True, "EVENTS_PORT": 18084, "MOST": 536870912, "HALF": 0.5, "NO": "x"}
    (found,) = parameters({"namespaces": ["team-a"], "variables": STORE | variables})
    texts = {"RAY_HISTORY_COLLECT_IMMUTABLE": "true", "EVENTS_PORT": "18084", "MOST": "536870912", "HALF": "0.5"}
    assert found["data"] == {"image": found["data"]["image"], "NO": "x", **STORE, **texts}


def test_a_namespace_may_be_a_number():
    (found,) = parameters({"namespaces": ["123"]})
    assert found["metadata"]["namespace"] == "123"


def test_labels_and_annotations_of_the_parameters_are_values():
    own = {"example.com/one": "its own"}
    (found,) = parameters({"namespaces": ["team-a"], "labels": own, "annotations": own})
    assert found["metadata"]["annotations"] == own
    assert own.items() <= found["metadata"]["labels"].items()


def policies(chosen: dict) -> list[dict]:
    found = rendered({"collector": {"policy": {"enabled": True, **chosen}}})
    return [each for each in found if each["kind"].startswith("MutatingAdmission")]


def test_the_namespaces_of_the_policies_are_a_value():
    """Not merged with the label that is the default."""
    team = {"matchLabels": None, "matchExpressions": [{"key": "example.com/team", "operator": "Exists"}]}
    bindings = [each["spec"] for each in policies({"namespaceSelector": team}) if "policyName" in each["spec"]]
    assert len(bindings) == 2
    for spec in bindings:
        assert spec["matchResources"]["namespaceSelector"] == {"matchExpressions": team["matchExpressions"]}


def test_older_versions_of_kubernetes_are_a_value():
    beta = "admissionregistration.k8s.io/v1beta1"
    assert {each["apiVersion"] for each in policies({"apiVersion": beta})} == {beta}


@pytest.mark.parametrize("group", ["head", "worker"])
def test_the_values_for_kuberay_s_chart_say_what_the_component_does(group):
    """Its chart has no value for the grace period."""
    chosen = yaml.safe_load(KUBERAY.read_text())
    (source,) = manifests.documents((CONFIG / "collector" / "head" / "pod.yaml").read_text())
    spec = source["template"]["spec"]
    (ray,), values = spec["containers"], chosen[group]
    assert chosen["common"]["containerEnv"] == ray["env"]
    assert values["lifecycle"] == ray["lifecycle"]
    assert values["volumeMounts"] == ray["volumeMounts"]
    assert values["volumes"] == spec["volumes"]
    (sidecar,) = values["initContainers"]
    assert sidecar == {**spec["initContainers"][0], "image": sidecar["image"]}
    assert values.keys() == {"lifecycle", "volumeMounts", "volumes", "initContainers"}
