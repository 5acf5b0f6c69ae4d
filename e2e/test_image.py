"""The image: what it is built from, what is in it, and that it runs as a restricted pod."""

import glob
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest

from e2e.harness import bundle, processes
from e2e.harness.container import MIB, Container, Image
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import BINARY, wait_until

NAME = "ray-history:test"
VERSIONS = re.findall(r"^ray==(\S+)", (REPOSITORY / "scripts" / "dashboard-versions.txt").read_text(), re.MULTILINE)
DOCUMENTS = "usr/share/doc/ray-history"
LICENCE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
MOST_WITHOUT_LICENCE = 25
"""Crates whose sources have no such file: 19 of 380, most of them parts of a workspace that has one."""


def build(into, program=BINARY) -> Image:
    """Builds the image of a program, by default of the tests' own."""
    into.mkdir(exist_ok=True)
    archive = into / "image.tar"
    # pip of this Python is known to work here.
    own = {"PATH": f"{into}:{processes.INHERITED['PATH']}", "CACHE": str(REPOSITORY / ".cache")}
    (into / "python3").symlink_to(sys.executable)
    processes.run([REPOSITORY / "scripts" / "image", NAME, archive, program], own=own, timeout=600)
    return Image(archive)


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Image:
    """The image."""
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def root(image, tmp_path_factory):
    """The files of the image."""
    root = tmp_path_factory.mktemp("root")
    root.chmod(0o755)  # the container's user must get in
    image.unpack(root)
    return root


def called(file: str) -> set[str]:
    """Returns the names of the scripts that a file names, and of those that they name."""
    found, left = set(), [REPOSITORY / file]
    while left:
        text = left.pop().read_text()
        for script in (REPOSITORY / "scripts").iterdir():
            if script.name not in found and re.search(rf'["/]{re.escape(script.name)}(?![\w./-])', text):
                found.add(script.name)
                left.append(script)
    return found


def test_the_files_in_the_image_s_context_are_a_whole_package(tmp_path):
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            for source in REPOSITORY.glob(line.removeprefix("!")):
                target = tmp_path / source.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                else:
                    shutil.copy(source, target)
    versions = processes.run(["rustc", "-vV"], cwd=REPOSITORY).stdout
    (host,) = re.findall(r"host: (\S+)", versions)
    # It fetches nothing, and reads the package as a build does.
    command = ["cargo", "fetch", "--locked", "--offline", f"--target={host}"]
    processes.run(command, cwd=tmp_path)
    wanted = called("Dockerfile")
    assert {"image-base", "image-build", "sbom", "fetch-dashboard", "dashboard-versions.txt"} <= wanted
    for script in wanted:
        assert (tmp_path / "scripts" / script).is_file(), script


