"""The cookie of a login: good at every replica, for as long as its token and its key are."""

import base64
import json
import re
import secrets

import pytest

from e2e.harness import tenants
from e2e.harness.answer import ask, bearer
from e2e.harness.manifests import NAMESPACE
from e2e.harness.server import wait_until
from e2e.harness.tenants import ANA, KEY

WHOAMI = "/api/history/v1/whoami"
LIFETIME = 8 * 3600


@pytest.fixture(scope="module")
def replicas(plane, bucket, dashboard, tmp_path_factory):
    """Two servers of one object."""
    scratch = tmp_path_factory.mktemp("replicas")
    for name in "ab":
        (scratch / name).mkdir()
    one = tenants.serving(plane, bucket, dashboard, scratch / "a")
    other = tenants.serving(plane, bucket, dashboard, scratch / "b")
    with one as first, other as second:
        yield first, second


def log_in(server, token: str) -> str:
    """Returns the whole header of a login."""
    (cookie,) = ask(server.url, "/api/authenticate", bearer(token), method="POST", body=b"{}").cookies()
    return cookie


def way(server, cookie: str) -> str:
    """Returns the way in that a cookie is, or an empty text if it is none."""
    answer = ask(server.url, WHOAMI, ("Cookie", cookie.partition(";")[0]))
    assert answer.status in {200, 401}, answer.text()
    return answer.json()["way"] if answer.status == 200 else ""


def seal_with(plane, **keys: str):
    """Replaces the Secret with the keys of cookies."""
    metadata = {"name": "ray-history-session", "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys}
    plane.kubectl("replace", "-f", "-", text=json.dumps(secret))


def key_of(cookie: str) -> str:
    """Returns the beginning of a cookie, which names its key."""
    return cookie.partition("=")[2][:6]


def test_it_ends_with_its_token(plane, replicas, ana):
    longest = re.search(r"Max-Age=(\d+)", log_in(replicas[0], ANA.token(plane, "--duration=24h")))
    assert LIFETIME - 60 <= int(longest[1]) <= LIFETIME
    short = re.search(r"Max-Age=(\d+)", log_in(replicas[0], ANA.token(plane, "--duration=10m")))
    assert 500 < int(short[1]) <= 600
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"]:
        assert part in log_in(replicas[0], ana)


def test_every_replica_opens_it_and_a_logout_ends_it(replicas, ana):
    one, other = replicas
    cookie = log_in(one, ana)
    assert (way(one, cookie), way(other, cookie)) == ("cookie", "cookie")
    out = ask(other.url, "/logout", ("Cookie", cookie.partition(";")[0]), method="POST", body=b"")
    assert out.status == 200
    assert sorted(value.split("=")[0] for value in out.cookies()) == ["__Host-ray-history", "ray-history"]
    assert all("Max-Age=0" in value for value in out.cookies())


def test_a_new_key_keeps_logins_until_the_old_one_goes(plane, replicas, ana):
    old, new = log_in(replicas[0], ana), base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        seal_with(plane, key=new, previous=KEY)
        wait_until(lambda: all(key_of(log_in(each, ana)) != key_of(old) for each in replicas), 30)
        assert [way(each, old) for each in replicas] == ["cookie", "cookie"]
        seal_with(plane, key=new)
        wait_until(lambda: [way(each, old) for each in replicas] == ["", ""], 30)
        fresh = log_in(replicas[0], ana)
        assert [way(each, fresh) for each in replicas] == ["cookie", "cookie"]
        assert key_of(fresh) != key_of(old)
    finally:
        seal_with(plane, key=KEY)
        wait_until(lambda: [way(each, old) for each in replicas] == ["cookie", "cookie"], 30)
