"""The tests see nothing of the user's environment, and do the same in any."""

import json
import locale
import re
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import BINARY

FOREIGN = re.compile(
    r"(ALIBABA|ALL|AWS|AZURE|BOTO|CLOUDSDK|FTP|GCE|GCLOUD|GCP|GOOGLE|HELM|HTTPS?|KUBE|KUBERNETES|LC|NO_PROXY|OSS"
    r"|OTEL|RAY|S3|SSL|XDG)(_|[A-Z0-9]*$).*",
    re.IGNORECASE,
)
ELSEWHERE = {
    "harness/processes.py",
    "harness/without_ipv6.py",
    "recording/cluster.py",
    "recording/collector.py",
    "recording/network.py",
}
"""Files that start programs by themselves: the one that all others use, tools that give each an environment of its
own, and a program that becomes another."""
SELECTED = [
    "test_isolation.py::test_nothing_of_the_user_s_is_seen",
    "test_cli.py::test_the_environment_can_name_the_session",
    "test_s3_quirks.py::test_a_listing_is_read_to_its_end[none]",
]


def hostile(folder: Path) -> dict[str, str]:
    """Returns an environment that breaks every program that reads it."""
    home = folder / "home"
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text("0123456789abcdef" * 2)
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("no profile\n")
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    proxies = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    return {
        **dict.fromkeys(proxies, f"http://{nowhere}"),
        "HOME": str(home),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "nobody",
        "AWS_ENDPOINT_URL": f"http://{nowhere}",
        "AWS_PROFILE": "nope",
        "AWS_REGION": "nowhere-1",
        "AZURE_CLIENT_ID": "nobody",
        "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "none.json"),
        "KUBECONFIG": str(folder / "none"),
        "LC_ALL": "tr_TR.UTF-8",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{nowhere}",
        "RAY_ADDRESS": nowhere,
        "RAY_AUTH_MODE": "token",
        "RAY_HISTORY_LISTEN": nowhere,
        "S3_BUCKET": "none",
        "TZ": "Asia/Kathmandu",
    }


def test_nothing_of_the_user_s_is_seen():
    printed = processes.run([sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]).stdout
    for seen in (processes.INHERITED, json.loads(printed)):
        assert not [name for name in seen if FOREIGN.fullmatch(name) and not name.startswith(processes.KNOBS)]
    secrets = [".aws/credentials", ".azure", ".config/gcloud", ".kube/config", ".ray/auth_token"]
    assert not [name for name in secrets if (Path.home() / name).exists()]
    assert urllib.request.getproxies() == {}
    assert time.tzname == ("UTC", "UTC")
    assert locale.setlocale(locale.LC_CTYPE) == "C.UTF-8"


def test_what_is_foreign_is_recognised(tmp_path):
    assert [name for name in hostile(tmp_path) if not FOREIGN.fullmatch(name)] == ["HOME", "TZ"]


def test_a_hostile_environment_changes_nothing(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--basetemp={tmp_path / 'inner'}",
        *(f"e2e/{test}" for test in SELECTED),
    ]
    own = {"RAY_HISTORY_BIN": str(BINARY), **hostile(tmp_path)}
    printed = processes.run(command, own=own, cwd=REPOSITORY, timeout=300).stdout
    assert f"{len(SELECTED)} passed" in printed


def test_a_process_that_fails_shows_what_it_printed():
    script = "import sys; print('before'); sys.exit('the reason')"
    with pytest.raises(AssertionError, match=r"(?s)status 1.*before.*the reason"):
        processes.run([sys.executable, "-c", script])
    with pytest.raises(AssertionError, match=r"(?s)did not end.*before"):
        processes.run([sys.executable, "-u", "-c", "import time; print('before'); time.sleep(60)"], timeout=2)


def test_every_process_is_started_in_one_place():
    starts = re.compile(r"^\s*(import|from) subprocess\b|\bos\.(exec|popen|posix_spawn|spawn|system)", re.MULTILINE)
    folder = REPOSITORY / "e2e"
    found = {str(file.relative_to(folder)) for file in folder.rglob("*.py") if starts.search(file.read_text())}
    assert found == ELSEWHERE, "processes.run and processes.start give a process its environment"


def test_a_python_environment_outlives_a_checkout_that_links_to_it(tmp_path):
    own, link, nothing = tmp_path / "own", tmp_path / "link", tmp_path / "nothing.txt"
    own.mkdir()
    link.symlink_to(own)
    nothing.touch()
    processes.run([REPOSITORY / "scripts" / "make-venv", link / "venv", nothing])
    link.unlink()
    assert "pip" in processes.run([own / "venv" / "bin" / "pip", "--version"]).stdout
