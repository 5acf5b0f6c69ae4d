"""Opens what both collectors stored of one session in KubeRay's history server, and compares its answers.

usage: python -m e2e.collect.compare.history_server --program PROGRAM --scene DIR

DIR is one that `python -m e2e.collect.compare` wrote. The server always takes port 8080, so it gets a network of its
own, and it asks Kubernetes for RayClusters, of which there are none.
"""

import argparse
import http.cookiejar
import json
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from e2e.harness import processes
from e2e.harness.loopback import Loopback
from e2e.harness.object_server import Answering
from e2e.harness.versitygw import Versitygw, variables
from e2e.recording.network import alone

from .peer import CLUSTER, NAMES, NAMESPACE

URL = "http://127.0.0.1:8080"
START_SECONDS = 30
JSON = {"Content_Type": "application/json"}
GROUP = "ray.io/v1"
WHAT = {
    "name": "rayclusters",
    "singularName": "raycluster",
    "namespaced": True,
    "kind": "RayCluster",
    "verbs": ["list"],
}
VERSION = {"groupVersion": GROUP, "version": "v1"}
KUBERNETES = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "ray.io", "versions": [VERSION], "preferredVersion": VERSION}],
    },
    "/api/v1": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []},
    f"/apis/{GROUP}": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [WHAT]},
    f"/apis/{GROUP}/rayclusters": {"kind": "RayClusterList", "apiVersion": GROUP, "metadata": {}, "items": []},
}


class NoClusters(Answering):
    """A Kubernetes without RayClusters."""

    def respond(self):
        path = self.path.partition("?")[0]
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        answer = KUBERNETES.get(path, missing)
        self.answer(404 if answer is missing else 200, json.dumps(answer).encode(), **JSON)


class HistoryServer:
    """KubeRay's server on a bucket; a context manager."""

    def __init__(self, program: Path, store: Versitygw, bucket: str, folder: Path, kubernetes: int):
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "it", "users": [{"name": "it", "user": {}}]}
        config["clusters"] = [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{kubernetes}"}}]
        config["contexts"] = [{"name": "it", "context": {"cluster": "it", "user": "it"}}]
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        self._log = folder / f"{bucket}.log"
        self._command = [program, "--storage-backend=s3", f"--kubeconfigs={kubeconfig}"]
        self._environment = variables(store.port, bucket)
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def __enter__(self):
        self._process = processes.start(self._command, self._log, self._environment)
        deadline = time.monotonic() + START_SECONDS
        while self.get("/readz")[0] != 200:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with self._opener.open(URL + path, timeout=300) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def told(self, path: str, *at: str, status: int = 200):
        """Returns a part of an answer; what went wrong if it is not as it should be."""
        got, body = self.get(path)
        if got != status:
            return f"{got} {body[:200].decode(errors='replace')}"
        value = json.loads(body)
        for each in at:
            value = value[each]
        return value


def questions(server: HistoryServer, session: str, nodes: list[str]) -> dict:
    """Returns what the server tells of a session: numbers and sizes, which both buckets should agree about."""
    told = {}
    listed = server.told("/clusters")
    told["listed"] = [row["sessionName"] for row in listed] if isinstance(listed, list) else listed
    told["entered"] = server.told(f"/enter_cluster/{NAMESPACE}/raycluster/{CLUSTER}/{session}", "result")
    if told["entered"] != "success":
        return told
    summary = server.told("/nodes?view=summary", "data", "summary")
    told["nodes"] = sorted((row["raylet"]["nodeId"], row["raylet"]["state"]) for row in summary)
    for node in nodes:
        told[f"node {node[:6]}"] = server.told(f"/nodes/{node}", "msg")
        logs = server.told(f"/api/v0/logs?node_id={node}", "data", "result")
        names = sorted(name for group in logs.values() for name in group)
        told[f"logs of {node[:6]}"] = len(names)
        bodies = [
            server.get(f"/api/v0/logs/file?node_id={node}&filename={name}&lines=-1")
            for name in names
            if name[-1] != "/"
        ]
        told[f"logs that open of {node[:6]}"] = sum(status == 200 for status, _ in bodies)
        told[f"their bytes of {node[:6]}"] = sum(len(body) for status, body in bodies if status == 200)
    tasks = server.told("/api/v0/tasks?detail=1&limit=10000", "data", "result")
    told["tasks"] = [tasks["total"], len(tasks["result"])] if isinstance(tasks, dict) else tasks
    told["summarized tasks"] = server.told(
        "/api/v0/tasks/summarize", "data", "result", "result", "node_id_to_summary", "cluster", "total_tasks"
    )
    told["timeline"] = len(server.told("/api/v0/tasks/timeline"))
    told["jobs"] = sorted(str(job["job_id"]) for job in server.told("/api/jobs/"))
    told["actors"] = len(server.told("/logical/actors", "data", "actors"))
    told["events"] = {job: len(rows) for job, rows in server.told("/events", "data", "events").items()}
    told["cluster status"] = server.get("/api/cluster_status?format=1")[0]
    for path in ("/timezone", "/api/v0/cluster_metadata", "/api/serve/applications/", "/api/version"):
        told[path] = server.get(path)[0]
    return told


def main():
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--scene", type=Path, required=True)
    arguments = parser.parse_args()
    alone("e2e.collect.compare.history_server")
    seen = json.loads((arguments.scene / "seen.json").read_text())
    nodes = [node["id"] for node in seen["nodes"]]
    told = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Loopback(NoClusters) as kubernetes,
        Versitygw((arguments.scene / "store").absolute(), NAMES) as store,
    ):
        for name in NAMES:
            with HistoryServer(arguments.program.absolute(), store, name, Path(folder), kubernetes.port) as server:
                told[name] = questions(server, seen["session"], nodes)
    print(f"{'':40} {NAMES[0]:40} {NAMES[1]}")
    for what in max(told.values(), key=len):
        print(f"{what:40} {told[NAMES[0]].get(what)!s:40} {told[NAMES[1]].get(what)}")


if __name__ == "__main__":
    main()
