"""Every manifest is accepted by a real API server, strictly, and by Pod Security; kustomize and Helm say the same."""

import copy
import json
import re
import shutil

import helm_python
import pytest
import yaml

from e2e import manifests
from e2e.control_plane import ControlPlane, as_list
from e2e.manifests import CHART, CONFIG, KUSTOMIZATIONS, NAMESPACE, SAMPLES, VALUES
from e2e.processes import REPOSITORY

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
# The kustomizations that config/default leaves out, and the chart has by its values.
OPTIONAL = ["prometheus", "grafana", "gateway", "ingress", "network-policy"]
EVERYTHING = {
    "ingress": {"enabled": True},
    "httpRoute": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "monitoring": {name: {"enabled": True} for name in ["serviceMonitor", "prometheusRule", "grafanaDashboard"]},
}
RAY_HISTORY = {"rayHistory": {"create": True, "spec": {"storage": {"s3": {"bucket": "ray"}}}}}


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
    """What the API server says to objects that it is asked to check and not to keep."""
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


def test_helm_test_pulls_no_image_but_the_server_s():
    chosen = {
        "image": {"repository": "registry.example.com/ray-history", "digest": f"sha256:{'0' * 64}"},
        "service": {"port": 80},
    }
    (server,) = pod_of(chosen)["containers"]
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
    assert {*KUSTOMIZATIONS, "samples"} == {path.name for path in CONFIG.iterdir()}
    assert {*OPTIONAL, "crd", "default", "manager", "minio", "namespaced", "oauth2-proxy", "rbac"} == set(
        KUSTOMIZATIONS
    )


def test_the_chart_s_copies_are_current():
    copies = {
        "history.ray.io_rayhistories.yaml": REPOSITORY / "crds",
        "prometheus_rule.yaml": CONFIG / "prometheus",
        "ray-history.json": CONFIG / "grafana",
    }
    assert {file.name for file in (CHART / "files").iterdir()} == set(copies)
    for name, folder in copies.items():
        assert (CHART / "files" / name).read_text() == (folder / name).read_text(), f"{name}: run `make gen`"


def test_the_role_follows_the_secret_that_the_rayhistory_names():
    def secrets(chosen):
        roles = [each for each in manifests.rendered(chosen) if each["kind"] == "Role"]
        return [rule["resourceNames"] for role in roles for rule in role["rules"] if "secrets" in rule["resources"]]

    named = {"storage": {"azure": {"container": "ray", "credentialsSecretRef": {"name": "mine"}}}}
    assert secrets({}) == [["ray-history-storage"]]
    assert secrets({"credentials": {"secretName": "keys"}}) == [["keys"]]
    assert secrets({"rayHistory": {"create": True, "spec": named}}) == [["mine"]]


@pytest.mark.parametrize("namespaces", [[], [NAMESPACE, "team-a"], ["team-a"]], ids=json.dumps)
def test_events_may_be_made_beside_the_rayhistory_whatever_namespaces_are_served(namespaces):
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


def only(kind: str, chosen: dict) -> dict:
    """The one object of a kind."""
    (found,) = [each for each in manifests.rendered(chosen) if each["kind"] == kind]
    return found


def pod_of(chosen: dict) -> dict:
    return only("Deployment", chosen)["spec"]["template"]["spec"]


# Values that are called as the pod's fields, and that the chart sets nothing of.
POD_FIELDS = {
    "affinity": {"nodeAffinity": {}},
    "dnsConfig": {"nameservers": ["fd00::10"], "options": [{"name": "ndots", "value": "1"}]},
    "dnsPolicy": "None",
    "hostAliases": [{"ip": "fd00::1", "hostnames": ["minio.example"]}],
    "hostNetwork": True,
    "imagePullSecrets": [{"name": "registry"}],
    "initContainers": [{"name": "wait", "image": "wait:1"}],
    "nodeSelector": {"example.com/spot": "true"},
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "volcano",
    "terminationGracePeriodSeconds": 0,
    "tolerations": [{"operator": "Exists"}],
}


