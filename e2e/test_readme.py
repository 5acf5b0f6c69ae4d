"""The commands of the README, as far as a machine without Docker and a cluster can check them."""

import itertools
import re
import shlex

import pytest
import yaml

from e2e.harness import manifests, processes
from e2e.harness.manifests import NAMESPACE
from e2e.harness.server import BINARY, REPOSITORY

PAGES = [
    REPOSITORY / name
    for name in [
        "README.md",
        "charts/ray-history/README.md",
        "docs/install.md",
        "docs/access.md",
        "docs/single-sign-on.md",
        "docs/logs.md",
        "docs/collecting.md",
        "docs/collector.md",
    ]
]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
IMAGE = re.search(r"^IMAGE \?= (\S+)$", MAKEFILE, re.MULTILINE)[1]


def commands(page) -> list[list[str]]:
    """Returns the commands of a page's shell blocks, each as words; a pipe is several."""
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        # A here-document is another language, and is tested where it belongs.
        text = re.sub(r"<<END\n.*?\n *END$", "", block, flags=re.DOTALL | re.MULTILINE).replace("\\\n", " ")
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            for _, command in itertools.groupby(words, key="|".__eq__):
                found.append([word for word in command if not re.fullmatch(r"[A-Z][A-Z0-9_]*=\S*", word)])
    return [words for words in found if words and words != ["|"]]


ALL = [(page, words) for page in PAGES for words in commands(page)]


def option(words, *names) -> list[str]:
    """Returns the values of an option, in any of its forms."""
    found = []
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            found.append(value if equals else words[at + 1])
    return found


def test_every_kind_of_command_was_found():
    assert {"make", "skopeo", "kubectl", "helm", "ray-history", "ray"} <= {words[0] for _, words in ALL}


@pytest.mark.parametrize(
    ("page", "words"), [each for each in ALL if each[1][0] == "make"], ids=lambda each: str(each)[-50:]
)
def test_make_has_the_target(page, words):  # noqa: ARG001
    targets = re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)
    assert words[1] in targets


def test_the_image_built_is_the_one_loaded_and_run():
    names = dict(re.findall(r"^(\w*IMAGE) \?= (\S+)$", MAKEFILE, re.MULTILINE))
    built = re.findall(r"^\tscripts/image (?:--collect )?\$\((\w+)\) (\S+)$", MAKEFILE, re.MULTILINE)
    images = {f"oci-archive:{archive}": names[name] for name, archive in built}
    loaded = [(page, words) for page, words in ALL if words[0] == "skopeo"]
    for page, words in loaded:
        assert words[-1].endswith(f"/{images[words[2]]}"), (page, words)
    assert {words[2] for _, words in loaded} == set(images)
    for objects in [manifests.kustomized("default"), manifests.rendered({})]:
        pods = [each for each in objects if each["kind"] in ("Deployment", "Pod")]
        assert pods
        for pod in pods:
            spec = pod["spec"].get("template", pod)["spec"]
            assert [container["image"] for container in spec["containers"]] == [IMAGE]
            # A tag that is not latest, so that a loaded image is not pulled.
            assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def applied(words) -> list[dict]:
    """Returns the objects that a `kubectl apply` creates."""
    found = []
    for folder in option(words, "-k", "--kustomize"):
        found += manifests.built(REPOSITORY / folder)
    for file in option(words, "-f", "--filename"):
        if file not in ("-", "/dev/stdin"):
            found += manifests.documents((REPOSITORY / file).read_text())
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_waited_for_has_been_made_in_that_namespace(page):
    made = {("CustomResourceDefinition", None, "rayhistories.history.ray.io")}
    for words in commands(page):
        if words[:2] == ["kubectl", "apply"]:
            objects = applied(words)
            made |= {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}
        elif words[:2] == ["helm", "install"]:
            (namespace,) = option(words, "--namespace", "-n")
            objects = manifests.rendered({}, words[2], namespace)
            made |= {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}
        elif words[0] == "kubectl" and "wait" in words:
            target = next(word for word in words if "/" in word and "=" not in word)
            kind, name = target.split("/")
            kinds = {"rh": "RayHistory", "crd": "CustomResourceDefinition", "raycluster": "RayCluster"}
            namespace = option(words, "-n", "--namespace")
            assert (kinds[kind], namespace[0] if namespace else None, name) in made, words
    namespaces = {namespace for _, namespace, _ in made if namespace}
    # The collector goes where Ray is.
    assert namespaces <= {NAMESPACE, "ray-minio", *(["team-a"] if page.name == "collector.md" else [])}


# The collector goes where Ray is.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "collector.md"], ids=lambda page: page.name)
def test_all_of_it_is_in_one_namespace(page):
    for words in commands(page):
        if words[0] in ("helm", "kubectl") and (named := option(words, "-n", "--namespace")):
            # Rights are given in a namespace of Ray.
            people = ("team", "TEAM") if {"rolebinding"} & set(words) else ()
            assert named[0] in (NAMESPACE, "ray-minio", "ingress-nginx", *people), words
        if words[:2] in (["helm", "install"], ["helm", "test"], ["helm", "upgrade"]):
            assert option(words, "--namespace") == [NAMESPACE], words


def flags_of(*command: str) -> set[str]:
    done = processes.run([BINARY, *command, "--help"])
    return set(re.findall(r"--[a-z-]+", done.stdout))


def test_flags_of_ours_exist():
    found = 0
    for page, words in ALL:
        at = words.index("ray-history") if "ray-history" in words else None
        if at is None or words[0] not in ("ray-history", "kubectl") or "create" in words or words[0] == "kubectl":
            continue
        found += 1
        command = words[at + 1 : at + 3] if words[at + 1] == "logs" else [words[at + 1]]
        given = {word.partition("=")[0] for word in words[at + 2 :] if word.startswith("--")}
        assert given <= flags_of(*command), (page, words)
    assert found > 4


def test_values_that_are_set_are_values():
    for page, words in ALL:
        # KubeRay's chart has values of its own.
        if words[0] == "helm" and "kuberay/ray-cluster" not in words:
            for each in option(words, "--set"):
                name, _, value = each.partition("=")
                at = chosen = {}
                *groups, last = name.split(".")
                for group in groups:
                    at = at.setdefault(group, {})
                at[last] = yaml.safe_load(value)
                assert manifests.rendered(chosen), (page, words)


def test_files_that_are_named_exist():
    for page, words in ALL:
        for word in words:
            if re.match(r"(config|charts|docs|scripts|crds)/", word):
                assert (REPOSITORY / word).exists(), (page, words)
