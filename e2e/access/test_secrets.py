"""No log line, answer, metric or status has a token, a cookie or the proxy's secret, at the level `trace`."""

import time

import pytest

from e2e.harness import tenants
from e2e.harness.answer import ask, bearer
from e2e.harness.manifests import NAMESPACE
from e2e.harness.tenants import ANA, BEN, KEY, PROOF

PLANTED = "planted-0d9c4f1e"


@pytest.fixture(scope="module")
def server(plane, bucket, dashboard, tmp_path_factory):
    own = {"RUST_LOG": "trace,kube_client::client=trace"}
    with tenants.serving(plane, bucket, dashboard, tmp_path_factory.mktemp("server"), environment=own) as running:
        yield running


def ways(token: str, cookie: str) -> dict[str, list[tuple[str, str]]]:
    """Returns headers that carry a secret, in every way in and in some that are none."""
    unknown, user = f"{PLANTED}.{PLANTED}.{PLANTED}", ("X-Auth-Request-Email", ANA.email)
    return {
        "a token": [bearer(token)],
        "an unknown token": [bearer(unknown)],
        "a text that is no token": [bearer(f"{PLANTED} {PLANTED}")],
        "another scheme": [("Authorization", f"Basic {PLANTED}")],
        "the second header": [bearer(unknown), ("X-Ray-Authorization", f"Bearer {token}")],
        "a cookie": [("Cookie", cookie)],
        "a cookie that was changed": [("Cookie", f"{cookie[:-4]}{PLANTED}")],
        "Ray's cookie": [("Cookie", f"ray-authentication-token={PLANTED}; {cookie}")],
        "a cookie over https": [("Cookie", f"__Host-{cookie}"), ("X-Forwarded-Proto", "https")],
        "a proxy": [("X-Ray-History-Proxy", PROOF), user],
        "a proxy with a wrong proof": [("X-Ray-History-Proxy", PLANTED), user],
        "a proxy that is misspelled": [("X_Ray_History_Proxy", PROOF), user],
        "a proxy and a token": [("X-Ray-History-Proxy", PROOF), user, bearer(token)],
    }


def test_no_secret_is_shown_anywhere(plane, server):
    token = ANA.token(plane)
    login = ask(server.url, "/api/authenticate", bearer(token), method="POST", body=b"{}")
    cookie = login.cookies()[0].split(";")[0]
    _, payload, signature = token.split(".")
    secrets = {
        "token": token, "its signature": signature, "its claims": payload, "cookie": cookie.split("=", 1)[1],
        "proof": PROOF, "key": KEY, "planted": PLANTED,
    }  # fmt: skip
    shown = [answer_text(login, but=cookie)]
    for tenant in [ANA, BEN]:
        for path in [
            "/api/history/v1/whoami", "/api/history/v1/sessions", "/sessions/", "/clusters", "/login?next=sessions%2F",
            f"/{tenant.session.path}/", f"/{tenant.session.path}/api/version",
            f"/{tenant.session.path}/api/authentication_mode", f"/{tenant.session.path}/api/v0/tasks?limit=1",
            f"/{tenant.session.path}/nothing", f"/rayclusters/{tenant.namespace}/x/latest", "/nothing", "/metrics",
        ]:  # fmt: skip
            for headers in ways(token, cookie).values():
                shown.append(ask(server.url, path, *headers).text())
                shown.append(ask(server.url, path, ("Accept", "text/html"), *headers).text())
    for query in [f"token={token}", f"access_token={PLANTED}", f"authorization=Bearer%20{PLANTED}"]:
        assert ask(server.url, f"/api/history/v1/whoami?{query}").status == 401, "no token is taken from a URL"
        assert ask(server.url, f"/{ANA.session.path}/api/version?{query}").status == 401
    for headers in ways(token, cookie).values():
        for path in ["/api/authenticate", f"/{ANA.session.path}/api/authenticate", "/logout"]:
            answer = ask(server.url, path, *headers, method="POST", body=PLANTED.encode())
            new = [value.split(";")[0] for value in answer.cookies()]
            secrets |= {f"a cookie of {path}": value.split("=", 1)[1] for value in new if not value.endswith("=")}
            shown.append(answer_text(answer, but=new[0] if new else ""))
    shown.append(plane.kubectl("-n", NAMESPACE, "get", "rh,events,leases", "-o", "yaml").stdout)
    time.sleep(1)  # what is written in the background
    assert "ray_history_log_lines_dropped_total 0" in ask(server.url, "/metrics").text(), "the log is not whole"
    log = server.log.read_text(errors="replace")
    assert '"level":"TRACE"' in log, log[:500]
    assert log.count("\n") > 5_000, log[-500:]
    for name, secret in secrets.items():
        lines = [line for line in log.splitlines() if secret in line]
        assert not lines, f"{name} in {len(lines)} lines of the log: {lines[0][:600]}"
        answers = [text for text in shown if secret in text]
        assert not answers, f"{name}: {answers[0][:600]}"


def answer_text(answer, but: str) -> str:
    """Returns an answer without the cookie that it sets."""
    return answer.text().replace(but, "") if but else answer.text()
