"""Behind a real nginx, set up as an Ingress: a prefix, TLS, compression, one replica for a session, and a rollout."""

import gzip
import json
import re
import shutil
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from e2e.harness.browser import Browser
from e2e.harness.bundle import MIXED, SERVICE, SESSIONS
from e2e.harness.ingress import Ingress
from e2e.harness.load import Load
from e2e.harness.server import Server, wait_until
from e2e.harness.service import get

PREFIX = "/ray/history"
HARMLESS = re.compile(r"/api/v0/platform_events")
QUESTIONS = ["", "nodes?view=summary", "api/jobs/", "api/v0/tasks?limit=100", "logical/actors", "api/cluster_status"]


def replica(bucket, dashboard, directory, *flags: str) -> Server:
    directory.mkdir()
    return Server(bucket, directory / "log", "--dashboard-dir", str(dashboard), *flags)


@pytest.fixture(scope="module")
def replicas(bucket, dashboard, tmp_path_factory):
    """Two replicas on one bucket."""
    directory = tmp_path_factory.mktemp("replicas")
    with replica(bucket, dashboard, directory / "a") as one, replica(bucket, dashboard, directory / "b") as other:
        yield one, other


@pytest.fixture(scope="module")
def ingress(replicas, tmp_path_factory):
    directory = tmp_path_factory.mktemp("nginx")
    with Ingress(directory, PREFIX, *(each.url for each in replicas)) as running:
        yield running


@pytest.fixture
def window(ingress, tmp_path):
    """A browser that accepts the certificate, and may ask nginx alone, below the prefix."""
    with Browser(tmp_path / "browser", ingress.url, "--ignore-certificate-errors") as browser:
        yield browser
        errors = [error for error in browser.errors() if not HARMLESS.search(error)]
        assert not errors, "\n".join([*errors, ingress.tail()])


def test_a_person_goes_from_the_list_to_a_log_below_a_prefix(window, ingress):
    window.open(f"{ingress.url}/")
    window.wait_for_text("Ray sessions", "raycluster-mixed", "recsys")
    window.click("a.open", containing="raycluster-mixed")
    window.wait_for_text("Recent jobs", "capture-sub-1")
    assert window.url.startswith(f"{ingress.url}/{MIXED.path}/#/")
    bar = "return [...(document.querySelector('ray-history')?.shadowRoot?.querySelectorAll('section') ?? [])]"
    window.wait_for(lambda: "raycluster-mixed" in window.run(f"{bar}.map((e) => e.innerText).join()"), "the bar")
    window.click("a", containing="Jobs")
    window.wait_for_text("Job List", "capture-fail-1")
    window.click("a", containing="Logs")
    window.wait_for_text("Select a node to view logs")
    window.click("a", containing="Node ID:")
    window.wait_for_text("gcs_server.out")
    window.click("a", containing="raylet.out")
    window.wait_for_text("raylet.out", "DOWNLOAD LOG FILE")
    assert window.url.startswith(f"{ingress.url}/{MIXED.path}/#/")


def test_links_by_name_and_of_kuberay_stay_below_the_prefix(window, ingress):
    window.open(f"{ingress.url}/rayclusters/ml-team/raycluster-mixed")
    window.wait_for_text("Recent jobs", "capture-sub-1")
    assert window.url.startswith(f"{ingress.url}/{MIXED.path}/")


