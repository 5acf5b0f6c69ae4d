"""One request, sent as it is, and all of its answer: status, headers and body."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

REFUSED_TEXT = "is forbidden: User"
"""Part of the text of a denial by access, and of no refusal of Ray's."""


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Returns the values of a header, or an empty text."""
        return ", ".join(value for known, value in self.headers if known == name)

    def cookies(self) -> list[str]:
        """Returns the values of `Set-Cookie`."""
        return [value for known, value in self.headers if known == "set-cookie"]

    def json(self):
        """Returns the body, which must be JSON."""
        return json.loads(self.body)

    def text(self) -> str:
        """Returns status, headers and body as one text."""
        head = "".join(f"{name}: {value}\n" for name, value in self.headers)
        return f"{self.status}\n{head}\n{self.body.decode(errors='replace')}"

    def comparable(self) -> tuple:
        """Returns what is the same in two answers to one `traceparent` that tell the same."""
        return self.status, sorted(each for each in self.headers if each[0] != "date"), self.body

    def is_denied(self) -> bool:
        """Returns True for a denial by access."""
        return self.status == 403 and REFUSED_TEXT in self.body.decode(errors="replace")


def ask(url: str, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes | None = None) -> Answer:
    """Sends a request with these headers and no others but `Host`. The path begins with `/`; follows no redirect."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def bearer(token: str) -> tuple[str, str]:
    """Returns the header of a token."""
    return "Authorization", f"Bearer {token}"
