"""Ray's own command line against a server with access: old and new, direct and through Ray's own proxy."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.access.people import log_in_by_page
from e2e.harness import processes
from e2e.harness.answer import ask, bearer
from e2e.harness.browser import Browser
from e2e.harness.rays import ray_of
from e2e.harness.tenants import ANA, BEN
from e2e.harness.viewer import Viewer

OLDEST = "2.52.0"
"""The first Ray whose command line sends a token."""
NEWEST = Path(sys.executable).parent / "ray"
COMMANDS = {
    "list": ["list", "tasks", "--limit", "5"],
    "summary": ["summary", "tasks"],
    "job": ["job", "list"],
}
ALLOWED = {"list": "TASK_ID", "summary": "FINISHED:", "job": "capture-sub-1"}
"""A part of what a command prints if it may."""
LOCAL = "local-token-of-the-viewer"


@pytest.fixture(scope="module", params=[OLDEST, "newest"])
def ray(request) -> Path:
    return NEWEST if request.param == "newest" else ray_of(request.param)


def printed(ray: Path, command: str, address: str, *, succeeds: bool, token: str = "", **more: str) -> str:
    """Runs a command, and returns its whole output."""
    own = {"RAY_COLOR_MODE": "0", "COLUMNS": "300", **more}
    own |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {}
    done = processes.run([ray, *COMMANDS[command], "--address", address], own=own, succeeds=succeeds)
    return done.stdout + done.stderr


def everywhere(run) -> dict[str, str]:
    """Runs all commands at a time, because each takes seconds to start."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(COMMANDS, pool.map(run, COMMANDS), strict=True))


def test_without_a_token_it_says_what_to_do(ray, server):
    address = f"{server.url}/{ANA.session.path}"
    for text in everywhere(lambda command: printed(ray, command, address, succeeds=False)).values():
        assert "401" in text, text
        assert "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$(kubectl create token" in text, text


def test_with_a_token_it_works(ray, server, ana):
    address = f"{server.url}/{ANA.session.path}"
    outputs = everywhere(lambda command: printed(ray, command, address, succeeds=True, token=ana))
    for command, text in outputs.items():
        assert ALLOWED[command] in text, text


def test_of_another_s_namespace_it_names_the_missing_right(ray, server, ana):
    address = f"{server.url}/{BEN.session.path}"
    text = printed(ray, "list", address, succeeds=False, token=ana).replace("\\", "")
    assert "403" in text
    assert f'User "{ANA.user}" cannot get resource "sessions"' in text
    assert f'in the namespace "{BEN.namespace}"' in text


@pytest.fixture(scope="module")
def viewers(server):
    """Two local heads whose dashboards forward to the server: one without and one with a token of its own."""
    modes = [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": LOCAL}]
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        starting = [pool.submit(stack.enter_context, Viewer(server.url, mode)) for mode in modes]
        yield [each.result() for each in starting]


def test_through_a_local_head_without_tokens_our_page_logs_in(viewers, ana, tmp_path):
    """Ray's head lets browsers post to `/api/authenticate` alone: our page posts there, the dialog of a session not."""
    viewer, (namespace, cluster, session) = viewers[0], ANA.names
    with Browser(tmp_path, only=viewer.url) as window:
        # KubeRay's own way to enter.
        window.open(f"{viewer.url}/enter_cluster/{namespace}/raycluster/{cluster}/{session}")
        log_in_by_page(window, ana)
        window.wait_for_text("Recent jobs", "capture-sub-1")
        assert window.url == f"{viewer.url}/#/overview"
        window.open(f"{viewer.url}/{ANA.session.path}/")
        window.wait_for_text("Recent jobs", "capture-sub-1")
        window.open(f"{viewer.url}/sessions/")
        window.wait_for_text("Ray sessions", ANA.names[1])
        assert BEN.names[1] not in window.text()
    address = f"{viewer.url}/{ANA.session.path}"
    assert ALLOWED["list"] in printed(NEWEST, "list", address, succeeds=True, token=ana)


def test_through_a_local_head_with_a_token_ours_comes_second(viewers, server, ana):
    """The head takes `Authorization`, so ours comes in `X-Ray-Authorization`."""
    viewer, path = viewers[1], f"/{ANA.session.path}/api/jobs/"
    ours = ("X-Ray-Authorization", f"Bearer {ana}")
    assert ask(viewer.url, path, ours).status == 403, "the head asks for its own"
    assert ask(viewer.url, path, bearer(LOCAL)).status == 401, "its token is nobody's here"
    assert ask(viewer.url, path, bearer(LOCAL), ours).status == 200
    headers = json.dumps({ours[0]: ours[1]})
    address = f"{viewer.url}/{ANA.session.path}"
    text = printed(NEWEST, "job", address, succeeds=True, token=LOCAL, RAY_JOB_HEADERS=headers)
    assert ALLOWED["job"] in text
    assert LOCAL not in server.log.read_text()
