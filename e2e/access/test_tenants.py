"""Two tenants of one server: neither sees a name, a count or a byte of the other's, nor whether anything is there."""

import re
import time
from urllib.parse import quote

import pytest

from e2e.harness import processes
from e2e.harness.answer import Answer, ask, bearer
from e2e.harness.processes import REPOSITORY
from e2e.harness.routes import entered, urls
from e2e.harness.server import BINARY, wait_until
from e2e.harness.tenants import ANA, BEN, TENANTS

STORED = {
    ANA: {"service": "raycluster-mixed", "id": "capture-sub-1"},
    BEN: {"service": "recsys", "id": "serve-deploy"},
}
INVENTED = {
    ANA: {
        "session": "session_2026-10-21_21-10-30_821800_9153",
        "cluster": "raycluster-absnt",
        "namespace": "ml-void",
        "service": "raycluster-absnt",
        "id": "absence-sub-1",
    },
    BEN: {
        "session": "session_2026-10-21_07-07-14_513426_5513",
        "cluster": "absent-raycluster-00000",
        "namespace": "ml-nothing",
        "service": "nisyrs",
        "id": "vacant-deplo",
    },
}
"""Names that nothing has, as long as those of the tenant."""
TRACED = ("traceparent", f"00-{'1' * 32}-{'2' * 16}-01")
"""Gives every answer the same id."""
RBAC = "rbac.authorization.k8s.io/v1"


def stored(tenant) -> dict[str, str]:
    """Returns the names of what is stored for a tenant, longer ones first."""
    namespace, cluster, session = tenant.names
    return {"session": session, "cluster": cluster, "namespace": namespace, **STORED[tenant]}


def send(server, url, names, token: str, how: str) -> Answer:
    """Asks for a URL; `how` is a method that stands for the usual one, or what is accepted."""
    accept, method = ("*/*", how) if how.isalpha() else (how, url.method)
    headers = [TRACED, ("Accept", accept), ("If-None-Match", "*"), *([bearer(token)] if token else [])]
    headers += [entered(names)] if url.is_entered else []
    return ask(server.url, url.path(names), *headers, method=method, body=b"{}" if method == "POST" else None)


def escaped(name: str) -> str:
    """Returns a name as it is within the query of a URL."""
    return re.sub(r"\W|_", lambda found: f"%{ord(found[0]):02X}", name)


def renamed(answer: Answer, old: dict[str, str], new: dict[str, str]) -> Answer:
    """Returns an answer in which names, also within the query of a URL, are replaced."""

    def rename(text: str) -> str:
        for part, name in old.items():
            text = text.replace(name, new[part])
            text = text.replace(escaped(name), escaped(new[part]))
        return text

    headers = tuple((name, rename(value)) for name, value in answer.headers)
    return Answer(answer.status, headers, rename(answer.body.decode("latin-1")).encode("latin-1"))


def loads(server) -> int:
    """Returns the number of sessions that were loaded, or are being loaded."""
    metrics = ask(server.url, "/metrics").text()
    counts = re.findall(r"^ray_history_loads_(?:total|running)(?:\{.*\})? (\d+)", metrics, re.MULTILINE)
    return sum(map(int, counts))


def test_what_is_refused_is_not_even_loaded(server, ana):
    """The first of this file: no session has been opened yet."""
    for token in ["", ana]:
        for url in urls():
            send(server, url, stored(BEN), token, "*/*")
    assert loads(server) == 0


@pytest.fixture(scope="module")
def opened(server, ana, ben):
    """The server, whose sessions both have been opened by their people, so that all of them is in memory."""
    for tenant, token in [(ANA, ana), (BEN, ben)]:
        assert ask(server.url, f"/{tenant.session.path}/nodes?view=summary", bearer(token)).status == 200
    assert loads(server) == len(TENANTS)
    return server


@pytest.mark.parametrize("who", ["ana", "ben", "nobody", "a stranger"])
@pytest.mark.parametrize("how", ["*/*", "text/html", "HEAD", "OPTIONS", "DELETE"])
def test_what_is_hidden_answers_as_what_does_not_exist(opened, ana, ben, who, how):
    """Status, headers and body are the same for every route."""
    asking = {
        "ana": [(ana, BEN)],
        "ben": [(ben, ANA)],
        "nobody": [("", ANA), ("", BEN)],
        "a stranger": [("x.y.z", BEN)],
    }
    told = []
    for token, owner in asking[who]:
        here, absent = stored(owner), INVENTED[owner]
        for url in urls():
            if url.pattern.endswith(("/metrics", "/api/authenticate")):
                continue
            there = send(opened, url, here, token, how)
            nowhere = renamed(send(opened, url, absent, token, how), absent, here)
            if there.status == 429 or nowhere.status == 429:
                # Failures of a stranger are counted by address.
                time.sleep(0.5)
                there = send(opened, url, here, token, how)
                nowhere = renamed(send(opened, url, absent, token, how), absent, here)
            if there.comparable() != nowhere.comparable():
                told.append(f"{url}\n{there.text()}\n--- invented\n{nowhere.text()}")
            if url.need in {"Namespace", "Logs", "Cookie"} and not how.isalpha():
                assert there.status == 401 if who in {"nobody", "a stranger"} else there.is_denied(), there.text()
            assert not there.header("x-ray-history-state"), url
    assert not told, "\n\n".join(told)