def test_values_with_the_name_of_a_field_of_the_pod_are_that_field():
    pod = pod_of(POD_FIELDS)
    assert {field: pod[field] for field in POD_FIELDS} == POD_FIELDS
    default = pod_of({})
    assert {"terminationGracePeriodSeconds"} == POD_FIELDS.keys() & default.keys()


@pytest.mark.parametrize("field", ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"])
def test_values_with_the_name_of_a_field_of_the_container_are_that_field(field):
    more = {
        "lifecycle": {"stopSignal": "SIGINT"},
        "resources": {"limits": {"cpu": 2}},
        "startupProbe": {"tcpSocket": {"port": "http"}},
    }.get(field, {"timeoutSeconds": 9})
    before = pod_of({})["containers"][0].get(field, {})
    after = pod_of({field: more})["containers"][0][field]
    if field == "resources":
        assert after == {**before, "limits": {**before["limits"], "cpu": 2}}
    else:
        assert after == before | more
    assert field not in pod_of({field: None})["containers"][0]


@pytest.mark.parametrize(
    "chosen",
    [
        {"fsGroupChangePolicy": "OnRootMismatch"},
        {"supplementalGroups": [1000], "supplementalGroupsPolicy": "Strict"},
        {"seLinuxOptions": {"level": "s0:c1"}},
        {"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]},
        {"runAsUser": 0, "runAsNonRoot": False},
        # Ids that OpenShift gives: no number may come out as 1.00068e+09.
        {"runAsUser": 1000680000, "fsGroup": 1000680000},
        {"seccompProfile": {"type": "Localhost", "localhostProfile": "ours.json"}},
        {"a-field-of-next-year": {"with": ["anything"]}},
    ],
    ids=json.dumps,
)
def test_security_contexts_take_every_field(chosen):
    default = pod_of({})
    pod = pod_of({"podSecurityContext": chosen, "securityContext": chosen})
    assert pod["securityContext"] == default["securityContext"] | chosen
    assert pod["containers"][0]["securityContext"] == default["containers"][0]["securityContext"] | chosen


def test_null_takes_fields_out_of_security_contexts():
    assert set(pod_of({})["securityContext"]) == {
        *("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile")
    }
    ids = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    assert set(pod_of({"podSecurityContext": ids})["securityContext"]) == {"runAsNonRoot", "seccompProfile"}
    pod = pod_of({"podSecurityContext": None, "securityContext": {"capabilities": None}})
    assert "securityContext" not in pod
    assert set(pod["containers"][0]["securityContext"]) == {"allowPrivilegeEscalation", "readOnlyRootFilesystem"}
    assert "securityContext" not in pod_of({"securityContext": None})["containers"][0]


def test_pods_are_spread_as_the_values_say():
    def spread(*constraints):
        return pod_of({"topologySpreadConstraints": list(constraints)}).get("topologySpreadConstraints")

    rack = {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}
    selector = only("Deployment", {})["spec"]["selector"]
    assert spread(rack) == [rack | {"labelSelector": selector}]
    others = rack | {"labelSelector": {"matchLabels": {"app": "x"}}}
    assert spread(others) == [others]
    assert spread() is None


def test_the_server_listens_where_the_values_say_and_its_port_follows():
    for listen, port in {"[::]:8080": 8080, "0.0.0.0:9090": 9090, "[fd00::1]:65000": 65000}.items():
        (container,) = pod_of({"server": {"listen": listen}})["containers"]
        assert f"--listen={listen}" in container["args"]
        assert container["ports"] == [{"name": "http", "containerPort": port}]


def test_the_service_has_the_families_that_the_values_say():
    families = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    assert only("Service", {"service": families})["spec"].items() >= families.items()
    assert not families.keys() & only("Service", {})["spec"].keys()


def test_what_stands_beside_the_server_is_added():
    sidecar = {"name": "proxy", "image": "proxy:1"}
    source = {"configMapRef": {"name": "proxy"}}
    pod = pod_of({"extraContainers": [sidecar], "server": {"extraEnvFrom": [source]}})
    assert [each["name"] for each in pod["containers"]] == ["server", "proxy"]
    assert pod["containers"][1] == sidecar
    assert pod["containers"][0]["envFrom"] == [source]


def test_an_autoscaler_or_another_strategy_may_be_chosen():
    assert "replicas" not in only("Deployment", {"replicas": None})["spec"]
    assert only("Deployment", {"replicas": 0})["spec"]["replicas"] == 0
    chosen = {"revisionHistoryLimit": 0, "strategy": {"type": "Recreate", "rollingUpdate": None}}
    spec = only("Deployment", {"deployment": chosen})["spec"]
    assert spec["revisionHistoryLimit"] == 0
    assert spec["strategy"] == {"type": "Recreate"}
    budget = {"maxUnavailable": None, "spec": {"minAvailable": 1}}
    spec = only("PodDisruptionBudget", {"podDisruptionBudget": budget})["spec"]
    assert spec["minAvailable"] == 1
    assert "maxUnavailable" not in spec


# Values that hold fields, and where these are in the object of a kind.
SPECS = {
    "deployment.spec": ("Deployment", ["spec"]),
    "podSpec": ("Deployment", ["spec", "template", "spec"]),
    "containerSpec": ("Deployment", ["spec", "template", "spec", "containers", 0]),
    "service.spec": ("Service", ["spec"]),
    "podDisruptionBudget.spec": ("PodDisruptionBudget", ["spec"]),
    "ingress.spec": ("Ingress", ["spec"]),
    "httpRoute.spec": ("HTTPRoute", ["spec"]),
    "networkPolicy.spec": ("NetworkPolicy", ["spec"]),
    "monitoring.serviceMonitor.spec": ("ServiceMonitor", ["spec"]),
    "monitoring.serviceMonitor.endpoint": ("ServiceMonitor", ["spec", "endpoints", 0]),
    "test.podSpec": ("Pod", ["spec"]),
    "test.containerSpec": ("Pod", ["spec", "containers", 0]),
}


def with_everything(path: str, value) -> dict:
    """Every object, and one value more, named as Helm's `--set` names it."""
    chosen = copy.deepcopy(EVERYTHING | RAY_HISTORY)
    *groups, last = path.split(".")
    at = chosen
    for group in groups:
        at = at.setdefault(group, {})
    at[last] = value
    return chosen


@pytest.mark.parametrize("path", SPECS)
def test_a_field_without_a_value_of_its_own_can_be_set_and_one_of_the_chart_s_replaced(path):
    kind, inside = SPECS[path]

    def part(chosen):
        found = only(kind, chosen)
        for key in inside:
            found = found[key]
        return found

    before = part(EVERYTHING)
    taken = min(before.keys() - {"containers", "template"})
    fields = {"anotherField": {"large": 1000680000, "off": False, "none": []}, taken: "replaced"}
    assert part(with_everything(path, fields)) == before | fields


# Values that hold the labels and annotations of the objects of some kinds.
OBJECTS = {
    "deployment": ["Deployment"],
    "serviceAccount": ["ServiceAccount"],
    "rbac": ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    "rayHistory": ["RayHistory"],
    "crds": ["CustomResourceDefinition"],
    "service": ["Service"],
    "podDisruptionBudget": ["PodDisruptionBudget"],
    "ingress": ["Ingress"],
    "httpRoute": ["HTTPRoute"],
    "networkPolicy": ["NetworkPolicy"],
    "monitoring.serviceMonitor": ["ServiceMonitor"],
    "monitoring.prometheusRule": ["PrometheusRule"],
    "monitoring.grafanaDashboard": ["ConfigMap"],
    "test": ["Pod"],
}


def test_every_object_has_values_for_its_labels_and_annotations():
    found = manifests.rendered(EVERYTHING | RAY_HISTORY)
    assert {each["kind"] for each in found} == {kind for kinds in OBJECTS.values() for kind in kinds}


@pytest.mark.parametrize("path", OBJECTS)
@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_labels_and_annotations_are_those_of_the_object_and_of_all(path, field):
    common = "commonLabels" if field == "labels" else "commonAnnotations"
    chosen = with_everything(f"{path}.{field}", {"example.com/one": "its own"})
    chosen[common] = {"example.com/one": "all", "example.com/two": "1"}
    found = manifests.rendered(chosen)
    default = manifests.rendered(EVERYTHING | RAY_HISTORY)
    before = {(each["kind"], each["metadata"]["name"]): each["metadata"].get(field, {}) for each in default}
    assert len(found) == len(before)
    for each in found:
        own = "its own" if each["kind"] in OBJECTS[path] else "all"
        expected = before[each["kind"], each["metadata"]["name"]] | {"example.com/one": own, "example.com/two": "1"}
        assert each["metadata"][field] == expected, each["kind"]


def test_pods_have_the_labels_and_annotations_of_all_objects_and_their_own():
    chosen = {
        "commonLabels": {"a": "all", "b": "all"},
        "podLabels": {"b": "pods"},
        "commonAnnotations": {"c": "all", "d": "all"},
        "podAnnotations": {"d": "pods", "kubectl.kubernetes.io/default-container": "proxy"},
    }
    metadata = only("Deployment", chosen)["spec"]["template"]["metadata"]
    assert metadata["labels"].items() >= {"a": "all", "b": "pods"}.items()
    assert metadata["annotations"] == {"c": "all", "d": "pods", "kubectl.kubernetes.io/default-container": "proxy"}


def test_no_label_of_a_value_takes_pods_away_from_what_selects_them():
    name = "app.kubernetes.io/name"
    selector = only("Deployment", {})["spec"]["selector"]["matchLabels"]
    chosen = {"commonLabels": {name: "x", "app.kubernetes.io/part-of": "ours"}, "podLabels": {name: "y"}}
    deployment = only("Deployment", chosen)
    assert deployment["spec"]["selector"]["matchLabels"] == selector
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= selector.items()
    service = only("Service", chosen | {"service": {"labels": {name: "z"}}})
    assert service["metadata"]["labels"].items() >= selector.items()
    assert service["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ours"


def test_objects_of_one_s_own_are_templates():
    chosen = {
        "extraObjects": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-map"}},
            'apiVersion: v1\nkind: Secret\nmetadata: {name: {{ include "ray-history.fullname" . }}-text}',
        ]
    }
    assert only("ConfigMap", chosen)["metadata"]["name"] == "ray-history-map"
    assert only("Secret", chosen)["metadata"]["name"] == "ray-history-text"


@pytest.mark.parametrize(
    "chosen",
    [
        {"replica": 1},
        {"image": {"tags": "x"}},
        {"rbac": {"scope": "cluster"}},
        {"monitoring": {"serviceMonitor": {"enabled": "yes"}}},
        {"credentials": {}, "crds": {"installed": True}},
        {"server": {"baseUrl": "ray.example.com"}},
        {"server": {"listen": "8080"}},
        {"podSecurity": {}},
        {"topologySpreadConstraint": []},
        {"service": {"ipFamilies": ["IPv5"]}},
        {"deployment": {"replicas": 1}},
    ],
    ids=json.dumps,
)
def test_values_that_are_not_there_are_refused(chosen):
    with pytest.raises(helm_python.HelmError):
        manifests.rendered(chosen)


def test_every_value_is_in_the_schema():
    def names(value, path=()):
        for key, inner in value.items():
            yield (*path, key)
            if isinstance(inner, dict) and "properties" in walk(schema, (*path, key)):
                yield from names(inner, (*path, key))

    def walk(at, path):
        for key in path:
            at = at["properties"][key]
        return at

    schema = json.loads((CHART / "values.schema.json").read_text())
    for path in names(manifests.values(CHART / "values.yaml")):
        assert walk(schema, path), path


def test_plain_kubectl_apply_can_keep_the_definition_in_its_annotation():
    assert len(json.dumps(manifests.own_definition())) < 262_144 - 1_000


INSTALL = (REPOSITORY / "docs" / "install.md").read_text()


def test_the_overlay_of_the_installation_page_is_one(tmp_path):
    """As a reader puts it beside a checkout: other image, three replicas, an identity, and the object."""
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
