"""Odd names in a store: what is listed can be opened."""

import urllib.parse

import pytest

from e2e.harness import bundle
from e2e.harness.server import Server, StoreServer
from e2e.hostile import quirky_s3

SESSION = "session_2026-11-22_23-11-33_821800_1"
ODD = ["..", ".", "a\\b", "new\nline", "esc\x1b[31m", "tab\there", "%2e%2e", "ünï", "a b", "a?b#c", "x" * 200, "..."]


@pytest.mark.parametrize("store", ["local", "s3"])
def test_what_is_listed_can_be_opened(tmp_path, store):
    root = tmp_path / "root"
    found = bundle.small(tmp_path / "cases")
    (whole,) = {path.parents[1] for path in found.glob(f"cluster-history/raycluster/*/*/{SESSION}/*")}
    objects = {}
    for name in ODD:
        for namespace, cluster in ((name, "c"), ("team", name)):
            key = f"cluster-metadata/raycluster/{namespace}_{cluster}/{SESSION}"
            objects[key] = b""
            for path in (whole / SESSION).rglob("*"):
                if path.is_file():
                    below = path.relative_to(whole)
                    objects[f"cluster-history/raycluster/{namespace}/{cluster}/{below}"] = path.read_bytes()
    if store == "s3":
        serving = quirky_s3.serve_objects(objects)
    else:
        for key, body in objects.items():
            if ".." in key.split("/") or "." in key.split("/"):
                continue
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    log = tmp_path / "log"
    if store == "s3":
        with serving as settings, StoreServer(settings, log) as server:
            opened(server)
    else:
        with Server(root, log) as server:
            opened(server)


def opened(server):
    items = server.json("api/history/v1/sessions?limit=1000")["sessions"]
    names = {name for item in items for name in (item["namespace"], item["cluster"])}
    assert {"ünï", "a b", "a?b#c", "..."} <= names
    assert not {"..", ".", "new\nline", "esc\x1b[31m"} & names
    for item in items:
        path = "/".join(urllib.parse.quote(item[part], safe="") for part in ("namespace", "cluster", "session"))
        status, _, body = server.get(f"sessions/{path}/api/v0/tasks")
        assert status == 200, (item, status, body[:300])
