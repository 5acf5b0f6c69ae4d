"""kubectl as an administrator of a cluster of the tests."""

import json
from pathlib import Path

from e2e.harness import processes


class Kubectl:
    """A cluster that is reached with a kubectl and a kubeconfig."""

    def __init__(self, program: Path | str, kubeconfig: Path, timeout: float = 120):
        self._program, self._timeout = program, timeout
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True):
        """Runs kubectl; `text` is its standard input."""
        command = [self._program, f"--kubeconfig={self.kubeconfig}", *arguments]
        return processes.run(command, input=text, succeeds=True if check else None, timeout=self._timeout)

    def get(self, *arguments: str) -> dict:
        """Returns objects as kubectl prints them in JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output=json").stdout)

    def apply(self, *objects: dict):
        """Creates or changes objects by server-side apply, which has no bound on their size."""
        self.kubectl("apply", "--server-side", "--filename=-", text=json.dumps(as_list(objects)))

    def tried(self, sent: dict) -> dict:
        """Returns an object as the API server would keep it, if it were created."""
        arguments = ["create", "--dry-run=server", "--validate=strict", "--filename=-", "--output=json"]
        return json.loads(self.kubectl(*arguments, text=json.dumps(sent)).stdout)

    def namespace(self, name: str, labels: dict | None = None):
        """Creates a namespace; not by server-side apply, after which kubectl warns where a manifest has it, too."""
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
        self.kubectl("apply", "--filename=-", text=json.dumps(namespace))


def as_list(objects) -> dict:
    """Returns objects as one list, which kubectl accepts."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}
