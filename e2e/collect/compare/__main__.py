"""Plays scenes with both collectors beside one Ray session, and prints what each lost and what it cost.

usage: python -m e2e.collect.compare --ours PROGRAM --kuberay PROGRAM --into DIR [--first ours|kuberay] SCENE
"""

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
from pathlib import Path

from e2e.harness import processes
from e2e.recording.network import alone

from .peer import NAMES, OURS
from .scene import SCENES, run

RAY = Path(sys.executable).parent / "ray"


def main():
    processes.alone()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--kuberay", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--first", choices=NAMES, default=OURS, help="the collector whose answers Ray gets")
    parser.add_argument("--seconds", type=float, help="another length of the scene")
    parser.add_argument("--rate", type=float, help="other tasks a second")
    parser.add_argument("scene", choices=SCENES)
    arguments = parser.parse_args()
    alone("e2e.collect.compare")
    changes = {name: getattr(arguments, name) for name in ("seconds", "rate") if getattr(arguments, name) is not None}
    scene = dataclasses.replace(SCENES[arguments.scene], **changes)
    programs = {"ours": arguments.ours.absolute(), "kuberay": arguments.kuberay.absolute()}
    arguments.into.mkdir(parents=True, exist_ok=True)
    # Sockets have short paths only.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        seen = run(scene, programs, RAY, folder, arguments.first)
    finally:
        shutil.copytree(folder / "store", arguments.into / "store", dirs_exist_ok=True)
        for log in folder.glob("s[0-9]*/*/*.log"):
            shutil.copy(log, arguments.into / f"{log.parent.name}-{log.name}")
        shutil.rmtree(folder, ignore_errors=True)
    seen = {"scene": dataclasses.asdict(scene), "first": arguments.first, **seen}
    (arguments.into / "seen.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
