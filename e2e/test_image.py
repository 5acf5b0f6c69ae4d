"""The images of server and collector: what makes them, what is in them, and that they run in restricted pods."""

import functools
import glob
import json
import os
import re
import shutil
import stat
import sys
import urllib.request
from pathlib import Path

import pytest

from e2e.harness import bundle, processes
from e2e.harness.container import MIB, CollectorContainer, Container, Image
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import BINARY, COLLECTOR, wait_until

PROGRAMS = {"ray-history": BINARY, "ray-history-collect": COLLECTOR}
"""The packages that have an image, and the tests' own programs of them."""
USERS = {"ray-history": "65532:65532", "ray-history-collect": "1000:100"}
BOTH = pytest.mark.parametrize("package", PROGRAMS)
VERSIONS = re.findall(r"^ray==(\S+)", (REPOSITORY / "scripts" / "dashboard-versions.txt").read_text(), re.MULTILINE)
DOCUMENTS = Path("usr", "share", "doc")
LICENCE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
MOST_WITHOUT_LICENCE = 25
"""Crates whose sources have no such file: 19 of 380, most of them parts of a workspace that has one."""
MOST_COMPRESSED = 30_000_000
"""Bytes of the collector's archive, which every node of every cluster pulls."""


def build(into: Path, package: str, program: Path) -> Image:
    """Builds the image of a program."""
    into.mkdir(exist_ok=True)
    archive = into / "image.tar"
    # pip of this Python is known to work here.
    own = {"PATH": f"{into}:{processes.INHERITED['PATH']}", "CACHE": str(REPOSITORY / ".cache")}
    (into / "python3").symlink_to(sys.executable)
    flags = {"ray-history": [], "ray-history-collect": ["--collect"]}[package]
    script = REPOSITORY / "scripts" / "image"
    processes.run([script, *flags, f"{package}:test", archive, program], own=own, timeout=600)
    return Image(archive)


@pytest.fixture
def package() -> str:
    """The package of the image, for tests that are not of both."""
    return "ray-history"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A function that builds the image of a package, once."""
    return functools.cache(lambda package: build(tmp_path_factory.mktemp("image"), package, PROGRAMS[package]))


@pytest.fixture(scope="module")
def roots(images, tmp_path_factory):
    """A function that unpacks the image of a package, once."""

    @functools.cache
    def unpack(package: str) -> Path:
        root = tmp_path_factory.mktemp("root")
        root.chmod(0o755)  # the container's user must get in
        images(package).unpack(root)
        return root

    return unpack


@pytest.fixture
def image(images, package) -> Image:
    """The image."""
    return images(package)


@pytest.fixture
def root(roots, package) -> Path:
    """The files of the image."""
    return roots(package)


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
    text = (REPOSITORY / "Dockerfile").read_text()
    asked = re.findall(r'^RUN \["scripts/([\w-]+)", (?:"([\w-]+)", )?"/out"\]$', text, re.MULTILINE)
    script = (REPOSITORY / "scripts" / "image").read_text()
    run = re.findall(r'^ *"\$here/(image-[\w-]+)" ("\$package" )?"\$work/\w+/out"', script, re.MULTILINE)
    assert sorted(asked) == [*(("image-build", package) for package in PROGRAMS), ("image-dashboards", "")]
    assert run == [("image-build", '"$package" '), ("image-dashboards", "")]
    # What is built without another word.
    assert re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)[-1] == "ray-history"


@BOTH
def test_the_image_is_for_a_user_who_is_not_root(image, package):
    assert image.config["User"] == USERS[package]
    assert image.config["Entrypoint"] == [f"/usr/local/bin/{package}"]
    (version,) = re.findall(r'^version = "(.*)"$', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)[:1]
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.title"] == package
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


@BOTH
def test_the_archive_has_the_name_that_the_kubelet_asks_for(image, package):
    """`ctr images import` keeps it, and a pod's short name is completed to it."""
    assert image.name == f"docker.io/library/{package}:test"


@BOTH
def test_the_image_has_no_shell_and_nothing_that_gives_rights(image, package):
    members = image.members()
    for path, member in members.items():
        assert member.uid == member.gid == 0, path
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), path
        assert member.issym() or path == "tmp" or not member.mode & stat.S_IWOTH, path
        assert not member.isdev(), path
    programs = [path for path, member in members.items() if member.isfile() and "/bin/" in f"/{path}"]
    assert programs == [f"usr/local/bin/{package}"]


