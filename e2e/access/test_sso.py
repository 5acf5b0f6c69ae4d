"""Single sign-on: the real oauth2-proxy of config/oauth2-proxy behind a real nginx, and people who sign in by it."""

import re
import textwrap

import pytest
import requests
import yaml

from e2e.harness import tenants
from e2e.harness.answer import ask, bearer
from e2e.harness.browser import Browser
from e2e.harness.bundle import MIXED
from e2e.harness.ingress import Ingress
from e2e.harness.loopback import free_ports
from e2e.harness.oauth2_proxy import OAuth2Proxy, Places
from e2e.harness.oidc import Provider
from e2e.harness.processes import REPOSITORY
from e2e.harness.tenants import ANA, BEN, BEN_S_GROUP, PROOF
from e2e.test_browser import EXPECTED_ERRORS, pages

CLAIMS = {
    ANA: {"email": ANA.email, "email_verified": True, "groups": ["everybody"]},
    BEN: {"email": BEN.email, "email_verified": True, "groups": ["everybody", BEN_S_GROUP]},
}
WHOAMI = "/api/history/v1/whoami"
ASK = """
    const [path, method, done] = arguments;
    fetch(path, { method }).then(async (answer) => done([answer.status, await answer.text()]));
"""


@pytest.fixture(scope="module")
def server(plane, bucket, dashboard, tmp_path_factory):
    """A server with the ways in of docs/single-sign-on.md."""
    page = (REPOSITORY / "docs" / "single-sign-on.md").read_text()
    (block,) = re.findall(r"^ *```yaml\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    ways = yaml.safe_load(textwrap.dedent(block))["spec"]["access"]["authentication"]
    scratch = tmp_path_factory.mktemp("server")
    with tenants.serving(plane, bucket, dashboard, scratch, authentication=ways) as running:
        yield running


@pytest.fixture(scope="module")
def provider():
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def front(server, provider, tmp_path_factory):
    """nginx, behind which oauth2-proxy is."""
    directory = tmp_path_factory.mktemp("front")
    (port,) = free_ports(1)
    ingress = Ingress(directory, "", f"http://127.0.0.1:{port}", probe="/ping")
    places = Places(f"127.0.0.1:{port}", server.url, provider.url, ingress.url)
    with OAuth2Proxy(directory, places, PROOF) as proxy, ingress:
        ingress.proxy = proxy
        yield ingress


@pytest.fixture
def window(front, provider, tmp_path):
    with Browser(tmp_path / "browser", (front.url, provider.url), "--ignore-certificate-errors") as browser:
        yield browser


def sign_in(front, provider, tenant) -> requests.Session:
    """Returns a client that has signed in."""
    provider.person = CLAIMS[tenant]
    client = requests.Session()
    client.verify, client.trust_env = str(front.certificate), False
    assert client.get(f"{front.url}{WHOAMI}").json()["user"]
    return client


def test_a_person_signs_in_and_never_meets_a_dialog(window, front, provider, unpacked):
    provider.person = CLAIMS[ANA]
    for page in ["overview", "job", "actors", "log file", "serve"]:
        address, texts = pages(MIXED, unpacked)[page]
        window.open(f"{front.url}/{MIXED.path}/#/{address}")
        window.wait_for_text(*texts)
        assert "Authentication Token Required" not in window.text()
    errors = [e for e in window.errors() if not any(re.search(pattern, e) for pattern in EXPECTED_ERRORS)]
    assert not errors
    window.open(f"{front.url}/")
    window.wait_for_text("Ray sessions", ANA.names[1], "1 session")
    assert BEN.names[1] not in window.run("return document.documentElement.outerHTML")
    window.open(f"{front.url}/login?next=sessions%2F")
    window.wait_for_text("Ray sessions", ANA.names[1])
    assert window.url == f"{front.url}/sessions/"
    status, text = window.ask(ASK, WHOAMI, "GET")
    assert (status, '"way":"proxy"' in text, f'"user":"oidc:{ANA.email}"' in text) == (200, True, True), text
    assert not window.errors()

    # Without the right there is no dialog either: another token would not help.
    window.open(f"{front.url}/{BEN.session.path}/#/jobs")
    window.wait_for(lambda: any("403" in error for error in window.errors()), "a refusal")
    assert "Authentication Token Required" not in window.text()


def test_a_group_of_the_provider_gives_a_right(front, provider):
    for tenant, other in [(ANA, BEN), (BEN, ANA)]:
        client = sign_in(front, provider, tenant)
        listed = client.get(f"{front.url}/api/history/v1/sessions").json()
        assert [each["namespace"] for each in listed["sessions"]] == [tenant.namespace]
        assert client.get(f"{front.url}/{tenant.session.path}/api/version").status_code == 200
        refused = client.get(f"{front.url}/{other.session.path}/api/version")
        assert refused.status_code == 403
        assert f'User "oidc:{tenant.email}"' in refused.text.replace("\\", "")


def test_who_has_not_signed_in_reaches_nothing(front, provider):
    for path in ["/", f"{WHOAMI}", f"/{MIXED.path}/api/version", "/metrics", f"/{MIXED.path}/"]:
        answer = requests.get(f"{front.url}{path}", verify=str(front.certificate), allow_redirects=False, timeout=30)
        assert answer.status_code in {302, 401, 403}, path
        assert answer.headers.get("Location", provider.url).startswith(provider.url), path


FORGED = {
    "X-Auth-Request-Email": BEN.email,
    "X-Auth-Request-Groups": BEN_S_GROUP,
    "X-Ray-History-Proxy": PROOF,
    "x_auth_request_email": BEN.email,
    "X_Ray_History_Proxy": PROOF,
    "X-Forwarded-Email": BEN.email,
    "X-Forwarded-User": BEN.email,
}


def test_headers_of_a_client_change_nobody_s_name(front, provider):
    """Neither through nginx nor through oauth2-proxy alone, which nginx' refusal of `_` does not protect."""
    client = sign_in(front, provider, ANA)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
    for name, value in FORGED.items():
        through = client.get(f"{front.url}{WHOAMI}", headers={name: value})
        alone = ask(front.proxy.url, WHOAMI, ("Cookie", cookies), (name, value), ("X-Forwarded-Proto", "https"))
        for body in [through.text, alone.text()]:
            assert f'"user":"oidc:{ANA.email}"' in body, f"{name}: {body}"
            assert PROOF not in body


PROVEN = {"X-Auth-Request-Email": ANA.email, "X-Ray-History-Proxy": PROOF}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Auth-Request-Email": ANA.email}, 401),
        ({"X-Auth-Request-Email": ANA.email, "X-Ray-History-Proxy": "another-proof-of-a-proxy"}, 401),
        ({"X-Auth-Request-Email": ANA.email, "X-Ray-History-Proxy": ""}, 401),
        ({"X-Auth-Request-Email": ANA.email, "X-Ray-History-Proxy": PROOF.upper()}, 401),
        ({"X-Auth-Request-Email": ANA.email, "X_Ray_History_Proxy": PROOF}, 400),
        ({"X_Auth_Request_Email": ANA.email, "X-Ray-History-Proxy": PROOF}, 400),
        ({"X-Auth-Request-Email": "system:admin", "X-Ray-History-Proxy": PROOF}, 401),
        ({**PROVEN, "X-Auth-Request-Groups": "system:masters"}, 401),
        ({"X-Auth-Request-Email": "", "X-Ray-History-Proxy": PROOF}, 401),
        ({"X-Auth-Request-Groups": BEN_S_GROUP, "X-Ray-History-Proxy": PROOF}, 401),
        (PROVEN, 200),
    ],
)  # fmt: skip
def test_at_the_server_s_own_port_headers_need_the_proof(server, headers, status):
    answer = ask(server.url, WHOAMI, *headers.items())
    assert answer.status == status, answer.text()


def test_headers_without_proof_are_dropped_and_a_token_counts(server, ana):
    whoami = ask(server.url, WHOAMI, ("X-Auth-Request-Email", BEN.email), bearer(ana)).json()
    assert (whoami["user"], whoami["way"]) == (ANA.user, "bearer")
