"""Every manifest is accepted by a real API server, strictly, and by Pod Security; kustomize and Helm say the same."""

import copy
import json
import re
import shutil

import pytest
import yaml

from e2e.harness import manifests
from e2e.harness.control_plane import ControlPlane
from e2e.harness.kubectl import as_list
from e2e.harness.manifests import (
    CHART,
    CONFIG,
    EVERYTHING,
    KUSTOMIZATIONS,
    NAMESPACE,
    RAY_HISTORY,
    RESTRICTED,
    SAMPLES,
    VALUES,
    only,
    server_pod,
)
from e2e.harness.processes import REPOSITORY
from e2e.harness.ray_pods import SAMPLES as COLLECTED

# The kustomizations that config/default leaves out, and the chart has by its values.
OPTIONAL = ["prometheus", "grafana", "gateway", "ingress", "network-policy", "collector/policy"]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane that knows all kinds that the manifests use."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        running.kubectl("apply", f"--kustomize={CONFIG / 'crd'}")
        running.define(*manifests.third_party(), applied=[manifests.own_definition()])
        for name in [NAMESPACE, "team-a", "team-b", "ray-minio"]:
            running.namespace(name)
        running.namespace("restricted", RESTRICTED)
        yield running


def dry_run(plane, objects, *arguments: str):
    """Returns the API server's answer to objects that it checks and does not keep."""
    text = json.dumps(as_list(objects))
    return plane.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "--filename=-", *arguments, text=text, check=False
    )


def accepted(plane, objects):
    done = dry_run(plane, objects)
    assert done.returncode == 0, done.stderr
    # A warning is an old version, a duplicate or a Pod Security violation.
    assert "Warning" not in done.stderr, done.stderr


def is_restricted(plane, objects):
    for pod in manifests.pods(objects):
        done = dry_run(plane, [pod], "--namespace=restricted")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_what_kustomize_renders_is_accepted(plane, name):
    objects = manifests.kustomized(name)
    accepted(plane, objects)
    is_restricted(plane, objects)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_accepted(plane, sample):
    accepted(plane, manifests.documents(sample.read_text()))


@pytest.mark.parametrize("sample", COLLECTED)
def test_a_sample_of_the_collector_is_accepted(plane, sample):
    objects = manifests.kustomized(f"collector/{sample}")
    assert [each["kind"].lower() for each in objects] == ["configmap", sample]
    accepted(plane, objects)


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.name.removesuffix("-values.yaml"))
def test_what_helm_renders_is_accepted(plane, file):
    chosen = manifests.values(file)
    assert manifests.lint(chosen) == []
    objects = manifests.rendered(chosen)
    accepted(plane, objects)
    is_restricted(plane, objects)


