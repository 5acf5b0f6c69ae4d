"""The URLs of the program, read from its table of routes, filled with names."""

import re
from dataclasses import dataclass

from e2e.harness.processes import REPOSITORY

TABLE = REPOSITORY / "src" / "http" / "routes.rs"
ROW = re.compile(
    r'\b(row|api|file|dialog)\(\s*(?:"([^"]+)"|(BELOW_\w+)),\s*(Open|Document|Listing|Namespace|Logs|Cookie)\b'
)
SESSION = "/sessions/{namespace}/{cluster}/{session}"
BELOW = {"BELOW_SESSION": f"{SESSION}/{{below}}", "BELOW_ROOT": "/{below}"}
POSTING = {"/logout", "/api/authenticate"}


@dataclass(frozen=True)
class Url:
    """A row at one of its places."""

    pattern: str
    need: str
    is_entered: bool
    """True for a URL of the session in a client's cookies."""

    @property
    def method(self) -> str:
        return "POST" if self.pattern.removeprefix(SESSION) in POSTING else "GET"

    def path(self, names: dict[str, str]) -> str:
        """Returns the path with these names: namespace, cluster, session, service and id."""
        owner = names["service"] if self.pattern.startswith("/rayservices/") else names["cluster"]
        parts = {"{kind_or_cluster}": names["cluster"], "{name_or_session}": names["session"], "{name}": owner}
        parts |= {"{kind}": "raycluster", "{uid}": "u", "{below}": "js/none.js"}
        parts |= {f"{{{name}}}": value for name, value in names.items()}
        return "/".join(parts.get(part, part) for part in self.pattern.split("/"))


def urls() -> list[Url]:
    """Returns every URL once, in the order of the table."""
    text = TABLE.read_text()
    rows = [(row[1], row[2] or BELOW[row[3]], row[4]) for row in ROW.finditer(text)]
    assert len(rows) == len(re.findall(r"^    (?:row|api|file|dialog)\(", text, re.MULTILINE)) > 90, f"in {TABLE}"
    found = {}
    for family, pattern, need in rows:
        # The first row that matches answers.
        if family != "row":
            found.setdefault(f"{SESSION}{pattern}", Url(f"{SESSION}{pattern}", need, is_entered=False))
        found.setdefault(pattern, Url(pattern, need, is_entered=family != "row" or need == "Cookie"))
    return list(found.values())


def entered(names: dict[str, str]) -> tuple[str, str]:
    """Returns the header with the cookies that enter a session, as KubeRay's history server sets them."""
    cookies = {"cluster_namespace": "namespace", "cluster_name": "cluster", "session_name": "session"}
    return "Cookie", "; ".join(f"{cookie}={names[name]}" for cookie, name in cookies.items())
