"""The API server goes away and comes back, and rights are taken: nothing new is let in, and nobody keeps a right."""

import time

import pytest

from e2e.harness import tenants
from e2e.harness.answer import Answer, ask, bearer
from e2e.harness.manifests import NAMESPACE
from e2e.harness.server import wait_until
from e2e.harness.tenants import ANA, BEN

ALLOWED, STALE = 2, 8
"""Seconds for which a decision is kept, and is honoured longer while nobody can be asked."""


@pytest.fixture(scope="module")
def server(plane, bucket, dashboard, tmp_path_factory):
    cache = {"allowedFor": f"{ALLOWED}s", "deniedFor": f"{ALLOWED}s", "staleFor": f"{STALE}s"}
    with tenants.serving(plane, bucket, dashboard, tmp_path_factory.mktemp("server"), cache=cache) as running:
        yield running


def own(server, tenant, token: str) -> Answer:
    return ask(server.url, f"/{tenant.session.path}/api/version", bearer(token))


def test_nothing_new_is_let_in_while_kubernetes_is_away(plane, server, ana, ben):
    cookie = ask(server.url, "/api/authenticate", bearer(ana), method="POST", body=b"{}").cookies()[0].split(";")[0]
    assert own(server, ANA, ana).status == 200
    assert ask(server.url, "/api/history/v1/sessions", bearer(ana)).json()["total"] == 1
    plane.stop_server()
    try:
        away = time.monotonic()
        time.sleep(ALLOWED + 0.5)
        # What was decided is honoured longer, in every way in.
        assert own(server, ANA, ana).status == 200
        assert ask(server.url, f"/{ANA.session.path}/api/version", ("Cookie", cookie)).status == 200
        assert ask(server.url, "/api/history/v1/sessions", bearer(ana)).json()["total"] == 1
        assert time.monotonic() - away < ALLOWED + STALE, "the machine is too slow for this test"
        # Nobody else is let in, and nobody's token is called invalid.
        for token in [ben, "x.y.z"]:
            refused = own(server, BEN, token)
            assert refused.status == 503, refused.text()
            assert int(refused.header("retry-after")) > 0
            login = ask(server.url, "/api/authenticate", bearer(token), method="POST", body=b"{}")
            assert (login.status, login.cookies()) == (503, [])
        assert own(server, BEN, ana).is_denied()
        for probe in ["/livez", "/readyz"]:
            assert ask(server.url, probe).status == 200
        wait_until(lambda: own(server, ANA, ana).status == 503, ALLOWED + STALE + 5)
    finally:
        plane.start_server()
    wait_until(lambda: own(server, ANA, ana).status == 200, 20)
    wait_until(lambda: own(server, BEN, ben).status == 200, 20)
    assert own(server, ANA, "x.y.z").status == 401
    assert own(server, BEN, ana).is_denied()


def test_the_object_says_how_reviews_fare(plane, server, ana):
    def conditions() -> list[tuple[str, str, str]]:
        found = plane.get("rh", "main", f"--namespace={NAMESPACE}").get("status", {}).get("conditions", [])
        return [(each["type"], each["status"], each["reason"]) for each in found]

    assert own(server, ANA, ana).status == 200
    wait_until(lambda: ("AccessReviewed", "True", "Reviewing") in conditions(), 60)


def test_a_right_that_is_taken_is_gone_within_its_time(plane, server, ana, ben):
    wait_until(lambda: own(server, BEN, ben).status == 200, 20)
    plane.kubectl("-n", BEN.namespace, "delete", "rolebinding", "viewers")
    try:
        taken = time.monotonic()
        wait_until(lambda: own(server, BEN, ben).is_denied(), ALLOWED + 5)
        assert time.monotonic() - taken < ALLOWED + 2
        assert ask(server.url, "/api/history/v1/sessions", bearer(ben)).json()["total"] == 0
        assert own(server, ANA, ana).status == 200
    finally:
        tenants.bind(plane, BEN)
    wait_until(lambda: own(server, BEN, ben).status == 200, 20)