FAULTS = {
    "an unknown field": ("Service", lambda o: o["spec"].update(port=1), "unknown field"),
    "a wrong type": ("Deployment", lambda o: o["spec"].update(replicas="two"), "replicas"),
    "a selector that is not the pods'": (
        "Deployment",
        lambda o: o["spec"]["selector"]["matchLabels"].update(app="x"),
        "selector",
    ),
    "a port that is none": ("Service", lambda o: o["spec"]["ports"][0].update(port=99999), "65535"),
    "a quantity that is none": (
        "Deployment",
        lambda o: o["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].update(memory="1Q"),
        "quantit",
    ),
    "an unknown field of ours": ("RayHistory", lambda o: o["spec"].update(caches={}), "unknown field"),
    "two stores": ("RayHistory", lambda o: o["spec"]["storage"].update(gcs={"bucket": "ray"}), "exactly one of"),
    "a rule without an expression": (
        "PrometheusRule",
        lambda o: o["spec"]["groups"][0]["rules"][0].pop("expr"),
        "expr",
    ),
    "a scrape at no interval": (
        "ServiceMonitor",
        lambda o: o["spec"]["endpoints"][0].update(interval="often"),
        "interval",
    ),
    "a route that leads nowhere": (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][0]["backendRefs"][0].pop("port"),
        "port",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refused(plane, fault):
    """The check above must be able to fail."""
    kind, plant, complaint = FAULTS[fault]
    chosen = EVERYTHING | RAY_HISTORY
    objects = [each for each in manifests.rendered(chosen) if each["kind"] == kind]
    accepted(plane, objects)
    plant(objects[0])
    done = dry_run(plane, objects)
    assert done.returncode != 0
    assert complaint in done.stderr, done.stderr


@pytest.mark.parametrize(
    "plant",
    [
        lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"),
        lambda pod: pod["securityContext"].pop("seccompProfile"),
        lambda pod: pod["securityContext"].pop("runAsNonRoot"),
        lambda pod: pod.update(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
    ],
)
def test_a_pod_with_more_rights_is_refused_by_pod_security(plane, plant):
    (pod,) = manifests.pods(manifests.kustomized("default"))
    plant(pod["spec"])
    done = dry_run(plane, [pod], "--namespace=restricted")
    assert done.returncode != 0
    assert "restricted" in done.stderr


def meaning(objects: list[dict]) -> dict:
    """Objects without what may differ between kustomize and Helm: labels, and the selectors that go by them."""
    found = {}
    for each in copy.deepcopy(objects):
        metadata = each["metadata"]
        aggregated = {k: v for k, v in metadata.pop("labels", {}).items() if "aggregate-to" in k}
        metadata["aggregated"] = aggregated
        notes = {k: v for k, v in metadata.pop("annotations", {}).items() if not k.startswith("helm.sh/")}
        metadata["annotations"] = notes
        without_labels(each)
        found[each["kind"], metadata["name"]] = each
    return found


def without_labels(value):
    if isinstance(value, dict):
        if "expression" in value:
            # kustomize folds lines in its own way.
            value["expression"] = " ".join(value["expression"].split())
        for key in ["matchLabels", "selector"]:
            if isinstance(value.get(key), dict) and key == "matchLabels":
                value[key] = "ours" if any("app.kubernetes.io/name" in name for name in value[key]) else value[key]
            elif isinstance(value.get(key), dict) and any("app.kubernetes.io" in name for name in value[key]):
                value[key] = "ours"
        if isinstance(value.get("template"), dict):
            value["template"]["metadata"].pop("labels")
        for inner in value.values():
            without_labels(inner)
    elif isinstance(value, list):
        for inner in value:
            without_labels(inner)


def same(ours: list[dict], theirs: list[dict]):
    ours, theirs = meaning(ours), meaning(theirs)
    assert sorted(ours) == sorted(theirs)
    for name in ours:
        assert ours[name] == theirs[name], name


def test_helm_renders_what_kustomize_does():
    chosen = {}
    helm = [each for each in manifests.rendered(chosen) if each["kind"] != "Pod"]
    # Helm has --create-namespace for it, and docs/install.md its labels.
    kustomize = [each for each in manifests.kustomized("default") if each["kind"] != "Namespace"]
    same(kustomize, helm)


def test_helm_renders_what_kustomize_does_for_one_namespace():
    chosen = {"crds": {"install": False}, "rbac": {"scope": "Namespace"}}
    helm = [each for each in manifests.rendered(chosen) if each["kind"] != "Pod"]
    same(manifests.kustomized("namespaced"), helm)


def test_helm_renders_the_optional_objects_that_kustomize_does():
    kustomize = [each for name in OPTIONAL for each in manifests.kustomized(name)]
    kinds = {each["kind"] for each in kustomize}
    helm = [each for each in manifests.rendered(EVERYTHING) if each["kind"] in kinds]
    same(kustomize, helm)


ACCESS = {"access": {"enabled": True}}


@pytest.mark.parametrize(
    "chosen", [ACCESS, {"rayHistory": {"spec": {"access": {"mode": "Kubernetes"}}}}], ids=["values", "spec"]
)
def test_helm_gives_the_rights_of_access_control_that_kustomize_does(chosen):
    without = {(each["kind"], each["metadata"]["name"]) for each in manifests.rendered({})}
    helm = [each for each in manifests.rendered(chosen) if (each["kind"], each["metadata"]["name"]) not in without]
    same(manifests.kustomized("access"), helm)


def test_helm_gives_the_rights_of_access_control_in_single_namespaces():
    limited = {"crds": {"install": False}, "rbac": {"scope": "Namespace"}}
    without = {(each["kind"], each["metadata"]["name"]) for each in manifests.rendered(limited)}
    added = lambda chosen: [  # noqa: E731
        each for each in manifests.rendered(chosen) if (each["kind"], each["metadata"]["name"]) not in without
    ]
    same(manifests.kustomized("access-namespaced"), added(limited | ACCESS))
    # In each namespace; and no right outside of them where no token is reviewed.
    proxy = {"proxy": {"trust": {"sourceRanges": ["10.0.0.0/8"]}}}
    access = {"mode": "Kubernetes", "authentication": proxy}
    two = limited | {
        "rbac": {"scope": "Namespace", "namespaces": ["team-a", "team-b"]},
        "rayHistory": {"spec": {"access": access}},
    }
    reviews = [each["metadata"]["namespace"] for each in added(two) if each["metadata"]["name"].endswith("-reviews")]
    assert sorted(reviews) == ["team-a", "team-a", "team-b", "team-b"]
    assert not [each for each in manifests.rendered(two) if each["kind"].startswith("Cluster")]


PODS = {"obituaries": {"mode": "Pods"}}


@pytest.mark.parametrize("mode", ["Resources", "Pods"])
@pytest.mark.parametrize("limited", [False, True], ids=["everywhere", "in-namespaces"])
def test_helm_gives_the_rights_of_obituaries_that_kustomize_does(mode, limited):
    base = {"crds": {"install": False}, "rbac": {"scope": "Namespace"}} if limited else {}
    without = {(each["kind"], each["metadata"]["name"]) for each in manifests.rendered(base)}
    folder = f"obituaries-{mode.lower()}{'-namespaced' if limited else ''}"
    for chosen in [{"obituaries": {"mode": mode}}, {"rayHistory": {"spec": {"obituaries": {"mode": mode}}}}]:
        rendered = manifests.rendered(base | chosen)
        same(
            manifests.kustomized(folder),
            [each for each in rendered if (each["kind"], each["metadata"]["name"]) not in without],
        )


@pytest.mark.parametrize("limited", [False, True], ids=["everywhere", "in-namespaces"])
def test_helm_gives_the_right_to_read_logs_of_submitters_that_kustomize_does(limited):
    base = {"crds": {"install": False}, "rbac": {"scope": "Namespace"}} if limited else {}
    without = [(each["kind"], each["metadata"]["name"]) for each in manifests.rendered(base | PODS)]
    folder = f"obituaries-logs{'-namespaced' if limited else ''}"
    wanted = {"obituaries": {"mode": "Pods", "submitterLogs": True}}
    for chosen in [wanted, {"rayHistory": {"spec": wanted}}]:
        rendered = manifests.rendered(base | chosen)
        same(
            manifests.kustomized(folder),
            [each for each in rendered if (each["kind"], each["metadata"]["name"]) not in without],
        )
    alone = {"obituaries": {"mode": "Resources", "submitterLogs": True}}
    assert not [each for each in manifests.rendered(base | alone) if each["metadata"]["name"].endswith("-logs")]


def test_the_role_follows_the_secrets_that_access_control_names():
    login = {"login": {"keySecretRef": {"name": "mine"}}}
    proxy = {"proxy": {"trust": {"secretRef": {"name": "yours"}}}}
    for authentication, names in [
        ({}, ["ray-history-session", "ray-history-proxy"]),
        (login, ["mine", "ray-history-proxy"]),
        (login | proxy, ["mine", "yours"]),
    ]:
        access = {"mode": "Kubernetes", "authentication": authentication}
        rendered = manifests.rendered({"rayHistory": {"spec": {"access": access}}})
        (role,) = [each for each in rendered if (each["kind"], each["metadata"]["name"][-7:]) == ("Role", "-access")]
        assert [rule["resourceNames"] for rule in role["rules"]] == [names]


def test_helm_test_pulls_no_image_but_the_server_s():
    chosen = {
        "image": {"repository": "registry.example.com/ray-history", "digest": f"sha256:{'0' * 64}"},
        "service": {"port": 80},
    }
    (server,) = server_pod(chosen)["containers"]
    (asking,) = only("Pod", chosen)["spec"]["containers"]
    assert (asking["image"], asking["imagePullPolicy"]) == (server["image"], server["imagePullPolicy"])
    service = only("Service", chosen)
    assert asking["args"] == ["check", f"--server=http://{service['metadata']['name']}.{NAMESPACE}:80"]
    assert "command" not in asking


def test_kubernetes_is_as_new_as_the_manifests_need_and_no_newer():
    """1.30 is the first that has `preStop.sleep` without a switch."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == ">=1.30.0-0"
    assert "You need Kubernetes 1.30 or later" in INSTALL
    for objects in [manifests.rendered({}), manifests.kustomized("manager")]:
        (server,) = [each for each in objects if each["kind"] == "Deployment"]
        (container,) = server["spec"]["template"]["spec"]["containers"]
        assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}


def test_nothing_is_exposed_or_monitored_unless_it_is_asked_for():
    default = {each["kind"] for each in [*manifests.rendered({}), *manifests.kustomized("default")]}
    assert not default & {"Ingress", "HTTPRoute", "NetworkPolicy", "ServiceMonitor", "PrometheusRule", "RayHistory"}


def test_every_kustomization_is_either_whole_or_optional():
    # Those of config/collector are for the namespaces of Ray: test_collector_policy.py.
    assert {*KUSTOMIZATIONS, "collector", "samples"} == {path.name for path in CONFIG.iterdir()}
    whole = {"access", "access-namespaced", "crd", "default", "manager", "minio", "namespaced", "oauth2-proxy", "rbac"}
    whole |= {f"obituaries-{mode}{form}" for mode in ["resources", "pods", "logs"] for form in ["", "-namespaced"]}
    assert {*OPTIONAL, *whole} - {"collector/policy"} == set(KUSTOMIZATIONS)


def test_the_chart_s_copies_are_current():
    copies = {
        "history.ray.io_rayhistories.yaml": REPOSITORY / "crds",
        "prometheus_rule.yaml": CONFIG / "prometheus",
        "ray-history.json": CONFIG / "grafana",
        **dict.fromkeys(POLICY, CONFIG / "collector" / "policy"),
    }
    found = [file for file in (CHART / "files").rglob("*") if file.is_file()]
    assert {file.name for file in found} == set(copies)
    for file in found:
        assert file.read_text() == (copies[file.name] / file.name).read_text(), f"{file.name}: run `make gen`"


def test_the_role_follows_the_secret_that_the_rayhistory_names():
    def secrets(chosen):
        roles = [each for each in manifests.rendered(chosen) if each["kind"] == "Role"]
        return [rule["resourceNames"] for role in roles for rule in role["rules"] if "secrets" in rule["resources"]]

    named = {"storage": {"azure": {"container": "ray", "credentialsSecretRef": {"name": "mine"}}}}
    assert secrets({}) == [["ray-history-storage"]]
    assert secrets({"credentials": {"secretName": "keys"}}) == [["keys"]]
    assert secrets({"rayHistory": {"create": True, "spec": named}}) == [["mine"]]


@pytest.mark.parametrize("namespaces", [[], [NAMESPACE, "team-a"], ["team-a"]], ids=json.dumps)
def test_events_may_be_created_in_the_rayhistory_s_namespace(namespaces):
    chosen = {"crds": {"install": False}, "rbac": {"scope": "Namespace", "namespaces": namespaces}}
    roles = [each for each in manifests.rendered(chosen) if each["kind"] == "Role"]
    here = [rule for role in roles if role["metadata"]["namespace"] == NAMESPACE for rule in role["rules"]]
    assert [rule["verbs"] for rule in here if "events" in rule["resources"]] == [["create", "patch"]]


def test_two_releases_share_no_object():
    here = manifests.rendered({"crds": {"install": False}}, "one", "a")
    there = manifests.rendered({"crds": {"install": False}}, "two", "a")
    elsewhere = manifests.rendered({"crds": {"install": False}}, "one", "b")
    name = lambda each: (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])  # noqa: E731
    assert not {*map(name, here)} & {*map(name, there)}
    assert not {*map(name, here)} & {*map(name, elsewhere)}


def test_the_definition_fits_into_the_annotation_of_kubectl_apply():
    assert len(json.dumps(manifests.own_definition())) < 262_144 - 1_000


POLICY = ["policy.yaml", "binding.yaml", "owner.yaml", "owner_binding.yaml"]
INSTALL = (REPOSITORY / "docs" / "install.md").read_text()


def test_the_overlay_of_the_installation_page_is_one(tmp_path):
    """Another image, three replicas, an identity, and the object, in a folder with a checkout."""
    whole, part = re.findall(r"```yaml\n(.*?)```", INSTALL, re.DOTALL)
    overlay = yaml.safe_load(whole)
    overlay["patches"] += yaml.safe_load(part)["patches"]
    for folder in ["config", "crds"]:
        shutil.copytree(REPOSITORY / folder, tmp_path / "ray-history" / folder)
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    shutil.copy(CONFIG / "samples" / "s3.yaml", tmp_path / "rayhistory.yaml")
    objects = meaning(manifests.built(tmp_path))
    server = objects["Deployment", "ray-history-server"]["spec"]
    assert server["replicas"] == 3
    assert server["template"]["spec"]["containers"][0]["image"] == "registry.example.com/ray-history:0.1.0"
    assert "eks.amazonaws.com/role-arn" in objects["ServiceAccount", "ray-history-server"]["metadata"]["annotations"]
    assert ("RayHistory", "main") in objects


def test_the_values_of_the_installation_page_are_values():
    (text,) = re.findall(r"<<END\n(.*?)\nEND", INSTALL, re.DOTALL)
    objects = meaning(manifests.rendered(yaml.safe_load(text)))
    assert objects["RayHistory", "main"]["spec"]["storage"]["s3"]["bucket"] == "ray"


def test_the_server_s_name_in_the_pages_is_the_account_s():
    """Trust policies of clouds name it in full."""
    accounts = [each for each in manifests.kustomized("default") if each["kind"] == "ServiceAccount"]
    (name,) = [f"system:serviceaccount:{each['metadata']['namespace']}:{each['metadata']['name']}" for each in accounts]
    assert name in INSTALL
