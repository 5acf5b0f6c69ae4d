"""Logging in with a browser: Ray's own dialog inside a session, our page for the list, and two people side by side."""

import re

import pytest

from e2e.access.people import DIALOG, log_in_by_dialog, log_in_by_page
from e2e.harness import bar
from e2e.harness.browser import Browser
from e2e.harness.tenants import ANA, BEN, TENANTS
from e2e.test_browser import EXPECTED_ERRORS, NAMES, pages

PEOPLE = pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.name)
OTHER = {ANA: BEN, BEN: ANA}
CHANGING = re.compile(r"\b[0-9a-f]{32}\b|Updated .* ago|Updated just now")
"""Parts of a page that differ each time: the id of a request, and the age of a table."""


@pytest.fixture(scope="module")
def windows(server, ana, ben, tmp_path_factory):
    """A browser for each person, logged in by Ray's dialog, after a wrong token."""
    scratch = tmp_path_factory.mktemp("windows")
    with Browser(scratch / "ana", only=server.url) as one, Browser(scratch / "ben", only=server.url) as other:
        for window, tenant, token in [(one, ANA, ana), (other, BEN, ben)]:
            log_in_by_dialog(window, f"{server.url}/{tenant.session.path}/", token)
            window.errors()
        yield {ANA: one, BEN: other}


def complaints(window) -> list[str]:
    """Returns the errors of the browser since it was last asked, without the expected ones."""
    return [error for error in window.errors() if not any(re.search(pattern, error) for pattern in EXPECTED_ERRORS)]


@PEOPLE
def test_a_login_lasts_and_no_script_can_read_it(windows, server, tenant):
    window = windows[tenant]
    window.open(f"{server.url}/{tenant.session.path}/")
    window.wait_for_text("Recent jobs")
    assert DIALOG not in window.text()
    assert window.run("return document.cookie") == ""
    bar.wait_for(window, tenant.names[1])
    assert not complaints(window)


EVERY = [*((ANA, page) for page in NAMES), *((BEN, page) for page in ["overview", "actors", "log file", "serve"])]


@pytest.mark.parametrize(("tenant", "page"), EVERY, ids=[f"{tenant.name}-{page}" for tenant, page in EVERY])
def test_every_page_of_the_own_session_works(windows, server, unpacked, tenant, page):
    window = windows[tenant]
    address, texts = pages(tenant.session, unpacked)[page]
    window.open(f"{server.url}/{tenant.session.path}/#/{address}")
    window.wait_for_text(*texts)
    assert DIALOG not in window.text()
    assert not complaints(window)


@PEOPLE
def test_the_list_has_the_own_sessions_alone(windows, server, tenant):
    window, other = windows[tenant], OTHER[tenant]
    window.open(f"{server.url}/")
    window.wait_for_text("Ray sessions", tenant.names[1], "1 session")
    assert window.url == f"{server.url}/sessions/"
    source = window.run("return document.documentElement.outerHTML")
    assert not [name for name in other.names if name in source]
    window.type_into("#search", other.names[1])
    window.wait_for(lambda: tenant.names[1] not in window.text(), "the search to find nothing")
    assert not [name for name in other.names[::2] if name in window.run("return document.documentElement.outerHTML")]
    assert not complaints(window)


@PEOPLE
def test_another_s_session_looks_like_one_that_never_was(windows, server, tenant):
    """The page asks for a token, as it does for whoever is not known; its text does not depend on what is stored."""
    window, other = windows[tenant], OTHER[tenant]
    absent = other.session.path.replace("2026-11", "2026-10")
    seen = []
    for path in [other.session.path, absent]:
        window.open(f"{server.url}/{path}/#/jobs")
        window.wait_for_text(DIALOG)
        bar.wait_for(window, "403")
        seen.append(CHANGING.sub("", window.text() + bar.text(window)).replace("2026-11", "2026-10"))
        window.open("about:blank")
        codes = {error.split(" ")[0] for error in window.errors()}
        assert codes <= {"403", "console:"}, "every refusal is one of rights"
    assert seen[0] == seen[1]


def test_a_list_whose_login_has_ended_leads_to_the_login(windows, server, ana):
    window = windows[ANA]
    window.open(f"{server.url}/sessions/")
    window.wait_for_text("Ray sessions", ANA.names[1])
    window.ask("fetch('../logout', { method: 'POST' }).then(arguments[0])")
    window.errors()
    window.type_into("#search", "mixed")
    window.wait_for(lambda: "/login?next=sessions" in window.url, "the login")
    log_in_by_page(window, ana)
    window.wait_for_text("Ray sessions", ANA.names[1])
    assert window.url == f"{server.url}/sessions/?q=mixed"
    window.errors()


@PEOPLE
def test_our_page_logs_out_and_in_and_leads_back(windows, server, ana, ben, tenant):
    window, token = windows[tenant], {ANA: ana, BEN: ben}[tenant]
    window.open(f"{server.url}/login")
    window.click("#logout")
    window.wait_for_text("You are logged out.")
    assert not complaints(window)

    window.open(f"{server.url}/{tenant.session.path}/")
    window.wait_for_text(DIALOG)

    window.open(f"{server.url}/sessions/?q={tenant.names[1]}")
    window.wait_for_text("Log in")
    assert f"{server.url}/login?next=sessions" in window.url
    window.errors()
    window.type_into("#token", "wrong.wrong.wrong")
    window.click("#login button")
    window.wait_for_text("This token is not valid, or not any more.")
    window.paste_into("#token", token)
    window.click("#login button")
    window.wait_for_text("Ray sessions", tenant.names[1], "Log out")
    assert window.url == f"{server.url}/sessions/?q={tenant.names[1]}"
    window.click(f"a.open[href*='{tenant.names[1]}']")
    window.wait_for_text("Recent jobs")
    errors = [error for error in complaints(window) if "api/authenticate" not in error]
    assert not errors