def words(unpacked, tenant) -> list[str]:
    """Returns texts that stand for what a tenant has: names, and ids of all kinds."""
    nodes = [
        node["raylet"]["nodeId"] for node in tenant.session.answer(unpacked, "/nodes?view=summary")["data"]["summary"]
    ]
    jobs = [job["submission_id"] for job in tenant.session.answer(unpacked, "/api/jobs/") if job["submission_id"]]
    actors = list(tenant.session.answer(unpacked, "/logical/actors")["data"]["actors"])
    namespace, cluster, session = tenant.names
    return [f'"{namespace}"', f"{namespace}/", cluster, session, tenant.user, *nodes, *jobs, *actors]


def asked_by(server, tenant, token: str, unpacked) -> list[tuple[str, Answer]]:
    """Returns the answers to everything that a tenant may ask about the own session, and about everything."""
    names = stored(tenant)
    node = tenant.session.answer(unpacked, "/nodes?view=summary")["data"]["summary"][0]["raylet"]["nodeId"]
    more = [
        "/sessions/?limit=1", "/sessions/?state=dead", "/clusters?limit=1", "/select_cluster?limit=1",
        "/api/history/v1/sessions?limit=1", "/api/history/v1/sessions?sort=oldest", "/metrics",
        f"/{tenant.session.path}/api/v0/logs?node_id={node}",
        f"/{tenant.session.path}/api/v0/tasks?detail=1&limit=10000",
    ]  # fmt: skip
    found = []
    for url in urls():
        if url.method == "GET" and url.pattern != "/openapi.json":  # its examples are the same for everybody
            found.append((url.path(names), send(server, url, names, token, "text/html,*/*")))
            found.append((url.path(names), send(server, url, names, token, "*/*")))
    return found + [(path, ask(server.url, path, bearer(token))) for path in more]


def test_no_byte_of_another_tenant_is_in_any_answer(opened, ana, ben, unpacked):
    for tenant, token, other in [(ANA, ana, BEN), (BEN, ben, ANA)]:
        answers = asked_by(opened, tenant, token, unpacked)
        own = [path for path, answer in answers if answer.status == 200 and tenant.names[2] in answer.text()]
        assert len(own) > 5, "the answers must have something to tell"
        hits = [
            f"{path}: {word} in {answer.text()[:400]}"
            for path, answer in answers
            for word in words(unpacked, other)
            if word in answer.text()
        ]
        assert not hits, "\n".join(hits)


def test_lists_totals_and_choices_know_one_tenant(opened, ana, ben):
    for tenant, token, other in [(ANA, ana, BEN), (BEN, ben, ANA)]:
        get = lambda path, token=token: ask(opened.url, path, bearer(token))  # noqa: E731
        listed = get("/api/history/v1/sessions").json()
        assert (listed["total"], [each["namespace"] for each in listed["sessions"]]) == (1, [tenant.namespace])
        clusters = get("/clusters?limit=1")
        assert (clusters.header("x-total-count"), clusters.header("link")) == ("1", "")
        page = get("/sessions/").text()
        assert "1 session" in page
        assert tenant.namespace in page
        assert other.namespace not in page
        whoami = get("/api/history/v1/whoami").json()
        assert (whoami["user"], whoami["way"]) == (tenant.user, "bearer")
        assert (whoami["allNamespaces"], whoami["namespaces"]) == (False, [tenant.namespace])
        # Filters and cursors for what another has find what they would find if it did not exist.
        for name, value in [("namespace", other.namespace), ("cluster", other.names[1]), ("q", other.names[1])]:
            here, nowhere = (
                get(f"/api/history/v1/sessions?{name}={quote(text)}").json() for text in [value, "x" * len(value)]
            )
            assert (here["total"], here["sessions"]) == (nowhere["total"], nowhere["sessions"]) == (0, [])


def test_a_cursor_of_whoever_sees_all_leads_to_nothing_more(plane, opened, ana):
    """A cursor is a place in the list, and no permission."""
    plane.kubectl("create", "serviceaccount", "root", "-n", ANA.namespace)
    plane.kubectl(
        *("create", "clusterrolebinding", "e2e-root", "--clusterrole=ray-history-rayhistory-viewer"),
        f"--serviceaccount={ANA.namespace}:root",
    )
    root = plane.token_of(ANA.namespace, "root")
    wait_until(lambda: len(ask(opened.url, "/clusters", bearer(root)).json()) == len(TENANTS), 20)
    assert ask(opened.url, "/api/history/v1/whoami", bearer(root)).json()["allNamespaces"]
    first = ask(opened.url, "/api/history/v1/sessions?limit=1", bearer(root)).json()
    page = ask(opened.url, f"/api/history/v1/sessions?limit=1&after={quote(first['next'])}", bearer(ana)).json()
    seen = {each["namespace"] for each in page["sessions"]}
    assert page["total"] == 1
    assert seen <= {ANA.namespace}
    assert not page.get("next")


