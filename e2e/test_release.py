"""What a release publishes beside the image: one version, `install.yaml`, the definition, the chart's package."""

import json
import re
import shutil
import sys
import tarfile

import helm_python
import pytest
import yaml

from e2e.harness import manifests, processes
from e2e.harness.control_plane import program
from e2e.harness.manifests import CHART
from e2e.harness.processes import REPOSITORY

SCRIPTS = REPOSITORY / "scripts"
NAMED = [
    "Cargo.toml",
    "Dockerfile",
    "Makefile",
    "charts/ray-history/Chart.yaml",
    "config/collector/head/parameters.yaml",
    "config/collector/helm/ray-cluster-values.yaml",
    "config/manager/kustomization.yaml",
    "docs/openapi.json",
]


def versions(*arguments, succeeds: bool = True):
    return processes.run([sys.executable, SCRIPTS / "versions", *arguments], succeeds=succeeds)


@pytest.fixture
def copy(tmp_path):
    """The files that name the version."""
    for name in [*NAMED, "CHANGELOG.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The files."""
    folder = tmp_path_factory.mktemp("release")
    processes.run([sys.executable, SCRIPTS / "release-manifests", folder], own={"KUBECTL": program("kubectl")})
    return folder


def test_all_places_name_one_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", versions("--unreleased").stdout)


@pytest.mark.parametrize("name", NAMED)
def test_a_place_with_another_version_is_named(copy, name):
    version = versions("--unreleased", copy).stdout.strip()
    file = copy / name
    file.write_text(file.read_text().replace(version, "9.9.9"))
    # The package's own version is what the others are compared with.
    wrong = "Dockerfile" if name == "Cargo.toml" else name
    assert f": {wrong}: " in versions("--unreleased", copy, succeeds=False).stderr


def test_the_collector_s_image_has_the_version(copy):
    file = copy / "Makefile"
    file.write_text(re.sub(r"(?<=ray-history-collect:)\S+$", "9.9.9", file.read_text(), flags=re.MULTILINE))
    told = versions("--unreleased", copy, succeeds=False).stderr
    assert re.findall(": (.*): ", told) == ["Makefile"]


def test_a_release_needs_a_section_of_the_changelog(copy):
    version = versions("--unreleased", copy).stdout.strip()
    file = copy / "CHANGELOG.md"
    file.write_text("# Changelog\n\n## Unreleased\n\n- Something\n")
    told = versions(copy, succeeds=False).stderr
    assert f"no section `## {version} - YYYY-MM-DD`" in told
    assert "`## Unreleased` is not empty" in told
    file.write_text(f"# Changelog\n\n## Unreleased\n\n## {version} - 2026-12-01\n\n- Something\n")
    assert versions(copy).stdout.strip() == version


def test_a_folder_of_something_else_is_not_emptied(tmp_path):
    (tmp_path / "mine").write_text("")
    told = processes.run([SCRIPTS / "release", "--unreleased", tmp_path], succeeds=False).stderr
    assert "is no folder of a release" in told
    assert (tmp_path / "mine").exists()


def test_install_yaml_is_what_kustomize_applies(release):
    text = (release / "install.yaml").read_text()
    assert manifests.documents(text) == manifests.kustomized("default")
    version = versions("--unreleased").stdout.strip()
    assert re.findall(r"^ +image: (.*)$", text, re.MULTILINE) == [f"ray-history:{version}"]


def test_the_definition_is_the_generated_one(release):
    name = "history.ray.io_rayhistories.yaml"
    assert (release / name).read_text() == (REPOSITORY / "crds" / name).read_text()


def test_the_package_renders_what_the_chart_does(release):
    (package,) = release.glob("*.tgz")
    values = {"rayHistory": {"create": True, "spec": {"storage": {"local": {"path": "/data"}}}}}
    with helm_python.Chart.load(package) as chart:
        files = chart.render(values, name="ray-history", namespace=manifests.NAMESPACE)
    texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    rendered = [document for text in texts for document in manifests.documents(text)]
    assert json.dumps(rendered) == json.dumps(manifests.rendered(values))
    with tarfile.open(package) as opened:
        names = opened.getnames()
    assert all(name.startswith("ray-history/") for name in names)
    # Examples of values are for whoever reads the repository.
    assert not [name for name in names if name.startswith("ray-history/ci/")]


def test_the_index_leads_to_the_package_wherever_it_is_served(release):
    (package,) = release.glob("*.tgz")
    index = yaml.safe_load((release / "index.yaml").read_text())
    (entry,) = index["entries"]["ray-history"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert entry["urls"] == [package.name]
    assert {name: entry[name] for name in ["version", "appVersion"]} == {
        name: chart[name] for name in ["version", "appVersion"]
    }
    digest = processes.run(["sha256sum", package]).stdout.split()[0]
    assert entry["digest"] == digest
