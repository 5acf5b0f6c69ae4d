"""A real kube-apiserver with its etcd, on loopback ports of its own, and kubectl for it. Ended by process ids."""

import json
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.harness import processes
from e2e.harness.kubectl import Kubectl
from e2e.harness.loopback import free_ports
from e2e.harness.processes import REPOSITORY

START_SECONDS = 120


class ControlPlane(Kubectl):
    """A running control plane; a context manager. Nothing runs pods: there is no scheduler and no kubelet."""

    def __init__(self, directory: Path):
        super().__init__(program("kubectl"), directory / "admin.kubeconfig")
        self._directory = directory
        self._processes = {}

    def __enter__(self):
        directory = self._directory
        etcd, peer, self.port = free_ports(3)
        key, tokens = directory / "sa.key", directory / "tokens.csv"
        command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
        processes.run(command)
        token = secrets.token_hex(16)
        tokens.write_text(f'{token},admin,admin,"system:masters"\n')
        self._kubeconfig("admin", token)
        client, peers = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peer}"
        try:
            self._start(
                *("etcd", "--name=test", f"--data-dir={directory / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn"),
                *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
                *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
                f"--initial-cluster=test={peers}",
            )
            self._start(
                *("kube-apiserver", f"--etcd-servers={client}", f"--secure-port={self.port}"),
                *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--cert-dir={directory}"),
                *(f"--token-auth-file={tokens}", "--authorization-mode=RBAC"),
                *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
                "--service-account-issuer=https://kubernetes.default.svc",
                *("--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"),
                # Nothing here makes the ServiceAccounts that pods name.
                *("--disable-admission-plugins=ServiceAccount", "--shutdown-watch-termination-grace-period=2s"),
            )
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Kills its processes: nothing of it is kept."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()

    def _start(self, name: str, *flags: str):
        self._processes[name] = processes.start([program(name), *flags], self._directory / f"{name}.log")

    def stop_server(self):
        """Kills the API server, whose objects etcd keeps."""
        server = self._processes["kube-apiserver"]
        server.kill()
        server.wait()

    def start_server(self):
        """Starts the API server again, and waits until it is ready."""
        self._start("kube-apiserver", *self._processes["kube-apiserver"].args[1:])
        self._wait()

    def _wait(self):
        end = time.monotonic() + START_SECONDS
        certificate = self._directory / "apiserver.crt"
        while not certificate.exists() or self.kubectl("get", "--raw=/readyz", check=False).returncode != 0:
            for process in self._processes.values():
                assert process.poll() is None, self._tail()
            assert time.monotonic() < end, f"not ready within {START_SECONDS} s\n{self._tail()}"
            time.sleep(0.2)

    def _tail(self) -> str:
        logs = sorted(self._directory.glob("*.log"))
        return "\n".join(line for log in logs for line in log.read_text(errors="replace").splitlines()[-20:])

    def _kubeconfig(self, name: str, token: str, namespace: str = "default") -> Path:
        path = self._directory / f"{name}.kubeconfig"
        server = f"https://127.0.0.1:{self.port}"
        cluster = {"server": server, "certificate-authority": str(self._directory / "apiserver.crt")}
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
        }
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        return path

    def kubeconfig_of(self, namespace: str, account: str) -> Path:
        """Writes a kubeconfig with a ServiceAccount's own token."""
        return self._kubeconfig(f"{namespace}-{account}", self.token_of(namespace, account), namespace)

    def token_of(self, namespace: str, account: str, *flags: str) -> str:
        """Returns a new token of a ServiceAccount."""
        return self.kubectl("-n", namespace, "create", "token", account, *flags).stdout.strip()

    def define(self, *definitions: dict, applied: Iterable[dict] = ()):
        """Creates definitions, and waits until objects of theirs, and of those already applied, are accepted."""
        self.apply(*definitions)
        for definition in [*definitions, *applied]:
            spec = definition["spec"]
            version = next(version["name"] for version in spec["versions"] if version["served"])
            path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
            end = time.monotonic() + START_SECONDS
            while self.kubectl("get", f"--raw={path}", check=False).returncode != 0:
                assert time.monotonic() < end, f"{path} is not served"
                time.sleep(0.2)


def program(name: str) -> str:
    """Returns the path of a program of the control plane."""
    directory = Path(os.environ.get("KUBEBUILDER_ASSETS", REPOSITORY / ".cache" / "control-plane"))
    path = directory / name
    assert path.is_file(), f"{path} is missing: `make control-plane` builds it"
    return str(path)
