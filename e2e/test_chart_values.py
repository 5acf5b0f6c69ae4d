"""The values of the chart: names of Kubernetes' own fields are these fields, and unknown values are refused."""

import copy
import json

import helm_python
import pytest

from e2e.harness import manifests
from e2e.harness.manifests import CHART, EVERYTHING, RAY_HISTORY, only, server_pod

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


def test_values_named_like_pod_fields_set_them():
    pod = server_pod(POD_FIELDS)
    assert {field: pod[field] for field in POD_FIELDS} == POD_FIELDS
    default = server_pod({})
    assert {"terminationGracePeriodSeconds"} == POD_FIELDS.keys() & default.keys()


@pytest.mark.parametrize("field", ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"])
def test_values_named_like_container_fields_set_them(field):
    more = {
        "lifecycle": {"stopSignal": "SIGINT"},
        "resources": {"limits": {"cpu": 2}},
        "startupProbe": {"tcpSocket": {"port": "http"}},
    }.get(field, {"timeoutSeconds": 9})
    before = server_pod({})["containers"][0].get(field, {})
    after = server_pod({field: more})["containers"][0][field]
    if field == "resources":
        assert after == {**before, "limits": {**before["limits"], "cpu": 2}}
    else:
        assert after == before | more
    assert field not in server_pod({field: None})["containers"][0]


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
    default = server_pod({})
    pod = server_pod({"podSecurityContext": chosen, "securityContext": chosen})
    assert pod["securityContext"] == default["securityContext"] | chosen
    assert pod["containers"][0]["securityContext"] == default["containers"][0]["securityContext"] | chosen


def test_null_takes_fields_out_of_security_contexts():
    assert set(server_pod({})["securityContext"]) == {
        *("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile")
    }
    ids = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    assert set(server_pod({"podSecurityContext": ids})["securityContext"]) == {"runAsNonRoot", "seccompProfile"}
    pod = server_pod({"podSecurityContext": None, "securityContext": {"capabilities": None}})
    assert "securityContext" not in pod
    assert set(pod["containers"][0]["securityContext"]) == {"allowPrivilegeEscalation", "readOnlyRootFilesystem"}
    assert "securityContext" not in server_pod({"securityContext": None})["containers"][0]


def test_pods_are_spread_as_the_values_say():
    def spread(*constraints):
        return server_pod({"topologySpreadConstraints": list(constraints)}).get("topologySpreadConstraints")

    rack = {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}
    selector = only("Deployment", {})["spec"]["selector"]
    assert spread(rack) == [rack | {"labelSelector": selector}]
    others = rack | {"labelSelector": {"matchLabels": {"app": "x"}}}
    assert spread(others) == [others]
    assert spread() is None


def test_the_listen_value_sets_the_argument_and_the_port():
    for listen, port in {"[::]:8080": 8080, "0.0.0.0:9090": 9090, "[fd00::1]:65000": 65000}.items():
        (container,) = server_pod({"server": {"listen": listen}})["containers"]
        assert f"--listen={listen}" in container["args"]
        assert container["ports"] == [{"name": "http", "containerPort": port}]


def test_the_service_has_the_families_that_the_values_say():
    families = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    assert only("Service", {"service": families})["spec"].items() >= families.items()
    assert not families.keys() & only("Service", {})["spec"].keys()


def test_extra_containers_and_environment_are_added():
    sidecar = {"name": "proxy", "image": "proxy:1"}
    source = {"configMapRef": {"name": "proxy"}}
    pod = server_pod({"extraContainers": [sidecar], "server": {"extraEnvFrom": [source]}})
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
def test_any_field_can_be_set_or_replaced_by_a_value(path):
    """A field without a value of its own can be set, and one that the chart sets replaced."""
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
    "collector": ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
    "test": ["Pod"],
}


def test_every_object_has_values_for_its_labels_and_annotations():
    found = manifests.rendered(EVERYTHING | RAY_HISTORY)
    assert {each["kind"] for each in found} == {kind for kinds in OBJECTS.values() for kind in kinds}


@pytest.mark.parametrize("path", OBJECTS)
@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_labels_and_annotations_are_the_object_s_and_common_ones(path, field):
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


def test_pods_have_common_labels_and_annotations_and_their_own():
    chosen = {
        "commonLabels": {"a": "all", "b": "all"},
        "podLabels": {"b": "pods"},
        "commonAnnotations": {"c": "all", "d": "all"},
        "podAnnotations": {"d": "pods", "kubectl.kubernetes.io/default-container": "proxy"},
    }
    metadata = only("Deployment", chosen)["spec"]["template"]["metadata"]
    assert metadata["labels"].items() >= {"a": "all", "b": "pods"}.items()
    assert metadata["annotations"] == {"c": "all", "d": "pods", "kubectl.kubernetes.io/default-container": "proxy"}


def test_no_label_value_breaks_a_selector():
    """Labels of values never replace those by which pods are selected."""
    name = "app.kubernetes.io/name"
    selector = only("Deployment", {})["spec"]["selector"]["matchLabels"]
    chosen = {"commonLabels": {name: "x", "app.kubernetes.io/part-of": "ours"}, "podLabels": {name: "y"}}
    deployment = only("Deployment", chosen)
    assert deployment["spec"]["selector"]["matchLabels"] == selector
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= selector.items()
    service = only("Service", chosen | {"service": {"labels": {name: "z"}}})
    assert service["metadata"]["labels"].items() >= selector.items()
    assert service["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ours"


def test_extra_objects_are_templates():
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
        {"collector": {"policy": {"failurePolicy": "Fail"}}},
        {"collector": {"policy": {"apiVersion": "v1"}}},
        {"collector": {"variables": {"S3-BUCKET": "ray"}}},
        {"collector": {"namespaces": ["Team_A"]}},
        # The key of the image, which has values of its own.
        {"collector": {"namespaces": ["team-a"], "variables": {"STORAGE_BACKEND": "s3", "image": "other"}}},
        # Without a word on the store.
        {"collector": {"namespaces": ["team-a"], "variables": {"S3_BUCKET": "ray"}}},
    ],
    ids=json.dumps,
)
def test_unknown_values_are_refused(chosen):
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
