"""What the image is built from: the files that .dockerignore lets through are enough."""

import re
import shutil
import subprocess

from e2e.server import REPOSITORY


def test_the_files_that_are_let_through_are_a_whole_package(tmp_path):
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            for source in REPOSITORY.glob(line.removeprefix("!")):
                target = tmp_path / source.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                else:
                    shutil.copy(source, target)
    versions = subprocess.run(["rustc", "-vV"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    (host,) = re.findall(r"host: (\S+)", versions)
    # It fetches nothing, and reads the package as a build does.
    command = ["cargo", "fetch", "--locked", "--offline", f"--target={host}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for script in ["fetch-dashboard", "image-build"]:
        assert (tmp_path / "scripts" / script).is_file()
