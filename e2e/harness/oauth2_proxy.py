"""The real oauth2-proxy, started exactly as config/oauth2-proxy says, between an Ingress and a server."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import manifests, processes
from e2e.harness.oidc import CLIENT
from e2e.harness.processes import REPOSITORY
from e2e.harness.service import get

PROGRAM = REPOSITORY / ".cache" / "oauth2-proxy" / "oauth2-proxy"
START_SECONDS = 20
STOP_SECONDS = 10


@dataclass(frozen=True)
class Places:
    """Texts that a person fills into the manifests, and what differs from a pod."""

    listen: str
    """The address on which it listens."""
    server: str
    issuer: str
    public: str
    """The URL by which browsers come."""


class OAuth2Proxy:
    """A running oauth2-proxy; a context manager.

    What a person fills in, and places of the pod, are replaced: each of these texts must be in the manifests.
    """

    def __init__(self, directory: Path, places: Places, proof: str):
        assert PROGRAM.is_file(), f"{PROGRAM} is missing: run scripts/oauth2-proxy"
        self.url = f"http://{places.listen}"
        self._log = directory / "oauth2-proxy.log"
        secret = {
            "clientId": CLIENT,
            "clientSecret": "e2e-client-secret",
            "cookieSecret": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "secret": proof,
        }
        objects = manifests.kustomized("oauth2-proxy")
        (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
        (config,) = [each for each in objects if each["kind"] == "ConfigMap"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        (mount,) = container["volumeMounts"]
        (directory / "alpha.yaml").write_text(
            filled(
                config["data"]["alpha.yaml"],
                {
                    "https://login.example.com": places.issuer,
                    "http://ray-history-server:8080": places.server,
                    '":4180"': f'"{places.listen}"',
                },
            )
        )
        arguments = filled(
            "\n".join(container["args"]),
            {
                "https://ray-history.example.com": places.public,
                "10.0.0.0/8": "127.0.0.0/8",
                mount["mountPath"]: str(directory),
            },
        )
        self._command = [PROGRAM, *arguments.split("\n")]
        self._environment = {
            each["name"]: secret[each["valueFrom"]["secretKeyRef"]["key"]] for each in container["env"]
        }

    def __enter__(self):
        self._process = processes.start(self._command, self._log, self._environment)
        processes.wait_until_up(self._process, lambda: get(f"{self.url}/ready")[0] == 200, self.tail, START_SECONDS)
        return self

    def __exit__(self, *_):
        processes.stop(self._process, STOP_SECONDS)

    def tail(self) -> str:
        """Returns the end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


def filled(text: str, replaced: dict[str, str]) -> str:
    """Returns a text of the manifests with the places of a test in it."""
    for old, new in replaced.items():
        assert old in text, f"config/oauth2-proxy has no {old}"
        text = text.replace(old, new)
    return text
