"""An installation in the cluster: the server's namespace, what it reads, and how it says that it is ready."""

from e2e.cluster import bucket
from e2e.cluster.node import Node, wait_for

SECRET = "ray-history-storage"  # noqa: S105  the name of one
SPEC = {
    "storage": {
        "s3": {
            "bucket": bucket.NAME,
            "region": bucket.REGION,
            "endpoint": bucket.URL,
            "forcePathStyle": True,
            "credentialsSecretRef": {"name": SECRET},
        }
    }
}


def configure(node: Node, namespace: str):
    """Names the bucket, as step 3 of docs/install.md does."""
    secret = {"accessKeyId": bucket.KEY, "secretAccessKey": bucket.SECRET}
    metadata = {"name": SECRET, "namespace": namespace}
    node.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret},
        {
            "apiVersion": "history.ray.io/v1alpha1",
            "kind": "RayHistory",
            "metadata": {"name": "main", "namespace": namespace},
            "spec": SPEC,
        },
    )


def wait_until_ready(node: Node, namespace: str, deployment: str, seconds: int = 180):
    """Waits for the object, both replicas, and the Service of the same name: kube-proxy is told of them last."""
    node.kubectl("-n", namespace, "wait", "--for=condition=Ready", "rh/main", f"--timeout={seconds}s")
    node.kubectl("-n", namespace, "rollout", "status", f"deployment/{deployment}", f"--timeout={seconds}s")
    service = node.service(namespace, deployment)
    wait_for(f"the Service {deployment}", lambda: service.get("readyz")[0] == 200, 30)


def running(node: Node, namespace: str) -> list[dict]:
    """Returns the server's pods that are not on their way out."""
    pods = node.get("pods", f"--namespace={namespace}", "--selector=app.kubernetes.io/component=server")["items"]
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
