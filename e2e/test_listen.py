"""The listen address: the manifests' must work on pods of IPv4, of IPv6 and of both."""

import sys
from pathlib import Path

import pytest

from e2e.harness import manifests, without_ipv6
from e2e.harness.server import Server
from e2e.harness.service import get

EVERYWHERE = "[::]:0"


@pytest.fixture
def listening(bucket, tmp_path):
    """A server that is given another address after its own."""
    return Server(bucket, tmp_path / "log", f"--listen={EVERYWHERE}")


def test_the_manifests_listen_everywhere():
    deployments = [each for each in manifests.rendered({}) if each["kind"] == "Deployment"]
    deployments += [each for each in manifests.kustomized("default") if each["kind"] == "Deployment"]
    arguments = [each["spec"]["template"]["spec"]["containers"][0]["args"] for each in deployments]
    assert [[each for each in found if each.startswith("--listen")] for found in arguments] == [
        ["--listen=[::]:8080"],
        ["--listen=[::]:8080"],
    ]


def test_a_later_listen_argument_wins_and_serves_ipv4_and_ipv6(listening):
    with listening as server:
        port = server.url.rpartition(":")[2]
        assert server.url == f"http://[::]:{port}"
        for host in ["127.0.0.1", "[::1]"]:
            assert get(f"http://{host}:{port}/livez")[0] == 200, host


def test_a_kernel_without_ipv6_serves_ipv4_alone(listening):
    listening._command = [sys.executable, str(Path(without_ipv6.__file__)), *listening._command]  # noqa: SLF001
    with listening as server:
        assert server.url.startswith("http://0.0.0.0:")
        assert server.get("livez")[0] == 200
