"""The admission policy in a real API server: pods get what the component for kustomize gives them."""

import json
import time

import pytest

from e2e.harness.control_plane import ControlPlane
from e2e.harness.manifests import CONFIG, RESTRICTED, kustomized, third_party
from e2e.harness.processes import REPOSITORY
from e2e.harness.ray_pods import COLLECTOR, OWNER, SAMPLES, containers, plain, pods

OPT_IN = {"ray-history-collect": "enabled"}
PARAMETERS = CONFIG / "collector" / "head" / "parameters.yaml"
PAGE = (REPOSITORY / "docs" / "collector.md").read_text()


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane with the policy."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        running.namespace("collected", OPT_IN | RESTRICTED)
        running.namespace("host-network", OPT_IN)
        running.namespace("no-parameters", OPT_IN)
        running.namespace("other", RESTRICTED)
        running.apply(*(each for each in third_party() if each["spec"]["group"] == "ray.io"))
        running.kubectl("apply", f"--kustomize={CONFIG / 'collector' / 'policy'}")
        for name in ["collected", "host-network", "other"]:
            running.kubectl("apply", f"--namespace={name}", f"--filename={PARAMETERS}")
        end = time.monotonic() + 60
        owned = {**plain("raycluster")[0], "metadata": {"name": "demo", "labels": dict.fromkeys(OWNER, "x")}}
        while not has_effect(running, owned):
            assert time.monotonic() < end, "the policy has no effect"
            time.sleep(0.2)
        yield running


def has_effect(plane, owned: dict) -> bool:
    """Returns whether both policies change what they should. The kinds that they name are known after a while."""
    try:
        collected = COLLECTOR in containers(created(plane, ray_pod(), "collected"))
        return collected and bool(labels(created(plane, owned, "collected"))[0])
    except AssertionError as error:
        if "There can be a delay" not in str(error):
            raise
        return False


def created(plane, sent: dict, namespace: str, *, verb: str = "create", dry: bool = True) -> dict:
    """Returns the spec of an object as the API server would keep it."""
    arguments = [verb, f"--namespace={namespace}", "--validate=strict", *(["--dry-run=server"] if dry else [])]
    done = plane.kubectl(*arguments, "--filename=-", "--output=json", text=json.dumps(sent))
    return json.loads(done.stdout)["spec"]


def ray_pod() -> dict:
    return pods(plain("raycluster"))[0]


def unordered(value):
    """Returns a value with its lists sorted; the order of containers is tested apart."""
    if isinstance(value, dict):
        return {name: unordered(each) for name, each in value.items()}
    return sorted(map(unordered, value), key=json.dumps) if isinstance(value, list) else value


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_policy_makes_what_the_component_does(plane, sample):
    """Both namespaces enforce the restricted profile of Pod Security."""
    without, rendered = pods(plain(sample)), pods(kustomized(f"collector/{sample}"))
    assert len(without) == len(rendered) == 2
    for ours, theirs in zip(without, rendered, strict=True):
        spec = created(plane, theirs, "other")
        assert next(iter(containers(spec))) == COLLECTOR
        assert unordered(created(plane, ours, "collected")) == unordered(spec)
        assert COLLECTOR not in containers(created(plane, ours, "other"))
        assert created(plane, theirs, "collected") == spec


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


def labels(spec: dict) -> list[dict[str, str]]:
    """Returns the labels of the templates of pods in the spec of a RayCluster."""
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"].get("metadata", {}).get("labels", {}) for group in groups]


@pytest.mark.parametrize("crd", ["RayJob", "RayService"])
def test_pods_are_given_the_owner_of_their_cluster(plane, crd):
    """KubeRay gives these labels to the cluster alone."""
    owner = dict(zip(OWNER, (crd, "demo"), strict=True))
    (ray,) = plain("raycluster")
    head, workers = ray["spec"]["headGroupSpec"], ray["spec"]["workerGroupSpecs"]
    head["template"]["metadata"] = {"labels": {"mine": "1"}, "annotations": {"mine": "1"}}
    workers.append({**workers[0], "groupName": "more", "template": {**workers[0]["template"], "metadata": {}}})
    ray["metadata"]["labels"] = owner
    spec = created(plane, ray, "collected")
    assert labels(spec) == [owner | {"mine": "1"}, owner, owner]
    assert spec["headGroupSpec"]["template"]["metadata"]["annotations"] == {"mine": "1"}
    assert labels(created(plane, ray, "other")) == [{"mine": "1"}, {}, {}]
    # An owner is not guessed.
    del ray["metadata"]["labels"]
    assert labels(created(plane, ray, "collected")) == [{"mine": "1"}, {}, {}]


@pytest.mark.parametrize("known", [True, False], ids=["with", "without"])
def test_a_change_of_a_cluster_leaves_it_as_it_began(plane, known):
    """A cluster that began without the labels gets none later: a session has one place in the bucket."""
    owner = dict(zip(OWNER, ("RayJob", "demo"), strict=True))
    (ray,) = plain("raycluster")
    ray["metadata"] |= {"name": f"changed-{known}".lower(), "labels": owner if known else {}}
    spec = created(plane, ray, "collected", dry=False)
    assert labels(spec) == [owner if known else {}] * 2
    workers = ray["spec"]["workerGroupSpecs"]
    ray["metadata"]["labels"] = owner
    workers.append({**workers[0], "groupName": "more"})
    changed = created(plane, ray, "collected", verb="apply")
    assert labels(changed) == [owner if known else {}] * 3
