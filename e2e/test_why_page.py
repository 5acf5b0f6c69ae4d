"""The page that tells why a run ended: every state of it, wide and on a phone, by keyboard, in both themes."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from e2e.harness import axe, bundle
from e2e.harness.bar import wait_for as wait_for_bar
from e2e.harness.server import Server, wait_until
from e2e.test_runs_page import CONTRAST

SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
DAY = bundle.DAY.path
MIXED = bundle.MIXED.path


def cause(code: str, certainty: str, at: str, subject: str, **values) -> dict:
    fact = {
        "at": at,
        "about": subject.replace("pod", "Pod"),
        "says": f"BackOff: {values.get('message', 'it was seen')}",
    }
    return {"code": code, "certainty": certainty, "at": at, "subject": subject, "values": values, "evidence": [fact]}


def document(name: str, kind: str = "RayJob", **members) -> dict:
    """Returns the obituary of a RayJob of the name's own, without a session."""
    object_ = {"kind": kind, "namespace": "team", "name": name, "uid": f"uid-{name}"}
    run = {"cluster": f"{name}-c", "from": "2026-11-29T08:00:00Z", "to": "2026-11-29T08:10:00Z", "causes": []}
    run |= members.pop("run", {})
    return {
        "schema": "ray-history/obituary/v1", "revision": 1, "final": True, "writer": "w", "object": object_,
        "outcome": run.get("outcome", "Unknown"), "runs": [run], **members,
    }  # fmt: skip


def row(document_: dict) -> dict:
    run = document_["runs"][-1]
    kept = {name: run[name] for name in ["cluster", "from", "to", "sessions"] if name in run}
    first = run["causes"][0] if run["causes"] else {}
    told = {name: first[name] for name in ["code", "certainty", "values"] if name in first}
    return {**document_["object"], "run": run["cluster"], **kept, "outcome": run["outcome"], **told, "revision": 1}


EVENT = {
    "at": "2026-11-29T08:05:00Z", "first": "2026-11-29T08:05:00Z", "count": 4, "type": "Warning", "reason": "BackOff",
    "about": "Pod p", "from": "kubelet", "note": "it was seen",
}  # fmt: skip
POD = {
    "name": "p", "uid": "u", "cluster": "c", "role": "worker", "group": "small", "node": "n1", "phase": "Failed",
    "createdAt": "2026-11-29T08:00:00Z",
    "containers": [{"name": "ray-worker", "ended": [{"id": "1", "at": "2026-11-29T08:05:00Z", "reason": "OOMKilled",
                                                     "exit": 137, "message": "Killed"}]}],
}  # fmt: skip
SPEC = {"generation": 1, "rayVersion": "2.57.1", "entrypoint": "python train.py",
        "groups": [{"name": "head", "image": "ray:2.57.1", "replicas": [1, 1, 1],
                    "env": [{"name": "TOKEN", "from": "secret s/token"}]}]}  # fmt: skip
AT = "2026-11-29T08:05:00Z"

CERTAIN = document(
    "certain",
    run={"outcome": "Failed", "causes": [cause("WorkerOOM", "certain", AT, "pod p", limit="8Gi"),
                                         cause("AppFailed", "likely", AT, "RayJob certain", message="lost")]},
    events=[EVENT], pods=[POD],
    objects=[{"kind": "RayJob", "namespace": "team", "name": "certain", "uid": "uid-certain", "spec": SPEC}],
    attempts=[{"job": "uid-certain", "cluster": "certain-c", "from": "2026-11-29T08:00:00Z",
               "to": "2026-11-29T08:10:00Z", "deploymentStatus": "Failed", "jobStatus": "FAILED",
               "reason": "AppFailed", "message": "Traceback\nValueError: from the log"}],
)  # fmt: skip
LIKELY = document("likely", run={"outcome": "Failed", "causes": [cause("Deadline", "likely", AT, "RayJob likely")]})
UNKNOWN = document("unknown", run={"outcome": "Unknown"}, unseen=["nodes: forbidden", "10:00-10:07 not watched"])
NOTICED = document(
    "noticed", run={"outcome": "Succeeded", "noticed": [cause("ImagePull", "certain", AT, "pod p", image="ray:1")]}
)
MANY = document("many", run={"outcome": "Failed"}, omitted={"pods": 3, "events": 12, "healthyPods": {"gpu": 62}})