def test_answers_are_compressed_once(ingress):
    path = f"/{MIXED.path}/api/v0/tasks?limit=100&detail=1"
    plain = ingress.get(path)
    status, headers, body = ingress.get(path, **{"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert json.loads(gzip.decompress(body))["data"] == json.loads(plain[2])["data"]
    # Ray's files are the same for everybody, and no log is compressed on the fly.
    assert len(body) < len(plain[2]) / 3


def test_a_page_that_was_seen_is_asked_for_by_its_tag(ingress):
    path = f"/{SERVICE.path}/nodes?view=summary"
    _, headers, _ = ingress.get(path, **{"Accept-Encoding": "gzip"})
    asked = {"Accept-Encoding": "gzip", "If-None-Match": headers["ETag"]}
    assert ingress.get(path, **asked)[0] == 304


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_all_requests_of_a_session_go_to_one_replica(ingress, replicas, session):
    resource = f"/api/history/v1/{session.path}"
    below = [f"/{session.path}/{question}" for question in QUESTIONS]
    answered = {ingress.replica(path) for path in [*below, resource, f"{resource}/load"]}
    # In the cookies of KubeRay's server it is the same session.
    namespace, cluster, name = session.path.split("/")[1:]
    cookies = f"cluster_namespace={namespace}; cluster_name={cluster}; session_name={name}"
    answered |= {ingress.replica(f"/{question}", Cookie=cookies) for question in QUESTIONS}
    assert len(answered) == 1
    assert answered < {each.url.removeprefix("http://") for each in replicas}


def test_sessions_are_spread_over_the_replicas(ingress):
    answered = [ingress.replica(f"/sessions/team/cluster-{number}/session_x/") for number in range(40)]
    assert all(answered.count(each) >= 5 for each in set(answered))
    assert len(set(answered)) == 2
    without = {ingress.replica("/sessions/") for _ in range(20)}
    assert len(without) == 2


def test_each_session_was_loaded_by_one_replica(ingress, replicas):
    """Runs after the browser has looked at them in every way."""
    for session in SESSIONS:
        assert ingress.get(f"/{session.path}/nodes?view=summary")[0] == 200
    loads = [metric(each, 'ray_history_loads_total{outcome="Whole"}') for each in replicas]
    assert sum(loads) == len(SESSIONS)


def metric(server, name: str) -> float:
    text = server.get("metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_a_rollout_fails_no_request(bucket, dashboard, tmp_path):
    """Both replicas are replaced one after the other, as a Deployment does it, under load.

    nginx asks no second replica for what a first one refused: it is the drain that leaves nothing to refuse.
    """
    drain = "--drain-wait=2s"
    nginx = tmp_path / "nginx"
    nginx.mkdir()
    paths = [f"/{session.path}/{question}" for session in SESSIONS for question in QUESTIONS] + ["/sessions/"]

    def ask(path: str):
        # A session that moved to another replica is loaded there; a small one in time for the same request.
        status, headers, body = ingress.get(path)
        return status, headers.get("X-Replica"), body

    running = [replica(bucket, dashboard, tmp_path / f"old-{number}", drain) for number in range(2)]
    for each in running:
        each.__enter__()
    try:
        urls = [each.url for each in running]
        with (
            Ingress(nginx, PREFIX, *urls, retries="off") as ingress,
            ThreadPoolExecutor() as ending,
            Load(ask, paths, people=6) as load,
        ):
            load.wait_for(50)
            for number in range(2):
                fresh = replica(bucket, dashboard, tmp_path / f"new-{number}", drain)
                fresh.__enter__()
                running.append(fresh)
                assert get(f"{fresh.url}/readyz")[0] == 200
                ingress.route(*(each.url for each in running))
                load.wait_for(50)
                old = running.pop(0)
                gone = ending.submit(old.__exit__)
                while get(f"{old.url}/readyz")[0] == 200:
                    time.sleep(0.02)
                # Only now the endpoints change.
                load.wait_for(10)
                ingress.route(*(each.url for each in running))
                gone.result()
                load.wait_for(50)
        assert not load.failed, f"{load.failed[:5]}\n{ingress.tail()}"
    finally:
        for each in running:
            each.__exit__()


def test_nginx_asks_another_replica_when_one_is_gone(bucket, dashboard, tmp_path):
    """No drain, and no change of endpoints: nginx asks the other one."""
    nginx = tmp_path / "nginx"
    nginx.mkdir()
    with replica(bucket, dashboard, tmp_path / "stays") as stays:
        goes = replica(bucket, dashboard, tmp_path / "goes").__enter__()
        with Ingress(nginx, PREFIX, stays.url, goes.url) as ingress:
            goes.__exit__()
            for session in SESSIONS:
                status, headers, body = ingress.get(f"/{session.path}/nodes?view=summary")
                assert status == 200, body
                assert headers["X-Replica"].endswith(stays.url.removeprefix("http://"))


def ends(each) -> tuple[str, ...]:
    """Returns how the jobs of all sessions ended, as far as a replica has read it."""
    sessions = each.json("api/history/v1/sessions")["sessions"]
    return tuple(f"{session.get('outcome')} {session.get('started')} {session.get('zone')}" for session in sessions)


def test_replicas_answer_alike_and_know_each_other_s_tags(replicas):
    """A page that a browser has from one replica is not sent again by another."""

    def listed(each):
        # An open session tells more of its jobs; on the other replica their end may not be read yet.
        told = ["outcome", "why", "run", "started", "zone"]
        sessions = each.json("api/history/v1/sessions")["sessions"]
        return [{name: value for name, value in session.items() if name not in told} for session in sessions]

    assert listed(replicas[0]) == listed(replicas[1])
    wait_until(lambda: len({ends(each) for each in replicas}) == 1, 30)
    for path in ["clusters", *(f"{each.path}/{QUESTIONS[1]}" for each in SESSIONS)]:
        answers = []
        for each in replicas:
            with urllib.request.urlopen(f"{each.url}/{path}") as answer:
                answers.append((answer.headers["ETag"], answer.read()))
        assert answers[0] == answers[1], path
        assert answers[0][0], path


def test_a_long_log_is_passed_on_while_it_is_read_and_never_kept(unpacked, dashboard, tmp_path):
    """For a slow reader, nginx would buffer the rest on its disk."""
    bucket, nginx = tmp_path / "bucket", tmp_path / "nginx"
    shutil.copytree(MIXED.storage(unpacked), bucket)
    log = next(bucket.rglob("logs/gcs_server.out"))
    line = b"a line of a very long log\n"
    with log.open("ab") as file:
        file.write(line * (64_000_000 // len(line)))
    nginx.mkdir()
    node = log.parent.parent.name
    path = f"/{MIXED.path}/api/v0/logs/file?node_id={node}&filename=gcs_server.out&lines=-1"
    with replica(bucket, dashboard, tmp_path / "server") as server, Ingress(nginx, PREFIX, server.url) as ingress:
        with ingress.open(path) as answer:
            taken = len(answer.read(1_000_000))
            time.sleep(1)
            taken += sum(len(piece) for piece in iter(partial(answer.read, 1 << 20), b""))
        assert taken >= 64_000_000 - len(line)
        assert "temporary file" not in ingress.tail()
