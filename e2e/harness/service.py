"""A server at a URL: the requests of the tests, and the program's own list of sessions."""

import json
import urllib.error
import urllib.request


class Service:
    """A server that is reached at `url`."""

    def __init__(self, url: str):
        self.url = url

    def get(self, path: str):
        """Returns status, content type and body of a GET."""
        return get(f"{self.url}/{path}")

    def json(self, path: str):
        """Returns the JSON answer to a GET that must succeed."""
        status, _, body = self.get(path)
        assert status == 200, f"{path}: {status} {body[:300]!r}"
        return json.loads(body)

    def sessions(self, **filters: str) -> list[dict]:
        """Returns the list of sessions."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return self.json(f"api/history/v1/sessions?{query}")["sessions"]


def get(url: str, timeout: float = 60):
    """Returns status, content type and body of a GET; status 0 and the reason if there was no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.headers.get("Content-Type") or "", answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type") or "", error.read()
    except OSError as error:
        return 0, "", str(error).encode()
