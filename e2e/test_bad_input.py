"""Bad input gets a clear answer, from the command line and over HTTP, and the server goes on."""

import gzip
import shutil
from urllib.parse import urlsplit

import pytest

from e2e.harness import processes
from e2e.harness.answer import ask
from e2e.harness.bundle import MIXED
from e2e.harness.server import BINARY, Server


def refusal(*flags) -> str:
    """Returns the message with which the program refuses to start."""
    return processes.run([BINARY, "serve", "--listen", "127.0.0.1:0", *flags], succeeds=False, timeout=30).stderr


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refusal("--local-dir", tmp_path / "nowhere")


def test_a_folder_that_is_no_bucket_says_what_was_looked_for(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"...")
    said = refusal("--local-dir", tmp_path)
    assert str(tmp_path) in said
    assert "cluster-history" in said


def test_a_folder_without_a_dashboard_says_how_to_get_one(bucket, tmp_path):
    assert "make dashboard" in refusal("--local-dir", bucket, "--dashboard-dir", tmp_path)


def test_an_address_in_use_is_named(server, bucket):
    taken = urlsplit(server.url).netloc
    command = [BINARY, "serve", "--local-dir", bucket, "--listen", taken]
    assert taken in processes.run(command, succeeds=False, timeout=30).stderr


REFUSED = {
    "a session name that is not one": ("/sessions/ml-team/raycluster-mixed/yesterday/api/version", 404),
    "a session that is not stored": (
        "/sessions/ml-team/raycluster-mixed/session_2020-01-01_00-00-00_000000_1/api/version",
        404,
    ),
    "a log outside the session": (f"/{MIXED.path}/api/v0/logs/file?node_id=ff&filename=../../etc/passwd", 500),
    "a listing outside the session": (f"/{MIXED.path}/api/v0/logs?node_id=ff&glob=../*", 400),
    "a dashboard file outside its folder": (f"/{MIXED.path}/static/..%2f..%2f..%2fLICENSE.ray.txt", 404),
    "a dashboard file above its folder": (f"/{MIXED.path}/static/../../LICENSE.ray.txt", 404),
    "a column that does not exist": (
        f"/{MIXED.path}/api/v0/tasks?filter_keys=bogus&filter_predicates=%3D&filter_values=1",
        400,
    ),
    "a limit over the most": (f"/{MIXED.path}/api/v0/tasks?limit=10001", 400),
    "a limit that is no number": (f"/{MIXED.path}/api/v0/tasks?limit=abc", 400),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_request_is_refused(server, what):
    path, expected = REFUSED[what]
    answer = ask(server.url, path)
    assert answer.status == expected, answer.text()
    assert "root:" not in answer.text()
    assert "panicked" not in answer.text()
    assert ask(server.url, "/livez").status == 200


def test_a_damaged_event_file_is_reported_and_the_rest_is_served(unpacked, tmp_path):
    bucket = tmp_path / "bucket"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    files = sorted(bucket.glob("cluster-history/**/job_events/**/*.jsonl.gz"), key=lambda file: file.stat().st_size)
    whole = gzip.decompress(files[-1].read_bytes())
    lines = whole.splitlines(keepends=True)
    broken = b"".join(lines[:3]) + b'{"eventType": "TASK_DEF\n' + b"\x00" * (64 << 20) + b"\n" + b"".join(lines[3:])
    files[-1].write_bytes(gzip.compress(broken, 1))
    files[-2].write_bytes(files[-2].read_bytes()[:-20])
    with Server(bucket, tmp_path / "log") as server:
        tasks = server.json(f"{MIXED.path}/api/v0/tasks?limit=10000")["data"]["result"]["total"]
        report = server.json(f"api/history/v1/{MIXED.path}")
    assert tasks > 1000
    assert report["completeness"] == "gaps"
    assert files[-1].name in str(report), "the damaged file is named"
    assert files[-2].name in str(report), "the cut file is named"