def licences(crate: str) -> set[str]:
    """Returns the names of the files with licences in the sources of a crate."""
    registry = Path(os.environ["CARGO_HOME"]) / "registry" / "src"
    (source,) = registry.glob(f"*/{glob.escape(crate)}")
    return {each.name for each in source.iterdir() if each.is_file() and LICENCE.match(each.name)}


def bill(root: Path, package: str) -> tuple[dict, set[str]]:
    """Returns the bill of materials, and the package URLs in it without versions."""
    document = json.loads((root / DOCUMENTS / package / "sbom.cdx.json").read_text())
    urls = {component["purl"] for component in document["components"]}
    assert len(urls) == len(document["components"])
    return document, {url.split("@")[0] for url in urls}


@BOTH
def test_the_image_names_what_is_in_it(root, package):
    document, names = bill(root, package)
    assert {"pkg:cargo/tokio", "pkg:cargo/ray-history-core", "pkg:deb/debian/libc6"} <= names
    # Tests only.
    assert not {"pkg:cargo/proptest", "pkg:cargo/rcgen"} & names
    assert document["metadata"]["component"]["name"] == package
    crates = {
        f"{each['name']}-{each['version']}" for each in document["components"] if each["purl"].startswith("pkg:cargo")
    }
    crates = {each for each in crates if not each.startswith("ray-history")}
    sources = {each: licences(each) for each in crates}
    documents = root / DOCUMENTS / package
    for crate, files in sources.items():
        stored = documents / "crates" / crate
        assert {each.name for each in stored.iterdir()} >= files if files else not stored.exists(), crate
    without = (documents / "crates" / "without-a-file.txt").read_text().split()
    assert sorted(without) == sorted(each for each in crates if not sources[each])
    assert len(without) <= MOST_WITHOUT_LICENCE
    assert (documents / "LICENSE").is_file()
    for each in ["libc6", "libgcc-s1", "ca-certificates"]:
        assert (root / DOCUMENTS / each / "copyright").is_file()
    assert (root / "etc" / "ssl" / "certs" / "ca-certificates.crt").read_text().count("BEGIN CERTIFICATE") > 100


def test_the_server_has_the_dashboards(root, package):
    document, names = bill(root, package)
    assert {"pkg:cargo/actix-web", "pkg:cargo/kube"} <= names
    named = {each["version"] for each in document["components"] if each["purl"].startswith("pkg:pypi/ray@")}
    assert named == set(VERSIONS)
    for version in VERSIONS:
        page = root / "usr" / "share" / "ray-dashboard" / version
        assert (page / "index.html").is_file()
        assert (page / "LICENSE.ray.txt").is_file()


@pytest.mark.parametrize("package", ["ray-history-collect"])
def test_the_collector_is_slim(image, root, package):
    _, names = bill(root, package)
    assert not {"pkg:cargo/actix-web", "pkg:cargo/kube", "pkg:pypi/ray"} & names
    assert not (root / "usr" / "share" / "ray-dashboard").exists()
    assert image.archive.stat().st_size < MOST_COMPRESSED


def test_the_same_files_make_the_same_image(tmp_path):
    # A small program, which takes less time to compress.
    one, other = (build(tmp_path / name, "ray-history", Path("/bin/true")) for name in ["one", "other"])
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


@pytest.mark.parametrize("package", ["ray-history-collect"])
def test_a_restricted_collector_without_settings_keeps_events_in_64_mib(image, root, tmp_path):
    event = {"eventId": "YQ==", "sessionName": "session_2026-01-01_00-00-00_000000_1", "eventType": "NODE_EVENT"}
    # It ends with status 0 when it is asked to, as every server of the tests.
    with CollectorContainer(image, root, tmp_path / "container", memory=64 * MIB) as container:
        status, _, body = container.get("healthz")
        assert status == 200
        assert body.startswith(b"cluster: RAY_CLUSTER_NAME is missing")
        assert b"\nstorage: neither STORAGE_BACKEND nor --local-dir is set" in body
        assert len(body.splitlines()) == 2, "the spool works"
        request = urllib.request.Request(container.events, json.dumps([event, event | {"eventId": "Yg=="}]).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        metrics = container.get("metrics")[2].decode()
        assert re.search(r"^ray_history_collect_events_accepted_total 2$", metrics, re.MULTILINE)
        rows = [f"{name} {container.memory(name) / MIB:.1f} MiB" for name in ("VmRSS", "RssAnon", "RssFile")]
        print(", ".join(rows))
