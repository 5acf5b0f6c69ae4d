"""Fixtures of the tests of access: one control plane with two tenants, their tokens, and a server for each file."""

import pytest

from e2e.harness import tenants
from e2e.harness.control_plane import ControlPlane
from e2e.harness.tenants import ANA, BEN


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    """A control plane on which ray-history is installed with access."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        tenants.install(running)
        yield running


@pytest.fixture(scope="session")
def ana(plane) -> str:
    """A token of Ana's."""
    return ANA.token(plane)


@pytest.fixture(scope="session")
def ben(plane) -> str:
    """A token of Ben's."""
    return BEN.token(plane)


@pytest.fixture(scope="module")
def server(plane, bucket, dashboard, tmp_path_factory):
    """A server with all ways in."""
    with tenants.serving(plane, bucket, dashboard, tmp_path_factory.mktemp("server")) as running:
        yield running
