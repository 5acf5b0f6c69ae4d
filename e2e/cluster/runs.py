"""Runs of RayJobs in the cluster, and their sessions as the server shows them."""

from dataclasses import dataclass, field

from e2e.cluster import installation, rayjobs
from e2e.cluster.node import Node, wait_for
from e2e.harness import manifests
from e2e.harness.service import Service

START_SECONDS = 180
END_SECONDS = 300
DELETION_SECONDS = 120
STORED_SECONDS = 60


@dataclass
class Run:
    """A RayJob whose cluster has a live session."""

    node: Node
    history: Service
    namespace: str
    name: str
    cluster: str
    session: str
    """Below the server: sessions/NAMESPACE/CLUSTER/SESSION."""
    status: dict = field(default_factory=dict)
    """That of the RayJob at its end."""

    @property
    def item(self) -> dict:
        """Its line in the list of sessions; each replica lists it at its own time."""

        def found() -> dict | None:
            listed = self.history.sessions(namespace=self.namespace, cluster=self.cluster)
            return next((each for each in listed if each["path"].strip("/") == self.session), None)

        return wait_for(f"{self.session} in the list", found, STORED_SECONDS)

    @property
    def report(self) -> dict:
        """What the server says of the session."""
        return self.history.json(f"api/history/v1/{self.session}")

    def end(self):
        """Waits until the RayJob has ended, and keeps its status.

        A head that was too slow for its probe has started again before the job did: the newest session has the job.
        """

        def status() -> dict | None:
            found = self.node.get("rayjob", self.name, f"--namespace={self.namespace}").get("status", {})
            return found if found.get("jobDeploymentStatus") in ("Complete", "Failed") else None

        self.status = wait_for(f"the end of {self.name}", status, END_SECONDS)
        self.session = self.history.sessions(namespace=self.namespace, cluster=self.cluster)[0]["path"].strip("/")

    def delete(self, kind: str):
        """Deletes the RayJob or its RayCluster, and does not wait."""
        name = {"rayjob": self.name, "raycluster": self.cluster}[kind]
        self.node.kubectl("-n", self.namespace, "delete", kind, name, "--wait=false")

    def in_worker(self, *command: str):
        """Runs a command in the Ray container of its worker."""
        selector = f"--selector=ray.io/cluster={self.cluster},ray.io/node-type=worker"
        (worker,) = self.node.get("pods", f"--namespace={self.namespace}", selector)["items"]
        container = f"--container={worker['spec']['containers'][0]['name']}"
        self.node.kubectl("-n", self.namespace, "exec", worker["metadata"]["name"], container, "--", *command)

    def without_pods(self):
        """Waits until all pods of the cluster are gone."""
        selector = f"--selector=ray.io/cluster={self.cluster}"
        wait = ["wait", "pods", selector, "--for=delete", f"--timeout={DELETION_SECONDS}s"]
        self.node.kubectl("-n", self.namespace, *wait)

    def ask_one_replica(self):
        """Asks the same replica from now on: the other one looks at the bucket at its own times."""
        pod = installation.running(self.node, manifests.NAMESPACE)[0]
        self.history = Service(f"http://{pod['status']['podIP']}:8080")

    def proved(self) -> dict:
        """Waits until every node has closed its manifest or is known to have ended, and returns the report.

        From then on one replica is asked.
        """
        self.ask_one_replica()

        def report() -> dict | None:
            found = self.report
            alive = [limit for limit in found.get("proof", {}).get("limits", []) if limit["alive"]]
            return found if found.get("proof") and not alive else None

        return wait_for(f"a proof of {self.name}", report, STORED_SECONDS)

    def has_data(self) -> bool:
        """Returns whether something is stored: a session that is listed by its marker answers 503 until then."""
        return self.history.get(f"{self.session}/api/v0/tasks?limit=1")[0] == 200

    def rows(self, kind: str) -> list[dict]:
        """All rows of a table of the dashboard."""
        return self.history.json(f"{self.session}/api/v0/{kind}?detail=1&limit=10000")["data"]["result"]["result"]

    def logs(self, node_id: str) -> list[str]:
        """The names of a node's logs."""
        groups = self.history.json(f"{self.session}/api/v0/logs?node_id={node_id}&glob=*")["data"]["result"]
        return sorted({name for group in groups.values() for name in group})

    def log(self, node_id: str, name: str) -> str:
        """A log, whole."""
        url = f"{self.session}/api/v0/logs/file?node_id={node_id}&filename={name}&lines=-1"
        status, _, body = self.history.get(url)
        assert status == 200, f"{name}: {status} {body[:300]!r}"
        return body.decode()

    def lines(self, prefix: str) -> list[str]:
        """The lines of all logs of all nodes whose names begin with a prefix."""
        ids = [each["node_id"] for each in self.rows("nodes")]
        found = [(each, name) for each in ids for name in self.logs(each) if name.startswith(prefix)]
        return [line for each, name in found for line in self.log(each, name).splitlines()]


def cluster_of(node: Node, namespace: str, name: str) -> str | None:
    """The name of the RayCluster of a RayJob, once it has one."""
    return node.get("rayjob", name, f"--namespace={namespace}").get("status", {}).get("rayClusterName")


def start(node: Node, history: Service, rayjob: dict) -> Run:
    """Creates a RayJob as it is, and waits for its live session."""
    namespace, name = rayjob["metadata"]["namespace"], rayjob["metadata"]["name"]
    node.apply(rayjob)
    cluster = wait_for(f"the cluster of {name}", lambda: cluster_of(node, namespace, name), START_SECONDS)
    # It is found when its head is ready, if something of it is stored by then.
    listed = wait_for(
        f"a session of {name}", lambda: history.sessions(namespace=namespace, cluster=cluster), START_SECONDS
    )
    return Run(node, history, namespace, name, cluster, listed[0]["path"].strip("/"))


def collected(node: Node, history: Service, rayjob: dict) -> Run:
    """Creates a RayJob with the component of `config/collector`, and waits for its live session."""
    return start(node, history, rayjobs.collected(node, rayjob))