def test_both_ways_to_build_run_the_same_scripts():
    asked = re.findall(r'^RUN \["scripts/([\w-]+)", "/out"\]$', (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    script = (REPOSITORY / "scripts" / "image").read_text()
    run = re.findall(r'^"\$here/(image-[\w-]+)" "\$work/\w+/out"', script, re.MULTILINE)
    assert sorted(run) == sorted(asked) == ["image-build", "image-dashboards"]


def test_the_image_is_for_a_user_who_is_not_root(image):
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == ["/usr/local/bin/ray-history"]
    (package,) = re.findall(r'^version = "(.*)"$', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)[:1]
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.version"] == package
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_archive_has_the_name_that_the_kubelet_asks_for(image):
    """`ctr images import` keeps it, and a Deployment's short name is completed to it."""
    assert image.name == f"docker.io/library/{NAME}"


def test_the_image_has_no_shell_and_nothing_that_gives_rights(image):
    members = image.members()
    for path, member in members.items():
        assert member.uid == member.gid == 0, path
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), path
        assert member.issym() or path == "tmp" or not member.mode & stat.S_IWOTH, path
        assert not member.isdev(), path
    programs = [path for path, member in members.items() if member.isfile() and "/bin/" in f"/{path}"]
    assert programs == ["usr/local/bin/ray-history"]


def licences(crate: str) -> set[str]:
    """Returns the names of the files with licences in the sources of a crate."""
    registry = Path(os.environ["CARGO_HOME"]) / "registry" / "src"
    (source,) = registry.glob(f"*/{glob.escape(crate)}")
    return {each.name for each in source.iterdir() if each.is_file() and LICENCE.match(each.name)}


def test_the_image_names_what_is_in_it(root):
    document = json.loads((root / DOCUMENTS / "sbom.cdx.json").read_text())
    urls = {component["purl"] for component in document["components"]}
    assert len(urls) == len(document["components"])
    for version in VERSIONS:
        assert f"pkg:pypi/ray@{version}" in urls
        page = root / "usr" / "share" / "ray-dashboard" / version
        assert (page / "index.html").is_file()
        assert (page / "LICENSE.ray.txt").is_file()
    names = {url.split("@")[0] for url in urls}
    assert {"pkg:cargo/actix-web", "pkg:cargo/kube", "pkg:cargo/ray-history-core", "pkg:deb/debian/libc6"} <= names
    # Tests only.
    assert not {"pkg:cargo/proptest", "pkg:cargo/rcgen"} & names
    assert document["metadata"]["component"]["name"] == "ray-history"
    crates = {
        f"{each['name']}-{each['version']}" for each in document["components"] if each["purl"].startswith("pkg:cargo")
    }
    crates = {each for each in crates if not each.startswith("ray-history")}
    sources = {each: licences(each) for each in crates}
    for crate, files in sources.items():
        stored = root / DOCUMENTS / "crates" / crate
        assert {each.name for each in stored.iterdir()} >= files if files else not stored.exists(), crate
    without = (root / DOCUMENTS / "crates" / "without-a-file.txt").read_text().split()
    assert sorted(without) == sorted(each for each in crates if not sources[each])
    assert len(without) <= MOST_WITHOUT_LICENCE
    for package in ["libc6", "libgcc-s1", "ca-certificates"]:
        assert (root / "usr" / "share" / "doc" / package / "copyright").is_file()


def test_the_same_files_make_the_same_image(tmp_path):
    # A small program, which takes less time to compress.
    one, other = (build(tmp_path / name, "/bin/true") for name in ["one", "other"])
    assert one.document["rootfs"] == other.document["rootfs"]


def test_a_restricted_container_opens_a_session(image, root, unpacked, tmp_path):
    bucket = bundle.MIXED.storage(unpacked)
    with Container(image, root, bucket, tmp_path / "container") as container:
        wait_until(lambda: container.get("readyz")[0] == 200, 30)
        assert container.get("livez")[0] == 200
        status, kind, body = container.get(f"{bundle.MIXED.path}/")
        assert (status, kind) == (200, "text/html; charset=utf-8")
        (script,) = re.findall(rb'src="\./(static/js/main\.\w+\.js)"', body)
        assert container.get(f"{bundle.MIXED.path}/{script.decode()}")[0] == 200
        tasks = container.json(f"{bundle.MIXED.path}/api/v0/tasks?limit=10")
        assert len(tasks["data"]["result"]["result"]) == 10


def test_nothing_is_left_of_a_container_that_did_not_start(image, root, tmp_path, monkeypatch):
    monkeypatch.setattr("e2e.harness.server.START_SECONDS", 2)
    (tmp_path / "bucket").mkdir()
    container = Container(image, root, tmp_path / "bucket", tmp_path / "container", started="no such line")
    with pytest.raises(AssertionError, match="did not start serving"), container:
        pass
    pid = int((tmp_path / "container" / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10)


def test_an_empty_bucket_is_ready_in_64_mib(image, root, tmp_path):
    (tmp_path / "bucket").mkdir()
    with Container(image, root, tmp_path / "bucket", tmp_path / "container", memory=64 * MIB) as container:
        wait_until(lambda: container.get("readyz")[0] == 200, 30)
        assert container.json("api/history/v1/sessions")["sessions"] == []
