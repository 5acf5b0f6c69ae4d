"""The same session in the older layouts of KubeRay's collectors gives the same answers."""

import sys
from pathlib import Path

import pytest

from e2e.harness import bundle, processes
from e2e.harness.server import Server

LAYOUTS = {
    "v1.6": ["--to", "v1.6"],
    "mid2026": ["--to", "mid2026"],
    "mid2026-gzip": ["--to", "mid2026", "--gz"],
}
QUESTIONS = [
    "api/v0/tasks?detail=1&limit=10000&exclude_driver=false",
    "api/v0/tasks/summarize?summary_by=lineage",
    "api/v0/tasks/timeline",
    "api/v0/nodes?detail=1&limit=10000",
    "api/v0/actors?detail=1&limit=10000",
    "logical/actors",
]


@pytest.fixture(scope="module", params=LAYOUTS)
def older(request, unpacked, tmp_path_factory):
    """A server on both sessions as an older collector would have stored them."""
    root = tmp_path_factory.mktemp(request.param)
    script = Path(__file__).parent / "harness" / "relayout.py"
    for session in bundle.SESSIONS:
        storage = session.storage(unpacked)
        rewritten = root / session.name
        processes.run([sys.executable, script, storage, rewritten, *LAYOUTS[request.param]])
    roots = [f"--root-dir={session.name}" for session in bundle.SESSIONS]
    with Server(root, root.with_suffix(".log"), *roots) as running:
        yield running


@pytest.mark.parametrize("session", bundle.SESSIONS, ids=lambda session: session.name)
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_older_layout_answers_the_same(server, older, session, question):
    now, then = (running.json(f"{session.path}/{question}") for running in (server, older))
    assert now, "the comparison needs an answer with something in it"
    assert then == now


@pytest.mark.parametrize("session", bundle.SESSIONS, ids=lambda session: session.name)
def test_an_older_layout_lists_the_same_logs(server, older, session):
    for node in server.json(f"{session.path}/api/v0/nodes")["data"]["result"]["result"]:
        question = f"{session.path}/api/v0/logs?node_id={node['node_id']}"
        assert older.json(question) == server.json(question)