def test_links_by_name_lead_to_what_may_be_seen(opened, ana, ben):
    owner = "/rayservices/ml-serving/recsys/latest"
    cluster = f"/sessions/{BEN.namespace}/{BEN.names[1]}/latest"
    for link in [owner, cluster, f"{cluster}/api/version"]:
        led = ask(opened.url, link, bearer(ben))
        assert led.status in {302, 307, 308}, led.text()
        assert BEN.names[2] in led.header("location")
        assert ask(opened.url, link, bearer(ana)).is_denied()


def test_entering_by_cookies_is_judged_like_a_path(opened, ana, ben):
    """KubeRay's cookies select a session; they prove nothing."""
    for token, tenant, status in [(ben, BEN, 200), (ana, BEN, 403), (ana, ANA, 200), ("", ANA, 401)]:
        own = [bearer(token)] if token else []
        answer = ask(opened.url, "/nodes?view=summary", entered(stored(tenant)), *own)
        assert answer.status == status, answer.text()


def test_the_page_s_question_about_a_person_is_answered(plane):
    """The here-document of docs/access.md, because `kubectl auth can-i` asks for another resource."""
    page = (REPOSITORY / "docs" / "access.md").read_text()
    (question,) = re.findall(r"<<END\n(.*?)END\n", page, re.DOTALL)
    for tenant, asked, answer in [(ANA, ANA, "true"), (ANA, BEN, "false"), (BEN, BEN, "true")]:
        text = question.replace("jane", tenant.user).replace("namespace: team", f"namespace: {asked.namespace}")
        done = plane.kubectl("create", "-o", "jsonpath={.status.allowed}", "-f", "-", text=text)
        assert done.stdout == answer


@pytest.mark.parametrize("session", ["/".join(BEN.names), f"raycluster/{BEN.namespace}/{BEN.names[1]}"])
def test_the_command_line_for_logs_shows_the_server_s_words(opened, ana, session):
    """Also where it asks for the newest session first."""
    command = [BINARY, "logs", "grep", "INFO", session, "--server", opened.url]
    for token, told in [
        ("", ["401", "kubectl create token", "RAY_HISTORY_TOKEN"]),
        (ana, ["403", f'User "{ANA.user}" cannot get resource "sessions"', BEN.namespace]),
    ]:
        done = processes.run(command, own={"RAY_HISTORY_TOKEN": token}, succeeds=False)
        assert done.returncode == 2
        assert not [words for words in told if words not in done.stderr], done.stderr


def test_the_command_line_lists_and_opens_what_a_person_may_see(opened, ana, ben, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(f"{ana}\n")
    at = ["--server", opened.url]

    def run(*arguments, token=""):
        return processes.run([BINARY, *arguments, *at], own={"RAY_HISTORY_TOKEN": token}, succeeds=None)

    for token, tenant in [(ana, ANA), (ben, BEN)]:
        assert run("list", "-o", "name", token=token).stdout.split() == ["/".join(tenant.names)]
        assert run("open", "/".join(tenant.names), token=token).stdout == f"{opened.url}/{tenant.session.path}/\n"
    by_file = run("list", "-o", "name", "--token-file", secret, token=ben)
    assert by_file.stdout.split() == ["/".join(ANA.names)], "the flag is meant, whatever is in the environment"
    hidden = run("list", "-n", BEN.namespace, token=ana)
    assert (hidden.returncode, hidden.stdout) == (1, "")
    for refused in [
        run("open", "/".join(BEN.names), token=ana),
        run("open", f"raycluster/{BEN.namespace}/{BEN.names[1]}", token=ana),
    ]:
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "403" in refused.stderr
    for arguments, code in [(["list"], 2), (["open", "/".join(ANA.names)], 2), (["check"], 1)]:
        unknown = run(*arguments)
        assert (unknown.returncode, "401" in unknown.stderr) == (code, True), unknown.stderr
    assert run("check", token=ana).returncode == 0


def test_bodies_of_logs_need_their_own_right(plane, opened, ana):
    """`sessions` without `sessions/log`."""
    plane.kubectl("-n", BEN.namespace, "create", "serviceaccount", "eve")
    name = {"namespace": BEN.namespace, "name": "no-logs"}
    rule = {"apiGroups": ["history.ray.io"], "resources": ["sessions"], "verbs": ["get"]}
    role = {"apiVersion": RBAC, "kind": "Role", "metadata": name, "rules": [rule]}
    plane.apply(role)
    plane.kubectl(
        *("-n", BEN.namespace, "create", "rolebinding", "no-logs", "--role=no-logs"),
        f"--serviceaccount={BEN.namespace}:eve",
    )
    eve = bearer(plane.token_of(BEN.namespace, "eve"))
    log = f"/{BEN.session.path}/api/jobs/serve-deploy/logs"
    wait_until(lambda: ask(opened.url, f"/{BEN.session.path}/api/version", eve).status == 200, 20)
    refused = ask(opened.url, log, eve)
    assert refused.is_denied(), refused.text()
    assert "sessions/log" in refused.text()
    assert ask(opened.url, log, bearer(ana)).is_denied()