def hostile() -> dict:
    """Returns an obituary with markup in every text, but for the names by which it is found."""

    def plant(value, name=""):
        if isinstance(value, dict):
            return {key: plant(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [plant(inner, name) for inner in value]
        keeps = {"uid", "kind", "code", "certainty", "outcome", "role", "job", "id", "type"}
        if isinstance(value, str) and name not in keeps and not value.startswith("2026-"):
            return value + SCRIPT
        return value

    members = {name: plant(CERTAIN[name]) for name in ["events", "pods", "attempts", "objects"]}
    run = {"outcome": "Failed", "causes": [plant(cause("Crash", "certain", AT, "pod p", message="x", name="y"))]}
    return document("hostile", run=run, unseen=[SCRIPT], **members)


def of_day() -> dict:
    """Returns the obituary of a bundled session's cluster."""
    _, namespace, cluster, session = DAY.split("/")
    at = "2026-11-29T08:39:00Z"
    run = {"cluster": cluster, "sessions": [session], "from": "2026-11-29T08:31:00Z", "to": "2026-11-29T08:41:00Z"}
    run |= {"outcome": "Failed", "causes": [cause("HeadOOM", "certain", at, "pod p", limit="8Gi")]}
    event = EVENT | {"at": at, "first": at, "note": "Back-off restarting"}
    told = document("day", "RayCluster", run=run, events=[event])
    told["object"] |= {"namespace": namespace, "name": cluster, "uid": "uid-day"}
    return told


DOCUMENTS = [CERTAIN, LIKELY, UNKNOWN, NOTICED, MANY, hostile(), of_day()]


def path(document_: dict) -> str:
    object_ = document_["object"]
    return f"why/{object_['namespace']}/{object_['kind'].lower()}/{object_['name']}/{object_['uid']}"


def key(document_: dict) -> str:
    return f"ray-history/v1/obituaries/{path(document_).removeprefix('why/')}.json"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A bucket of two sessions, one of which has an obituary, and of obituaries of runs without a session."""
    scratch, folder = tmp_path_factory.mktemp("recorded"), tmp_path_factory.mktemp("why")
    for recording in [bundle.DAY, bundle.MIXED]:
        bundle.unpack(scratch, [recording])
        bundle.merge(recording.storage(scratch), folder)
    for told in DOCUMENTS:
        file = folder / key(told)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(told))
    ledger = folder / "ray-history/v1/ledger/2026-11-29"
    ledger.mkdir(parents=True)
    (ledger / "1795948200000-w.jsonl").write_text("".join(json.dumps(row(told)) + "\n" for told in DOCUMENTS))
    return folder


@pytest.fixture(scope="module")
def runs(bucket, dashboard, tmp_path_factory):
    log = tmp_path_factory.mktemp("why-server") / "log"
    with Server(bucket, log, "--dashboard-dir", str(dashboard)) as server:
        wait_until(lambda: "HeadOOM" in page(server, f"{DAY}/why"), 60)
        yield server


def page(server, url: str) -> str:
    with urlopen(f"{server.url}/{url}") as answer:
        return answer.read().decode()


STATES = {
    "certain": (
        path(CERTAIN),
        [
            "Why RayJob certain ended",
            "Failed",
            "A worker ran out of memory at 8Gi.",
            "Certain: the state of an object says it",
            "Other causes",
            "Probably: The program failed",
            "Pod p: BackOff: it was seen",
            "in the timeline",
            "the pod",
            "BackOff: it was seen (4 times",
            "OOMKilled, exit code 137",
            "ValueError: from the log",
            "python train.py",
            "TOKEN (secret s/token)",
            "Ray's own facts, because its session is not open",
        ],
    ),
    "likely": (path(LIKELY), ["Probably: Stopped by its own deadline.", "Likely, not certain"]),
    "unknown": (
        path(UNKNOWN),
        [
            "Nothing that was seen tells why it ended; not seen: ",
            "Unknown",
            "nodes: forbidden",
            "10:00-10:07 not watched",
        ],
    ),
    "noticed": (path(NOTICED), ["It succeeded.", "Succeeded", "Noticed", "Image ray:1 could not be pulled"]),
    "omitted": (path(MANY), ["3 pods in trouble, 12 Events", "62 pods of gpu without trouble are not listed."]),
    "session": (
        f"{DAY}/why",
        [
            "Why day-train ended",
            "The head ran out of memory at its limit of 8Gi",
            "ZeroDivisionError: division by zero",
            "explained by the death of a worker",
            "day-crash",
            "UTC+00:00",
            "a worker process ended unexpectedly",
            "All of RayCluster day-train-h2x9c",
        ],
    ),
    "ray alone": (
        f"{MIXED}/why",
        [
            "Probably: The program failed: Job entrypoint command failed with exit code 5.",
            "Failed",
            "Kubernetes' objects",
            "UNEXPECTED_TERMINATION",
            "ValueError: boom on purpose",
        ],
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_told_in_words(window, runs, state):
    url, texts = STATES[state]
    window.open(f"{runs.url}/{url}")
    window.wait_for_text(texts[0])
    window.run("for (const closed of document.querySelectorAll('details')) closed.open = true")
    shown = window.text()
    for text in texts:
        assert text in shown, (text, shown)
    # One heading, in their order, and no link that leads to nothing on the page.
    levels = window.run("return [...document.querySelectorAll('h1, h2')].map((heading) => heading.tagName)")
    assert levels[0] == "H1"
    assert levels.count("H1") == 1
    broken = """
        return [...document.querySelectorAll('a[href^="#"]')].map((a) => decodeURIComponent(a.hash.slice(1)))
            .filter((id) => !document.getElementById(id) && !document.getElementById(encodeURIComponent(id)));
    """
    assert window.run(broken) == []
    ids = window.run("return [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    assert not window.errors()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", [1400, 400])
def test_no_state_keeps_anybody_out(window, runs, state, width):
    window.resize(width, 900)
    window.open(f"{runs.url}/{STATES[state][0]}")
    window.wait_for_text(STATES[state][1][0])
    window.run("for (const closed of document.querySelectorAll('details')) closed.open = true")
    assert axe.serious(window) == []


@pytest.mark.parametrize("state", ["certain", "session"])
def test_the_page_fits_a_phone_and_both_themes(window, runs, state):
    window.open(f"{runs.url}/{STATES[state][0]}")
    window.wait_for_text(STATES[state][1][0])
    for width in [1400, 400]:
        window.resize(width, 900)
        over = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width
    window.be_phone(400, 800)
    assert window.run("return document.documentElement.scrollWidth") <= 400
    window.be_phone(0, 0)
    for selector in [".outcome", ".cause strong", "p.quiet", "td", ".quiet", "nav a", "h2", "summary"]:
        for scheme in ["light", "dark"]:
            assert window.run(CONTRAST, selector, scheme) >= 4.5, (selector, scheme)
    assert not window.errors()


def test_all_of_it_is_reached_with_the_keyboard(window, runs):
    window.open(f"{runs.url}/{DAY}/why")
    window.wait_for_text("Why day-train ended")
    wanted = window.run("return document.querySelectorAll('a[href], summary').length")
    reached = set()
    for _ in range(wanted + 20):
        window.press("\ue004")
        reached.add(
            window.run(
                "const all = [...document.querySelectorAll('a[href], summary')];"
                "return all.indexOf(document.activeElement)"
            )
        )
    assert len(reached - {-1}) == wanted


def test_a_task_of_a_failure_opens_in_ray_s_page(window, runs):
    window.open(f"{runs.url}/{DAY}/why")
    window.wait_for_text("Why day-train ended")
    href = window.run("return [...document.querySelectorAll('a')].find((a) => a.hash.includes('/tasks/')).href")
    window.open(href)
    window.wait_for_text("shaky", "NORMAL_TASK")


def test_no_text_of_an_object_is_markup(window, runs):
    window.open(f"{runs.url}/{path(hostile())}")
    window.wait_for_text("Why RayJob hostile ended")
    assert window.text().count("<script>") > 10
    assert window.run("return document.title") == "hostile: why it ended"
    assert window.run("return document.querySelectorAll('main script, main img').length") == 0
    assert not window.errors()


def test_what_cannot_be_shown_is_said(window, bucket, dashboard, tmp_path):
    file = bucket / key(LIKELY)
    stored = file.read_text()
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        try:
            for text, status, words in [
                (stored.replace("obituary/v1", "obituary/v2"), 502, "written by a newer version of ray-history"),
                ("x" * (2 << 20), 502, "The obituary is longer than"),
                ("{", 502, "This is no obituary"),
                (None, 404, "No obituary of it is known"),
            ]:
                file.write_text(text) if text else file.unlink()
                with pytest.raises(HTTPError) as refused:
                    page(server, path(LIKELY))
                assert refused.value.code == status
                window.open(f"{server.url}/{path(LIKELY)}")
                window.wait_for_text("Why RayJob likely ended", words)
        finally:
            file.write_text(stored)


def test_a_session_whose_obituary_cannot_be_read_has_ray_s_facts(window, bucket, dashboard, tmp_path):
    told = of_day()
    file = bucket / key(told)
    stored = file.read_text()
    with Server(bucket, tmp_path / "log", "--dashboard-dir", str(dashboard)) as server:
        wait_until(lambda: "HeadOOM" in page(server, f"{DAY}/why"), 60)
        try:
            file.write_text(stored.replace("obituary/v1", "obituary/v2"))
            window.open(f"{server.url}/{DAY}/why")
            window.wait_for_text("Why day-train ended", "written by a newer version", "Below is what Ray itself tells.")
            window.wait_for_text("The program failed: ZeroDivisionError: division by zero.")
        finally:
            file.write_text(stored)


def test_the_bar_shows_the_sentence_and_leads_to_the_page(window, runs):
    window.open(f"{runs.url}/{MIXED}/#/jobs")
    wait_for_bar(window, "Failed: capture-fail-1 failed")
    href = "return document.querySelector('ray-history').shadowRoot.querySelector('a.why').href"
    assert window.run(href) == f"{runs.url}/{MIXED}/why"


def test_platform_events_fill_ray_s_page(window, runs):
    window.open(f"{runs.url}/{DAY}/#/platform-events")
    window.wait_for_text("Back-off restarting")
