"""The program on a free loopback port, ended by its own process id."""

import json
import os
import re
import time
from pathlib import Path

from e2e.harness import processes
from e2e.harness.bundle import Session
from e2e.harness.processes import REPOSITORY
from e2e.harness.service import Service

BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
BINARY = Path(os.environ.get("RAY_HISTORY_BIN", BUILT / "debug" / "ray-history"))
COLLECTOR = BINARY.parent / "ray-history-collect"
DASHBOARD = REPOSITORY / ".cache" / "dashboard" / "2.60.0"
SLOW_STORE = BINARY.parent / "examples" / "slow_store"
ADDRESS = re.compile(r"serving (http://[^/\s]+)/")
START_SECONDS = 30
STOP_SECONDS = 20


class Server(Service):
    """A running server; a context manager."""

    def __init__(
        self, bucket: Path, log: Path, *flags: str, started: str | None = None, environment: dict | None = None
    ):
        """`started` is the line of its log after which it counts as started; the group is its address."""
        self.log = log
        self._address = re.compile(started) if started else ADDRESS
        self._command = [str(BINARY), "serve", "--local-dir", str(bucket), "--listen", "127.0.0.1:0", *flags]
        self._environment = environment or {}

    def __enter__(self):
        self._process = processes.start(self._command, self.log, self._environment)
        try:
            self.url = self._wait_for_address()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(self, *_):
        """Asks it to end; it must end with status 0."""
        try:
            status = processes.stop(self._process, STOP_SECONDS)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail()}") from None
        assert status == 0, f"the server ended with status {status}\n{self.tail()}"

    def refuses(self, *reasons: str) -> str:
        """Starts it, and waits until it has ended for one of these reasons, or tried again and logged one twice.

        Returns its log. It must not have served.
        """
        self._process = processes.start(self._command, self.log, self._environment)
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                ended, text = self._process.poll() is not None, self.log.read_text(errors="replace")
                assert not self._address.search(text), f"it serves\n{self.tail()}"
                times = max(text.count(reason) for reason in reasons)
                if times > 1 or (ended and times):
                    return text
                assert not ended, f"it ended for another reason than {reasons}\n{self.tail()}"
                assert time.monotonic() < end, f"not within {START_SECONDS} s: {reasons}\n{self.tail()}"
                time.sleep(0.05)
        finally:
            self._process.kill()
            self._process.wait()

    def _wait_for_address(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if found := self._address.search(self.log.read_text(errors="replace")):
                return found[1] if "://" in found[1] else f"http://{found[1]}"
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{' '.join(self._command)} did not start serving\n{self.tail()}")

    def tail(self) -> str:
        """Returns the end of its log, for a failure's report."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])

    def memory(self, name: str) -> int:
        """Returns the bytes of a row of its status in /proc: `VmRSS` is resident memory, `VmHWM` its maximum so far."""
        return status_bytes(self._process.pid, name)


class StoreServer(Server):
    """A server of another store than a folder, by a document or by the arguments and variables of KubeRay's server."""

    def __init__(self, storage: dict, log: Path, **options):
        """`storage` is `spec.storage` of a RayHistory, or variables such as `S3_ENDPOINT`."""
        super().__init__(log.parent, log, **options)
        if "S3_ENDPOINT" in storage:
            arguments = ["--storage-backend", "s3"]
            self._environment |= storage
        else:
            file = log.with_suffix(".json")
            history = {"apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory", "metadata": {"name": "main"}}
            file.write_text(json.dumps({**history, "spec": {"storage": storage}}))
            arguments = ["--config", str(file)]
        at = self._command.index("--local-dir")
        self._command[at : at + 2] = arguments


class PortableServer(Server):
    """A server of portable files."""

    def __init__(self, files: list[Path], log: Path, *flags: str):
        super().__init__(log.parent, log, *flags)
        at = self._command.index("--local-dir")
        self._command[at : at + 2] = map(str, files)


class SlowServer(Server):
    """A server whose store adds a latency to each request."""

    def __init__(self, bucket: Path, log: Path, dashboard: Path, milliseconds: int, *states: Path):
        super().__init__(bucket, log)
        self._command = [str(SLOW_STORE), str(bucket), str(milliseconds), str(dashboard), *map(str, states)]


class WatchedServer(SlowServer):
    """A server that reads the states of sessions from a file, as if it watched Kubernetes."""

    def __init__(self, bucket: Path, log: Path, dashboard: Path):
        self._states = log.with_suffix(".states")
        super().__init__(bucket, log, dashboard, 0, self._states)

    def say(self, session: Session, state: str):
        """Sets the state of a session to live, dead or unknown, and makes all objects readable."""
        self._write(f"{session.path.removeprefix('sessions/')} {state}\n")
        end = time.monotonic() + START_SECONDS
        while self._state(session) != state:
            assert time.monotonic() < end, f"{session.path} is not {state}\n{self.tail()}"
            time.sleep(0.02)

    def breaks(self, *keys: str):
        """Makes these objects unreadable, and the state of all sessions unknown."""
        self._write("".join(f"{key} unreadable\n" for key in keys))

    def _state(self, session: Session) -> str:
        return next(
            each["state"] for each in self.sessions(limit="1000") if each["path"].strip("/") == session.path.strip("/")
        )

    def _write(self, states: str):
        new = self._states.with_suffix(".new")
        new.write_text(states)
        new.replace(self._states)


class Replica(Server):
    """A server with the arguments, environment and ServiceAccount of an installed Deployment, without a pod."""

    def __init__(self, deployment: dict, kubeconfig: Path, log: Path, dashboard: Path, environment: dict | None = None):
        super().__init__(Path(), log)
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        given = {"metadata.name": "replica", "metadata.namespace": deployment["metadata"]["namespace"]}
        for each in container["env"]:
            field = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            self._environment[each["name"]] = given[field] if field else each["value"]
        self._environment |= {"KUBECONFIG": str(kubeconfig), **(environment or {})}
        arguments = [
            re.sub(r"\$\((\w+)\)", lambda name: self._environment[name[1]], each) for each in container["args"]
        ]
        # These two are places of the pod.
        own = {"--listen": "127.0.0.1:0", "--dashboard-dir": str(dashboard)}
        assert set(own) < {each.partition("=")[0] for each in arguments}
        kept = [each for each in arguments if each.partition("=")[0] not in own]
        self._command = [str(BINARY), *kept, *(f"{name}={value}" for name, value in own.items())]


def status_bytes(pid: int, name: str) -> int:
    """Bytes of a row of a process's status in /proc."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def wait_until(so, seconds: float):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
