"""Two tenants of one bucket, each with a namespace and a session, and a server that asks an API server about them."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.answer import ask
from e2e.harness.bundle import MIXED, SERVICE, Session
from e2e.harness.control_plane import ControlPlane
from e2e.harness.manifests import CONFIG, NAMESPACE
from e2e.harness.server import Replica, wait_until

DEFINITION = "rayhistories.history.ray.io"
VIEWER = "ray-history-rayhistory-viewer"
"""The role of config/rbac that is added to `view`; nothing here aggregates roles, so it is bound itself."""
PROOF = "e2e-proof-of-the-proxy-51c7"
"""The text by which the proxy proves itself."""
KEY = base64.b64encode(bytes(range(32))).decode()
"""The key of cookies."""
WAYS = {
    "tokens": {},
    "login": {"keySecretRef": {"name": "ray-history-session"}},
    "proxy": {
        "usernamePrefix": "oidc:",
        "groupsPrefix": "oidc:",
        "trust": {"secretRef": {"name": "ray-history-proxy"}},
    },
}
"""All ways in, as docs/access.md has them."""


@dataclass(frozen=True)
class Tenant:
    """A person who may see the sessions of one namespace."""

    name: str
    session: Session
    at_the_provider: str
    """Subject of the RoleBinding for whoever signs in at the identity provider."""

    @property
    def names(self) -> tuple[str, str, str]:
        """Namespace, cluster and session."""
        namespace, cluster, session = self.session.path.split("/")[1:]
        return namespace, cluster, session

    @property
    def namespace(self) -> str:
        return self.names[0]

    @property
    def user(self) -> str:
        """The name of the person's ServiceAccount as a user."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def email(self) -> str:
        """The person's name at the identity provider."""
        return f"{self.name}@example.com"

    def token(self, plane: ControlPlane, *flags: str) -> str:
        """Returns a new token of the person."""
        return plane.token_of(self.namespace, self.name, *flags)


BEN_S_GROUP = "serving-readers"
"""At the identity provider, Ben may see his sessions as a member of this group; Ana by her name."""
ANA = Tenant("ana", MIXED, "--user=oidc:ana@example.com")
BEN = Tenant("ben", SERVICE, f"--group=oidc:{BEN_S_GROUP}")
TENANTS = [ANA, BEN]


def install(plane: ControlPlane):
    """Applies what docs/access.md applies, and makes the tenants."""
    plane.kubectl("apply", f"--kustomize={CONFIG / 'default'}")
    plane.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=60s")
    plane.kubectl("apply", f"--kustomize={CONFIG / 'access'}")
    for name, key, value in [("ray-history-session", "key", KEY), ("ray-history-proxy", "secret", PROOF)]:
        plane.kubectl("-n", NAMESPACE, "create", "secret", "generic", name, f"--from-literal={key}={value}")
    for tenant in TENANTS:
        plane.namespace(tenant.namespace)
        plane.kubectl("-n", tenant.namespace, "create", "serviceaccount", tenant.name)
        bind(plane, tenant)


def bind(plane: ControlPlane, tenant: Tenant):
    """Lets a tenant see the sessions of the own namespace, with a token and by single sign-on."""
    subjects = [f"--serviceaccount={tenant.namespace}:{tenant.name}", tenant.at_the_provider]
    plane.kubectl("-n", tenant.namespace, "create", "rolebinding", "viewers", f"--clusterrole={VIEWER}", *subjects)


@contextmanager
def serving(plane: ControlPlane, bucket: Path, dashboard: Path, scratch: Path, **options) -> Iterator[Replica]:
    """Runs the program as the installed Deployment says, with access on.

    `options` are `authentication`, `cache` (of access) and `environment`.
    """
    access = {"mode": "Kubernetes", "authentication": options.get("authentication", WAYS)}
    access |= {"cache": options["cache"]} if "cache" in options else {}
    history = {
        "apiVersion": "history.ray.io/v1alpha1",
        "kind": "RayHistory",
        "metadata": {"name": "main", "namespace": NAMESPACE},
        "spec": {"storage": {"local": {"path": str(bucket)}}, "redaction": "ByRole", "access": access},
    }
    # Not server-side apply, which would keep the ways in of an earlier file.
    plane.kubectl("apply", "--filename=-", text=json.dumps(history))
    deployment = plane.get("deployment", "ray-history-server", f"--namespace={NAMESPACE}")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    kubeconfig = plane.kubeconfig_of(NAMESPACE, account)
    with Replica(deployment, kubeconfig, scratch / "log", dashboard, options.get("environment")) as server:
        wait_until(lambda: ask(server.url, "/readyz").status == 200, 60)
        assert ask(server.url, "/api/history/v1/whoami").status == 401, server.tail()
        yield server
