"""The cluster that `make test-cluster` has brought up: its containerd, its Services, its store."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from e2e.cluster.bucket import Bucket
from e2e.harness import processes
from e2e.harness.kubectl import Kubectl
from e2e.harness.processes import REPOSITORY
from e2e.harness.service import Service

CACHE = REPOSITORY / ".cache" / "cluster"
RELEASE = REPOSITORY / "target" / "release-files"
"""What `make release` wrote: the tests install from these files, and from nothing else."""


class Node(Kubectl):
    """A running cluster of one node."""

    def __init__(self):
        super().__init__(CACHE / "bin" / "kubectl", CACHE / "state" / "pki" / "admin.kubeconfig", timeout=400)
        assert self.kubeconfig.is_file(), "no cluster is up: `make test-cluster` brings one up, and runs these tests"

    def import_image(self, archive: Path):
        """Gives an image to containerd, as docs/install.md says."""
        socket = CACHE.resolve() / "state" / "containerd.sock"
        command = [shutil.which("ctr"), "--address", str(socket), "-n", "k8s.io", "images", "import", str(archive)]
        return processes.run(command)

    def service(self, namespace: str, name: str) -> Service:
        """Returns a Service by its cluster address, which this machine reaches."""
        spec = self.get("service", name, f"--namespace={namespace}")["spec"]
        return Service(f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}")

    def bucket(self) -> Bucket:
        """Returns the bucket of the store in the cluster."""
        return Bucket(self.service("store", "store").url)


def wait_for(what: str, found: Callable, seconds: float):
    """Waits until something is found, and returns it."""
    end = time.monotonic() + seconds
    while not (last := found()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return last
