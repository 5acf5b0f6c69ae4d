"""`ray-history check`: all problems at once, settings with their defaults, and a survey of a bucket."""

import json
import os
import re
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from e2e.harness import bundle, exporters, processes
from e2e.harness.bundle import DAY, MIXED
from e2e.harness.loopback import Loopback
from e2e.harness.manifests import SAMPLES
from e2e.harness.server import BINARY
from e2e.hostile import quirky_s3

GOOD = """
apiVersion: history.ray.io/v1alpha1
kind: RayHistory
metadata: {name: main}
spec:
  storage: {local: {path: %s}}
"""


def run(*arguments, **environment):
    """Runs the program with this in its environment."""
    return processes.run([BINARY, *arguments], own=environment, succeeds=None)


def said(*arguments, **environment) -> str:
    """Runs the program, which must succeed, and returns its output."""
    done = run(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_check_prints_a_sample_as_a_document_with_defaults(sample, tmp_path):
    printed = said("check", sample)
    meant = yaml.safe_load(printed)
    written = yaml.safe_load(sample.read_text())
    assert meant["metadata"] == written["metadata"]
    assert meant["spec"]["storage"].items() >= {"rootDirs": [""]}.items()
    for store, fields in written["spec"]["storage"].items():
        assert meant["spec"]["storage"][store].items() >= fields.items()
    assert meant["spec"]["cache"].keys() == {"maxSessions", "maxMemory", "ttl"}
    again = tmp_path / "again.yaml"
    again.write_text(printed)
    assert yaml.safe_load(said("check", again)) == meant


def test_a_secret_reference_in_a_file_is_explained():
    (sample,) = [sample for sample in SAMPLES if sample.stem == "s3-compatible"]
    assert "credentialsSecretRef: names a Secret of Kubernetes, which a file cannot use" in said("check", sample)
    done = run("serve", "--config", sample)
    assert done.returncode != 0
    assert "AWS_ACCESS_KEY_ID" in done.stderr


def test_check_reports_all_problems_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(
        """
apiVersion: history.ray.io/v1
kind: RayHistory
metadata: {}
spec:
  storage: {s3: {bucket: "s3://ray", endpoint: minio:9000}, gcs: {}}
  cache: {maxMemory: 2GB, ttl: [1], maxSession: 5}
  loading: {timeout: soon, maxConcurrent: four}
"""
    )
    done = run("check", file)
    assert done.returncode == 1
    assert done.stdout == ""
    fields = [line.split(":")[0] for line in done.stderr.splitlines()[1:]]
    assert sorted(fields) == [
        "apiVersion",
        "metadata.name",
        "spec.cache.maxMemory",
        "spec.cache.maxSession",
        "spec.cache.ttl",
        "spec.loading.maxConcurrent",
        "spec.loading.timeout",
        "spec.storage",
        "spec.storage.gcs.bucket",
        "spec.storage.s3.bucket",
        "spec.storage.s3.endpoint",
    ]


@pytest.fixture(scope="module")
def document(bucket, tmp_path_factory) -> Path:
    """A document that names the bundled sessions."""
    file = tmp_path_factory.mktemp("document") / "ray.yaml"
    file.write_text(GOOD % bucket)
    return file


PRINTING = [["check", "FILE"], ["check", "--bucket", "FILE"], ["crd"], ["--help"], ["serve", "--help"], ["--version"]]


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_may_leave_before_the_end(arguments, document):
    """As `| head -0` does: none of it is read."""
    command = [BINARY, *(document if each == "FILE" else each for each in arguments)]
    reading, writing = os.pipe()
    os.close(reading)
    done = processes.run(command, succeeds=None, capture_output=False, stdout=writing, stderr=processes.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_errors_without_a_reader_cause_no_panic(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [BINARY, "check", tmp_path / "none"]
    done = processes.run(command, succeeds=None, capture_output=False, stdout=writing, stderr=writing)
    os.close(writing)
    # A panic is 101.
    assert done.returncode == 2


def test_a_full_disk_is_an_error():
    with Path("/dev/full").open("w") as full:
        options = {"capture_output": False, "stdout": full, "stderr": processes.PIPE}
        done = processes.run([BINARY, "crd"], succeeds=False, **options)
    assert done.returncode == 2
    assert "No space left" in done.stderr


def test_nothing_is_printed_as_rust_s_debug(document, bucket):
    for printed in [said("check", document), said("check", "--bucket", document), said("check", "--local-dir", bucket)]:
        # `None` is a mode of access, too.
        plain = printed.replace("    mode: None\n", "")
        assert not re.search(r"Some\(|None\b|\w+ \{ |::|PathBuf", plain), printed


def test_check_surveys_a_folder(bucket):
    printed = said("check", "--local-dir", bucket)
    assert printed.startswith(f"file://{bucket}: 2 sessions of 2 clusters in 2 namespaces\n"), printed
    assert "cluster-history/   events and logs of KubeRay's collectors since v1.7" in printed
    assert re.search(r"session_\S+ of ml-serving/recsys-raycluster-9d4kq, created by RayService recsys", printed)
    assert re.search(r"\n  last written \d+ \w+ ago\n  \d+ event files \([\d.]+ [KM]iB\), \d+ log files", printed)
    assert re.search(r"\n  TASK_LIFECYCLE_EVENT +\d+\n", printed)


def test_check_surveys_the_bucket_of_a_document(document, bucket):
    printed = said("check", "--bucket", document)
    meant, looked = printed.split("\n\n", 1)
    assert yaml.safe_load(meant)["kind"] == "RayHistory"
    assert looked == said("check", "--local-dir", bucket)


def test_check_prints_the_age_of_the_newest_file(tmp_path):
    storage = DAY.storage(bundle.unpack(tmp_path, [DAY]))
    for file in storage.rglob("*"):
        os.utime(file, (0, 0))
    newest = next(storage.rglob("*.jsonl*"))
    os.utime(newest, (0, time.time() - 200))
    assert "last written 3 minutes ago" in said("check", "--local-dir", storage)


def test_check_names_missing_event_types_and_how_to_export_them(unpacked, tmp_path):
    storage = exporters.filtered(MIXED.storage(unpacked), tmp_path, exporters.OPERATOR)
    seen, _, missing = said("check", "--local-dir", storage).partition("\nMissing\n")
    assert "WORKER_DEFINITION_EVENT " not in seen
    assert "  - Worker exits were not exported" in missing
    assert "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES=ALL" in missing


def test_check_says_how_to_export_events(tmp_path):
    storage = MIXED.storage(bundle.unpack(tmp_path, [MIXED]))
    for folder in ["job_events", "node_events"]:
        for file in [path for path in storage.rglob("*") if f"/{folder}/" in str(path) and path.is_file()]:
            file.unlink()
    printed = said("check", "--local-dir", storage)
    assert "\nEvents\n  none\n" in printed
    assert "RAY_enable_ray_event=1" in printed


def test_check_of_an_empty_folder_lists_what_should_be_there(tmp_path):
    printed = said("check", "--local-dir", tmp_path)
    assert printed.startswith(f"file://{tmp_path}: no session\n")
    for word in [
        "cluster-history/",
        "cluster-metadata/",
        "historyServerOptions",
        "RayClusterHistoryServer",
        "STORAGE_BACKEND",
        "RAY_enable_ray_event",
        "docs/collecting.md",
    ]:
        assert word in printed, printed


def test_check_finds_a_root_of_another_name(tmp_path):
    bundle.unpack(tmp_path, [MIXED])
    (MIXED.storage(tmp_path)).rename(tmp_path / "mixed" / "log")
    printed = said("check", "--local-dir", tmp_path / "mixed")
    assert "add log to spec.storage.rootDirs (--root-dir log" in printed
    assert "1 session of 1 cluster" in said("check", "--local-dir", tmp_path / "mixed", "--root-dir", "log")


AMAZON_PAGE = 1_000
"""Keys of a page of Amazon's listings."""


def test_check_surveys_a_bucket_by_kuberay_s_settings(unpacked):
    """Listing is paid in a bucket; sessions whose head still runs, without a marker, are found all the same."""
    storage = MIXED.storage(unpacked)
    with quirky_s3.serve(storage, "none", AMAZON_PAGE) as settings:
        printed = said("check", "--storage-backend", "s3", **settings)
    assert printed.startswith("s3://ray: 1 session of 1 cluster in 1 namespace\n"), printed


def test_check_finds_a_session_without_a_marker(tmp_path):
    bundle.unpack(tmp_path, [MIXED])
    storage = MIXED.storage(tmp_path)
    for marker in (storage / "cluster-metadata").rglob("session_*"):
        marker.unlink()
    with quirky_s3.serve(storage, "none", AMAZON_PAGE) as settings:
        printed = said("check", "--storage-backend", "s3", **settings)
    assert "1 session of 1 cluster" in printed
    assert "1 of them has no marker: its head runs, or was killed" in printed


def test_check_samples_a_session_with_many_events(tmp_path):
    bundle.unpack(tmp_path, [DAY])
    storage = DAY.storage(tmp_path)
    file = next(storage.rglob("node_events/*.jsonl*"))
    event = {"eventType": "NODE_DEFINITION_EVENT", "nodeDefinitionEvent": {"nodeId": "00"}, "message": "x" * 10_000}
    (file.parent / "n-2026-11-29-08-1.jsonl").write_text((json.dumps(event) + "\n") * 7_000)
    printed = said("check", "--local-dir", storage)
    assert "\nEvents in the beginnings of " in printed
    assert "Not among them" in printed
    assert "WORKER_DEFINITION_EVENT" in printed.partition("Not among them")[2]


def test_names_from_a_bucket_control_no_terminal(tmp_path):
    storage = MIXED.storage(bundle.unpack(tmp_path, [MIXED]))
    (session,) = {path.name for path in (storage / "cluster-metadata").rglob("session_*")}
    markers = storage / "cluster-metadata" / "raycluster"
    for cluster in ["c\x1b[2J\nforged: all is well", "c\u202egnp"]:
        (markers / f"team_{cluster}").mkdir(parents=True)
        (markers / f"team_{cluster}" / session.replace("session_2", "session_3")).touch()
    printed = said("check", "--local-dir", storage)
    assert not [char for char in printed if char in "\x1b\x9b\u202e\u2028\r"], printed
    assert not [line for line in printed.splitlines() if line.startswith("forged")], printed
    assert r"c\u{1b}[2J\nforged" in printed
    assert r"of team/c\u{202e}gnp" in printed


def test_check_of_an_unlistable_store_is_an_error_alone(tmp_path):
    done = run("check", "--local-dir", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no folder" in done.stderr
    done = run("check")
    assert done.returncode == 2
    assert "nothing to check" in done.stderr


def test_check_asks_a_running_server(server):
    printed = said("check", "--server", server.url)
    assert "[+]sessions-listed ok" in printed
    assert len(json.loads(printed.splitlines()[-1])["sessions"]) == 1


def test_a_machine_without_certificates_can_ask_a_server_that_needs_none(server):
    """As `helm test` does in a bare image."""
    bare = {"SSL_CERT_FILE": "/none", "SSL_CERT_DIR": "/none"}
    assert "[+]sessions-listed ok" in said("check", "--server", server.url, **bare)
    done = run("check", "--server", server.url.replace("http", "https"), **bare)
    assert done.returncode == 2
    assert "No CA certificates" in done.stderr


class NotReady(BaseHTTPRequestHandler):
    """A server that is not ready."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"[-]settings-applied failed: there is no RayHistory\n")


def test_a_server_that_is_not_ready_fails_the_check():
    with Loopback(NotReady) as waiting:
        done = run("check", "--server", f"http://127.0.0.1:{waiting.port}")
    assert done.returncode == 1
    assert "there is no RayHistory" in done.stdout
    assert "is not ready" in done.stderr
