"""Cookies and headers of any bytes let nobody in, and break nothing."""

import base64
import random
import socket
import time
from urllib.parse import urlsplit

import pytest

from e2e.harness.answer import ask, bearer
from e2e.harness.tenants import ANA, PROOF

WHOAMI = "/api/history/v1/whoami"


@pytest.fixture(scope="module")
def cookie(server, ana) -> str:
    """The cookie of a login, as a browser sends it."""
    login = ask(server.url, "/api/authenticate", bearer(ana), method="POST", body=b"{}")
    return login.cookies()[0].split(";")[0]


def raw(server, *lines: bytes) -> int:
    """Sends a request with these lines of header, and returns the status; 0 for a connection that was closed."""
    address = urlsplit(server.url)
    head = [b"GET " + WHOAMI.encode() + b" HTTP/1.1", b"Host: x", b"Connection: close", *lines, b"", b""]
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(b"\r\n".join(head))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n" in answer:
                break
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def of_cookies(cookie: str, chance: random.Random) -> list[bytes]:
    """Returns cookies that are like a good one."""
    name, value = cookie.split("=", 1)
    sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    found = []
    for at in [0, 1, 2, 8, 9, 13, 14, 20, 21, len(sealed) - 17, len(sealed) - 16, len(sealed) - 1]:
        changed = bytearray(sealed)
        changed[at] ^= 1 << chance.randrange(8)
        found.append(base64.urlsafe_b64encode(bytes(changed)).rstrip(b"="))
    found += [base64.urlsafe_b64encode(sealed[:size]).rstrip(b"=") for size in (0, 1, 12, 13, 28, 29, len(sealed) - 1)]
    found += [base64.urlsafe_b64encode(sealed + b"\0").rstrip(b"="), value.encode() + b"=", value.encode() + b"A"]
    found += [value.encode()[1:], value.swapcase().encode(), value.encode() * 2, b"A" * len(value), b"", b"=" * 40]
    found += [bytes(chance.randrange(1, 256) for _ in range(60)).replace(b"\r", b"").replace(b"\n", b"")]
    lines = [name.encode() + b"=" + each for each in found]
    return [
        b"Cookie: " + line
        for line in [
            *lines,
            f"__Host-{cookie}".encode(),
            f"RAY-HISTORY={value}".encode(),
            f" ray-history ={value}x".encode(),
            f"ray-history=x; {cookie}".encode(),
            b"; ".join(b"ray-history=%d" % number for number in range(500)),
            b";" * 3_000,
            b"=" * 3_000,
        ]
    ]


def of_headers(token: str, chance: random.Random) -> list[list[bytes]]:
    """Returns headers of tokens and proxies that are nobody's."""
    header, payload, signature = token.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    tokens = [
        f"{header}.{payload}.", f"{none}.{payload}.", f"{header}.{payload}.{signature[:-2]}AA",
        f"{header}..{signature}", token[1:], token.swapcase(), f"{token} {token}", f"{token},{token}", f'"{token}x"',
        "", " ", ".", "..",
        "A" * 16_384, "A" * 16_385, "\u00e9\u00e9\u00e9", "null", "undefined", "Bearer", "../../x", "%00", "${jndi:x}",
    ]  # fmt: skip
    lines = [[f"Authorization: Bearer {each}".encode("latin-1")] for each in tokens if each.strip() != token]
    lines += [[f"X-Ray-Authorization: Bearer {each}".encode("latin-1")] for each in tokens if each.strip() != token]
    lines += [
        [f"Authorization: {scheme} {token}".encode()] for scheme in ["Basic", "Token", "", "Bearer:", "Negotiate"]
    ]
    lines += [[b"Authorization: Bearer\xff\xfe"], [b"Authorization: \x80"], [b"Authorization:"]]
    proof, user = f"X-Ray-History-Proxy: {PROOF}".encode(), b"X-Auth-Request-Email: " + ANA.email.encode()
    lines += [
        [proof, b"X-Auth-Request-Email: \xff\xfe"], [proof, b"X-Auth-Request-Email: a\tb"], [proof, user, user],
        [proof, proof, user], [proof + b" x", user], [proof[:-1], user], [user], [proof],
        [proof, b"X-Auth-Request-Email:"],
        [proof, b"X-Auth-Request-Email: system:admin"], [proof, b"X-Auth-Request-Email: system:serviceaccount:a:b"],
        [proof, user, b"X-Auth-Request-Groups: a, system:masters"], [proof, user, b"X-Auth-Request-Groups: \xff"],
        [proof, user, b"X_Auth_Request_Email: x"], [proof, user, b"X-Auth_Request-Groups: x"],
        [proof.replace(b"-", b"_"), user], [b"X-Ray-History-Proxy: " + bytes(range(128, 200)), user],
    ]  # fmt: skip
    for _ in range(20):
        text = bytes(chance.choice(range(0x20, 0x100)) for _ in range(chance.randrange(200)))
        lines += [[b"Authorization: Bearer " + text], [b"X-Ray-History-Proxy: " + text, user], [b"Cookie: " + text]]
    return lines


def test_no_cookie_or_header_but_a_good_one_is_let_in(server, ana, cookie):
    chance = random.Random(19)  # noqa: S311  the same table each time
    assert raw(server, f"Cookie: {cookie}".encode()) == 200
    table = [[line] for line in of_cookies(cookie, chance)] + of_headers(ana, chance)
    assert len(table) > 120
    found = {}
    for lines in table:
        # Failures are counted by address: after many of them only waiting shows the rule behind.
        while (status := raw(server, *lines)) == 429:
            time.sleep(0.2)
        found.setdefault(status, []).append(lines)
    wrong = {status: lines[:3] for status, lines in found.items() if status not in {0, 400, 401, 431, 503}}
    assert not wrong, wrong
    assert len(found[401]) > len(table) / 2
    assert ask(server.url, "/livez").status == 200
    assert ask(server.url, WHOAMI, bearer(ana)).status == 200, "a good token is unharmed"
    assert "panicked" not in server.log.read_text(errors="replace")
