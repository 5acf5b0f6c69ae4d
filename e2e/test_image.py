"""The context of the image: the files that .dockerignore lets through are enough."""

import re
import shutil

from e2e.harness import processes
from e2e.harness.processes import REPOSITORY


def test_the_files_in_the_image_s_context_are_a_whole_package(tmp_path):
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            for source in REPOSITORY.glob(line.removeprefix("!")):
                target = tmp_path / source.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                else:
                    shutil.copy(source, target)
    versions = processes.run(["rustc", "-vV"], cwd=REPOSITORY).stdout
    (host,) = re.findall(r"host: (\S+)", versions)
    # It fetches nothing, and reads the package as a build does.
    command = ["cargo", "fetch", "--locked", "--offline", f"--target={host}"]
    processes.run(command, cwd=tmp_path)
    for script in ["fetch-dashboard", "image-build"]:
        assert (tmp_path / "scripts" / script).is_file()
