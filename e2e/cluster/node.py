"""The cluster that `make test-cluster` has brought up: its kubectl, its store, and what is asked of a Service."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from e2e.cluster.bucket import Bucket
from e2e.cluster.rayjobs import STORE
from e2e.harness import processes
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import get

CACHE = REPOSITORY / ".cache" / "cluster"
RELEASE = REPOSITORY / "target" / "release-files"
"""What `make release` wrote: the tests install from these files, and from nothing else."""


class Node:
    """A running cluster of one node."""

    def __init__(self):
        self.kubeconfig = CACHE / "state" / "pki" / "admin.kubeconfig"
        assert self.kubeconfig.is_file(), "no cluster is up: `make test-cluster` brings one up, and runs these tests"

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True):
        """Runs kubectl as an administrator; `text` is its standard input."""
        command = [CACHE / "bin" / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        return processes.run(command, input=text, succeeds=True if check else None, timeout=400)

    def get(self, *arguments: str) -> dict:
        """Returns objects as kubectl prints them in JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output=json").stdout)

    def find(self, *arguments: str) -> dict | None:
        """Returns an object that may not exist yet."""
        printed = self.kubectl("get", *arguments, "--ignore-not-found", "--output=json").stdout
        return json.loads(printed) if printed else None

    def apply(self, *objects: dict):
        """Creates or changes objects."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--filename=-", text=json.dumps(document))

    def namespace(self, name: str, labels: dict | None = None):
        """Creates a namespace."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})

    def import_image(self, archive: Path):
        """Gives an image to containerd, as docs/install.md says."""
        socket = CACHE.resolve() / "state" / "containerd.sock"
        command = [shutil.which("ctr"), "--address", str(socket), "-n", "k8s.io", "images", "import", str(archive)]
        return processes.run(command)

    def service(self, namespace: str, name: str) -> "Service":
        """Returns a Service by its cluster address, which this machine reaches."""
        spec = self.get("service", name, f"--namespace={namespace}")["spec"]
        return Service(f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}")

    def bucket(self) -> Bucket:
        """Returns the bucket of the store in the cluster."""
        return Bucket(self.service("store", "store").url, "ray", STORE["STORE_KEY"], STORE["STORE_SECRET"])


class Service:
    """What answers at an address."""

    def __init__(self, url: str):
        self.url = url

    def get(self, path: str):
        """Returns status, content type and body."""
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


def wait_for(what: str, found: Callable, seconds: float):
    """Waits until something is found, and returns it."""
    end = time.monotonic() + seconds
    while not (last := found()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return last
