"""Rays of any version, each from PyPI in an environment of its own below .cache/."""

from pathlib import Path

from e2e.harness import processes
from e2e.harness.processes import REPOSITORY

INSTALL_SECONDS = 900


def ray_of(version: str, extras: str = "default", name: str = "") -> Path:
    """Returns the command line of a version. `name` tells an environment of other extras from that of the default."""
    venv = REPOSITORY / ".cache" / "ray" / (name or version)
    if not (venv / "stamp").is_file():
        requirements = venv.parent / f"{venv.name}.txt"
        requirements.parent.mkdir(parents=True, exist_ok=True)
        requirements.write_text(f"ray[{extras}]=={version}\n")
        processes.run([REPOSITORY / "scripts" / "make-venv", venv, requirements], timeout=INSTALL_SECONDS)
    return venv / "bin" / "ray"
