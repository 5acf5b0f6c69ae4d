"""`ray-history list` and `open`, of a server and of a store; and what all commands have in common."""

import json
import os
import re
import shutil
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from e2e.harness import bundle, collected, processes
from e2e.harness.bundle import MIXED, SERVICE
from e2e.harness.loopback import Loopback
from e2e.harness.server import BINARY, Server
from e2e.hostile import quirky_s3

NAMES = [session.path.removeprefix("sessions/") for session in (SERVICE, MIXED)]
"""The sessions of the server, the newest first."""
MIXED_HEAD = bundle.SMALL_NODE
"""The small session is a part of this one."""


def run(*arguments, **environment):
    """Runs the program with this in its environment."""
    return processes.run([BINARY, *arguments], own=environment, succeeds=None)


def listed(*arguments, **environment) -> str:
    """Returns the output of `list`, which must find something and say nothing else."""
    done = run("list", *arguments, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def at(server) -> dict[str, str]:
    """Variables that name the server."""
    return {"RAY_HISTORY_SERVER": server.url}


def test_the_table_has_what_people_named_and_fits_a_terminal(at):
    titles, *rows = listed(**at).splitlines()
    assert titles.split("  ")[0] == "NAMESPACE"
    assert [row.split()[:3] for row in rows] == [
        ["ml-serving", "rayservice/recsys", "ended"],
        ["ml-team", "raycluster/raycluster-mixed", "ended"],
    ]
    starts = {row.rindex("2026-11-2") for row in rows}
    assert starts == {titles.index("STARTED (HEAD CLOCK)")}
    assert max(map(len, [titles, *rows])) <= 80
    assert not [row for row in rows if row != row.rstrip()]
    wide = listed("-o", "wide", **at)
    assert re.findall(r"session_\S+", wide) == [name.split("/")[2] for name in NAMES]


def test_the_json_is_the_server_s(at, server):
    assert json.loads(listed("-o", "json", **at)) == server.json("api/history/v1/sessions")
    one = run("list", "-o", "json", "--limit", "1", "--server", server.url + "/")
    assert json.loads(one.stdout) == server.json("api/history/v1/sessions?limit=1")
    assert one.stderr == "ray-history: 1 of 2 sessions are listed; --limit lists more\n"


FILTERS = [
    (["-n", "ml-team"], NAMES[1:]),
    (["--cluster", "raycluster-mixed"], NAMES[1:]),
    (["--owner", "recsys"], NAMES[:1]),
    (["--owner", "rayservice/"], NAMES[:1]),
    (["--owner", "rayjob/recsys"], []),
    (["--state", "unknown"], NAMES),
    (["--state", "live"], []),
    (["--since", "2026-11-23"], NAMES[:1]),
    (["--until", "2026-11-23T00:00:00Z"], NAMES[1:]),
    (["RECSYS", "serving"], NAMES[:1]),
    (["recsys", "mixed"], []),
]


@pytest.mark.parametrize("where", ["server", "store"])
@pytest.mark.parametrize(("filters", "names"), FILTERS, ids=lambda each: " ".join(each) if each else "none")
def test_filters_are_those_of_the_api(at, bucket, where, filters, names):
    place = [] if where == "server" else ["--local-dir", bucket]
    done = run("list", *place, "-o", "name", *filters, **at)
    assert done.stdout.splitlines() == names, done.stderr
    assert done.returncode == (0 if names else 1)
    assert bool(done.stderr) == (not names)


def test_a_name_of_the_list_is_one_for_open_and_logs(at, server):
    for name in listed("-o", "name", **at).split():
        link = run("open", name, **at)
        assert link.stdout == f"{server.url}/sessions/{name}/\n"
        assert link.returncode == 0
        assert run("logs", "download", "--dry-run", name, **at).returncode == 0


def test_open_prints_the_link_of_the_newest_session(at, server):
    for name, session in [
        ("rayservice/ml-serving/recsys", SERVICE),
        ("raycluster/ml-team/raycluster-mixed", MIXED),
        ("submission/ml-serving/serve-deploy", SERVICE),
        ("ml-team/raycluster-mixed/latest", MIXED),
    ]:
        done = run("open", name, **at)
        link = done.stdout.strip()
        assert link == f"{server.url}/{session.path}/", done.stderr
        status, kind, _ = server.get(link.removeprefix(server.url + "/"))
        assert (status, kind) == (200, "text/html; charset=utf-8")
    for missing in ["rayjob/ml-team/none", "ml-team/none/session_2026-11-22_23-11-33_821800_9153"]:
        done = run("open", missing, **at)
        assert (done.returncode, done.stdout) == (1, "")
        assert "404" in done.stderr


def test_open_tells_the_state_of_a_session_that_is_not_open(folder, tmp_path):
    name = bundle.SMALL.removeprefix("sessions/")
    with Server(folder, tmp_path / "log") as server:
        first = run("open", name, "--server", server.url)
        assert first.stdout == f"{server.url}/sessions/{name}/\n"
        assert first.returncode == 0
        # It may be open after the first question already; then nothing is told.
        assert not first.stderr or "not open yet" in first.stderr


def test_a_store_is_listed_as_a_server_lists_it(bucket, server, tmp_path):
    document = tmp_path / "ray.yaml"
    document.write_text(
        f"apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {{name: main}}\n"
        f"spec: {{storage: {{local: {{path: {bucket}}}}}}}\n"
    )
    for place in [["--local-dir", bucket], ["--config", document]]:
        sessions = json.loads(listed(*place, "-o", "json"))["sessions"]
        # More is known of the jobs of a session that the server has open.
        lists = [[{**each, "run": 0, "why": 0} for each in found] for found in (sessions, server.sessions())]
        assert lists[0] == lists[1]
    # A folder on the command line is meant, whatever server is in the environment.
    assert listed("--local-dir", bucket, RAY_HISTORY_SERVER="http://127.0.0.1:1") == listed("--config", document)
    assert listed(RAY_HISTORY_LOCAL_DIR=str(bucket)) == listed("--local-dir", bucket)


def test_a_session_without_a_marker_is_listed_from_a_bucket(tmp_path):
    storage = MIXED.storage(bundle.unpack(tmp_path, [MIXED]))
    for marker in (storage / "cluster-metadata").rglob("session_*"):
        marker.unlink()
    with quirky_s3.serve(storage, "none", 1_000) as settings:
        assert listed("--storage-backend", "s3", "-o", "name", **settings).split() == NAMES[1:]
        assert listed("-o", "name", STORAGE_BACKEND="s3", **settings).split() == NAMES[1:]


def test_states_of_a_store_are_those_of_its_manifests(unpacked, tmp_path):
    """A store has no watch: only the manifest of the head tells the state."""
    storage = shutil.copytree(MIXED.storage(unpacked), tmp_path / "bucket")
    collected.collect(storage, MIXED.path, MIXED_HEAD)
    (session,) = json.loads(listed("--local-dir", storage, "-o", "json"))["sessions"]
    assert (session["state"], session["stateFrom"]) == ("dead", "manifest")
    assert listed("--local-dir", storage, "--state", "dead", "-o", "name").split() == NAMES[1:]


def test_a_folder_that_is_no_bucket_says_so(tmp_path):
    (tmp_path / "notes.txt").touch()
    done = run("list", "--local-dir", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not what a collector uploaded" in done.stderr


def test_rayjobs_are_listed_and_opened_by_their_names(tmp_path):
    kube = bundle.extract(bundle.KUBE, tmp_path) / "storage"
    rows = [row.split() for row in listed("--local-dir", kube).splitlines()[1:]]
    assert [row[1] for row in rows] == ["rayjob/oom", "rayjob/deadline"] + 3 * ["rayjob/oom-head"]
    (name,) = listed("--local-dir", kube, "--owner", "rayjob/oom", "-o", "name").split()
    with Server(kube, tmp_path / "log") as server:
        link = run("open", "rayjob/default/oom", "--server", server.url).stdout
        assert link == f"{server.url}/sessions/{name}/\n"
        command = [Path(sys.executable).parent / "ray", "list", "nodes", "--address"]
        table = [
            processes.run([*command, address], own={"COLUMNS": "200"}).stdout
            for address in (f"{server.url}/rayjobs/default/oom/latest", link.strip())
        ]
        rows = [[line for line in printed.splitlines() if "ALIVE" in line or "DEAD" in line] for printed in table]
        assert rows[0] == rows[1] != []


MANY = 2_345


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A folder with many sessions, of which there are only the markers."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(MANY):
        name = f"session_2026-11-{1 + number // 1440:02}_{number // 60 % 24:02}-{number % 60:02}-00_000000_1"
        markers = folder / "cluster-metadata" / "raycluster" / f"team_cluster-{number % 7}"
        markers.mkdir(parents=True, exist_ok=True)
        (markers / name).touch()
    return folder


def test_pages_are_followed(many, tmp_path):
    with Server(many, tmp_path / "log") as server:
        for place in [["--server", server.url], ["--local-dir", many]]:
            all_of_them = listed(*place, "--limit", "0", "-o", "name").split()
            assert len(set(all_of_them)) == len(all_of_them) == MANY
            some = run("list", *place, "--limit", "1500", "-o", "json")
            assert [each["session"] for each in json.loads(some.stdout)["sessions"]] == [
                name.split("/")[2] for name in all_of_them[:1500]
            ]
            assert f"1500 of {MANY} sessions are listed; --limit lists more" in some.stderr
            assert some.returncode == 0
            assert len(run("list", *place).stdout.splitlines()) == 101
        without_data = run("open", all_of_them[0], "--server", server.url)
        assert (without_data.returncode, without_data.stdout) == (0, f"{server.url}/sessions/{all_of_them[0]}/\n")
        assert "has a marker but no data yet" in without_data.stderr


PAGES = {
    "later": {
        "sessions": [
            {
                "namespace": "a",
                "cluster": "b",
                "session": "c",
                "state": "dead",
                "outcome": "Failed",
                "facts": [1.50],
            },
            {"namespace": 1, "cluster": ["\u202e"], "session": None, "outcome": {"word": "x"}, "owner": "y"},
        ],
        "hint": {"a": "b\u202e\x1b[2J"},
    },
    "endless": {"sessions": [{"namespace": "a"}], "next": "again"},
    "empty": {"sessions": [], "next": "again"},
    "stale": {"sessions": [{"namespace": "a"}], "stale": True},
    "unread": {"sessions": [], "unread": 3},
    "refused": {"sessions": [], "why": "No session is stored that you may see."},
    "other": {"rows": []},
}


class Answers(BaseHTTPRequestHandler):
    """A server of answers to the list, by the text that is searched."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query).get("q", ["none"])[0]
        status, kind, body = 200, "application/json", json.dumps(PAGES.get(asked), ensure_ascii=False)
        if asked == "page":
            kind, body = "text/html", "<html>not JSON</html>"
        elif asked == "denied":
            status, body = 401, json.dumps({"detail": "Log in first."})
        elif asked == "broken":
            status, body = 500, "it broke\nat length"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture(scope="module")
def odd():
    """Lists what an odd server answers."""
    with Loopback(Answers) as answers:
        yield lambda *arguments: run("list", "--server", f"http://127.0.0.1:{answers.port}", *arguments)


def test_fields_of_a_later_server_are_passed_on(odd):
    done = odd("later", "-o", "json")
    assert json.loads(done.stdout) == PAGES["later"]
    assert '"facts":[1.5]' in done.stdout.replace(" ", "")
    assert not re.search("[\x1b\u202e]", done.stdout), "JSON has escapes of its own for these"
    titles, first, second = odd("later").stdout.splitlines()
    assert titles.split()[:4] == ["NAMESPACE", "NAME", "STATE", "OUTCOME"]
    assert first.split()[:4] == ["a", "raycluster/b", "dead", "Failed"]
    assert second.split() == ["raycluster/"]


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        ("endless", 2, "the server's pages do not advance"),
        ("empty", 2, "the server's pages do not advance"),
        ("other", 2, "something else than a list of sessions"),
        ("page", 2, "something else than a list of sessions"),
        ("denied", 2, "401 Unauthorized: Log in first.\nThe token is in --token-file or RAY_HISTORY_TOKEN."),
        ("broken", 2, "500 Internal Server Error: it broke\n"),
        ("refused", 1, "No session is stored that you may see."),
        ("unread", 2, "3 more may match"),
        ("stale", 0, "this list may be out of date"),
    ],
)
def test_odd_answers_are_told(odd, asked, code, told):
    done = odd(asked, "--limit", "0")
    assert done.returncode == code
    assert told in done.stderr
    assert bool(done.stdout) == (code == 0)


AWAY = "http://127.0.0.1:1"
NAME = "ml/train/session_2026-11-22_23-11-33_821800_1"

FAILING = [
    ("list", "--server", AWAY),
    ("list", "--server", "ray.example.com"),
    ("list", "--server", AWAY, "--token-file", "/none"),
    ("list", "--server", AWAY, "--local-dir", "/none"),
    ("list", "--state", "gone"),
    ("list", "--local-dir", "/none"),
    ("list", "--config", "/none"),
    ("list", "--storage-backend", "floppy"),
    ("list",),
    ("open", NAME, "--server", AWAY),
    ("open", "train", "--server", AWAY),
    ("open", "../ml/train", "--server", AWAY),
    ("logs", "grep", "x", NAME, "--server", AWAY),
    ("logs", "download", NAME, "--server", AWAY),
    ("check", "--server", AWAY),
    ("check", "/none"),
    ("check",),
    ("serve", "--listen", "127.0.0.1:0"),
    ("serve", "--listen", "127.0.0.1:0", "--local-dir", "/none"),
    ("serve", "--listen", "127.0.0.1:0", "--config", "/none"),
    ("serve", "--listen", "127.0.0.1:0", "--rayhistory", "a/b"),
    ("serve", "--listen", "here"),
    ("completions", "csh"),
    ("man", "none"),
    ("none",),
]

DEBUG = re.compile(r"\w \{ |Some\(|Err\(|Os \{|\w\(\"|'\"|::|panicked")
"""Texts that only Rust's Debug has."""


@pytest.mark.parametrize("arguments", FAILING, ids=" ".join)
def test_what_cannot_be_done_ends_with_2_and_a_sentence(arguments):
    done = run(*arguments, NO_COLOR="", TERM="xterm-256color", KUBECONFIG="/none")
    assert done.returncode == 2, done.stderr
    assert not done.stdout
    # Our own log lines name modules.
    said = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert said
    assert not [line for line in said if DEBUG.search(line)], done.stderr
    assert "\x1b" not in done.stderr


def test_a_store_that_is_away_is_neither_good_nor_bad():
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    for command in ["check", "list"]:
        done = run(command, "--storage-backend", "s3", S3_BUCKET="ray", S3_ENDPOINT=AWAY, **keys)
        assert (done.returncode, done.stdout) == (2, "")
        assert "the store is unavailable" in done.stderr
        assert not DEBUG.search(done.stderr)


COMMANDS = [
    ("list",),
    ("list", "-o", "wide"),
    ("list", "-o", "json"),
    ("list", "-o", "name"),
    ("open", NAMES[0]),
    ("logs", "grep", "INFO", NAMES[0]),
    ("logs", "grep", "--json", "INFO", NAMES[0]),
    ("logs", "download", "--dry-run", NAMES[0]),
    ("logs", "download", "-o", "-", NAMES[0]),
    ("check", "--server", "SERVER"),
    ("check", "--local-dir", "BUCKET"),
    ("crd",),
    ("completions", "bash"),
    ("completions", "zsh"),
    ("completions", "fish"),
    ("man",),
    ("man", "logs", "grep"),
    ("help",),
    ("list", "--help"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_pipe_is_no_error_and_colours_are_for_terminals(arguments, at, server, bucket):
    arguments = [{"SERVER": server.url, "BUCKET": bucket}.get(word, word) for word in arguments]
    own = {**at, "NO_COLOR": "", "TERM": "xterm-256color"}
    whole = processes.run([BINARY, *arguments], own=own, text=False)
    assert whole.stdout
    if "download" not in arguments:
        assert b"\x1b" not in whole.stdout + whole.stderr
    reading, writing = os.pipe()
    os.close(reading)
    options = {"capture_output": False, "stdout": writing, "stderr": processes.PIPE}
    done = processes.run([BINARY, *arguments], own=own, succeeds=None, **options)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_completions_complete_commands_and_values():
    script = run("completions", "bash").stdout
    function = re.search(r"complete -F (\S+)", script)[1]
    for words, expected in [(["li"], "list"), (["list", "--local"], "--local-dir"), (["list", "-o", "wi"], "wide")]:
        typed = " ".join(["ray-history", *words])
        code = (
            f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}\n"
            f'{function} ray-history "{words[-1]}" "{(["ray-history", *words])[-2]}"; echo "${{COMPREPLY[@]}}"'
        )
        assert processes.run(["bash", "-c", code]).stdout.split() == [expected]


def test_the_manual_has_a_page_for_each_command():
    page = run("man").stdout
    assert page.startswith(".ie")
    commands = re.findall(r"^  ([a-z]+)  ", run("--help").stdout, re.MULTILINE)
    assert len(commands) > 7
    for command in commands:
        assert f"ray\\-history\\-{command}(1)" in page
        assert f".TH ray-history-{command} 1" in run("man", command).stdout if command != "help" else True
    if man := shutil.which("man"):
        processes.run([man, "-l", "-"], input=page)
