"""Retention without Kubernetes: the plan, marks, pins, the deletion after the grace, and what people see of it."""

import json
import os
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from e2e.harness import bundle, processes
from e2e.harness.answer import ask
from e2e.harness.browser import Browser
from e2e.harness.server import BINARY, Server, wait_until

MIXED, SERVICE = bundle.SESSIONS[:2]
SPEC = """
apiVersion: history.ray.io/v1alpha1
kind: RayHistory
metadata: {{name: main}}
spec:
  storage: {{local: {{path: {bucket}}}}}
  retention: {{mode: {mode}, grace: 24h, maxShare: 100, rules: [{{match: {match}, maxAge: {age}}}]}}
"""


def document(folder: Path, bucket: Path, *, mode="Delete", match="{}", age="720h") -> Path:
    file = folder / "rayhistory.yaml"
    file.write_text(SPEC.format(bucket=bucket, mode=mode, match=match, age=age))
    return file


def run(*arguments, code=0) -> str:
    ended = processes.run([BINARY, *arguments], succeeds=None)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def age(bucket: Path, days: int):
    """Makes all objects of sessions so old."""
    then = time.time() - days * 86_400
    for file in bucket.rglob("*"):
        if "ray-history" not in file.relative_to(bucket).parts:
            os.utime(file, (then, then))


def pass_days(bucket: Path, days: int):
    """Sets what retention wrote so many days back, as if they had passed."""
    for file in (bucket / "ray-history" / "v1").rglob("*.json"):
        written = json.loads(file.read_text())

        def back(time: str) -> str:
            return (datetime.fromisoformat(time[:19]) - timedelta(days=days)).isoformat() + "Z"

        for name in ("at", "notBefore", "changed", "since", "lastRun"):
            if name in written:
                written[name] = back(written[name])
        for day in written.get("days", []):
            day["at"] = back(day["at"])
        file.write_text(json.dumps(written))


def files(bucket: Path) -> set[str]:
    all_of_them = (file.relative_to(bucket) for file in bucket.rglob("*") if file.is_file())
    return {str(file) for file in all_of_them if file.parts[0] != "ray-history"}


@pytest.fixture
def bucket(tmp_path) -> Path:
    bucket = tmp_path / "bucket"
    for session in (MIXED, SERVICE):
        bundle.merge(session.storage(bundle.unpack(tmp_path / "unpacked")), bucket)
    age(bucket, 60)
    return bucket


def test_a_session_goes_after_its_grace_and_people_are_told(bucket, tmp_path, dashboard):
    spec, before = document(tmp_path, bucket), files(bucket)
    plan = run("retention", "plan", "--config", spec, "--dead-after", "72h")
    assert "2  expire" in plan
    assert "rule 1: its newest file was written 60 d ago, and maxAge is 30 d" in plan
    assert not (bucket / "ray-history").exists(), "a plan writes nothing"
    assert "2 marked, 0 unmarked, 0 deleted" in run("retention", "apply", "--config", spec, "--dead-after", "72h")
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        listed = server.json("api/history/v1/sessions?expiring=true")["sessions"]
        assert [item["deletion"]["reason"][:7] for item in listed] == ["rule 1:"] * 2
        doomed = next(item for item in listed if item["namespace"] == "ml-serving")
        with Browser(tmp_path / "window", only=server.url) as window:
            window.open(f"{server.url}/sessions/?expiring=true")
            window.wait_for_text("will be deleted on ", doomed["deletion"]["notBefore"][:10])
            # Within the grace nothing happens, and a pin undoes the mark.
            assert "0 marked, 0 unmarked, 0 deleted" in run(
                "retention", "apply", "--config", spec, "--dead-after", "72h"
            )
            kept = next(item for item in listed if item is not doomed)
            run("pin", f"{kept['namespace']}/{kept['cluster']}", "--config", spec)
            pass_days(bucket, 2)
            told = run("retention", "apply", "--config", spec, "--dead-after", "72h")
            assert "it is pinned" in told
            assert "1 unmarked, 1 deleted" in told
            left = files(bucket)
            assert left < before
            assert all(doomed["session"] not in file for file in left)
            assert {file for file in before if kept["session"] in file} <= left
            assert not (bucket / "cluster-history" / "rayservice").exists(), "no folder of it is left"

            def told_to_who_asks() -> str:
                return ask(server.url, doomed["path"] + "api/v0/tasks").text()

            wait_until(lambda: "was deleted by retention on" in told_to_who_asks(), 90)
            assert told_to_who_asks().startswith("410")
            window.open(server.url + doomed["path"])
            window.wait_for_text("The session was deleted", "was deleted by retention on", "rule 1:")
            window.open(f"{server.url}/sessions/")
            window.wait_for_text(kept["session"])
            assert doomed["session"] not in window.text()
        run("pin", f"{kept['namespace']}/{kept['cluster']}", "--config", spec, "--remove")
        assert "1 marked" in run("retention", "apply", "--config", spec, "--dead-after", "72h")


def test_what_is_young_or_unmatched_stays_and_says_why(bucket, tmp_path):
    spec = document(tmp_path, bucket, match='{namespaces: ["other*"]}')
    assert "no rule matches it" in run("retention", "plan", "--config", spec, "--dead-after", "72h", "--all")
    run("retention", "plan", "--config", spec, "--dead-after", "72h", code=1)
    age(bucket, 0)
    spec = document(tmp_path, bucket)
    plan = json.loads(run("retention", "plan", "--config", spec, "--dead-after", "72h", "--all", "-o", "json"))
    assert {session["decision"] for session in plan["plan"]} == {"unknown"}, "nothing proves that it is dead"
    assert "0 marked" in run("retention", "apply", "--config", spec, "--dead-after", "72h")


def test_a_list_that_shrank_halts(bucket, tmp_path):
    spec = document(tmp_path, bucket)
    run("retention", "apply", "--config", spec, "--dead-after", "72h")
    pass_days(bucket, 2)
    shutil.rmtree(bucket / "cluster-metadata")
    for folder in (bucket / "cluster-history").iterdir():
        if folder.name == "rayservice":
            shutil.rmtree(folder)
    told = run("retention", "apply", "--config", spec, "--dead-after", "72h", code=2)
    assert "halted: the list has 50 % fewer sessions" in told
    assert "0 deleted" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["retention", "apply", "--config", "SPEC", "--dead-after", "1h"], "24h at least"),
        (["retention", "apply", "--config", "SPEC"], "--dead-after"),
        (["retention", "plan", "--config", "SPEC"], "--dead-after"),
        (["retention", "apply", "--config", "DRY", "--dead-after", "72h"], "spec.retention.mode is DryRun"),
        (["retention", "apply", "--config", "BAD", "--dead-after", "72h"], "must be a duration such as"),
        (["retention", "plan"], "--server <URL>|--config <FILE>"),
        (["pin", "nothing", "--config", "SPEC"], "NAMESPACE/CLUSTER/SESSION"),
        (["pin", "ml/train/latest", "--config", "SPEC"], "is not the name of a session"),
    ],
)
def test_wrong_arguments_say_what_is_right(tmp_path, arguments, words):
    bucket = tmp_path / "bucket"
    (bucket / "cluster-metadata").mkdir(parents=True)
    files = {}
    for name, options in [("SPEC", {}), ("DRY", {"mode": "DryRun"}), ("BAD", {"age": "30d"})]:
        folder = tmp_path / name
        folder.mkdir()
        files[name] = str(document(folder, bucket, **options))
    told = run(*(files.get(argument, argument) for argument in arguments), code=2)
    assert words in told
