"""The program's own log: no text from outside forges a line, no reader stops the server."""

import json
import signal

from e2e.harness import bundle, processes
from e2e.harness.server import BINARY, Server
from e2e.harness.service import get

FORGED = "%0A2026-11-29T00:00:00Z%20%20INFO%20forged%3A%20all%20is%20well%1B%5B2J%C2%9B31m%E2%80%A8x"


def test_nothing_of_a_url_begins_a_line_or_controls_a_terminal(tmp_path):
    for form in ("text", "json"):
        root = bundle.small(tmp_path / f"cases-{form}")
        log = tmp_path / form
        with Server(root, log, "--log-format", form, environment={"RUST_LOG": "debug", "NO_COLOR": ""}) as server:
            root.rename(tmp_path / f"away-{form}")
            for path in (
                f"sessions/a{FORGED}/b/session_2026-11-22_23-11-33_821800_1/api/v0/tasks",
                f"rayjobs/a/{FORGED}",
                FORGED,
            ):
                server.get(path)
        text = log.read_bytes().decode()
        assert not any(char in text for char in "\x1b\x9b\u2028\r"), "no control character but the ends of lines"
        lines = text.splitlines()
        assert any("all is well" in line for line in lines), "it was logged"
        if form == "json":
            assert all(json.loads(line)["level"] for line in lines)
        else:
            assert not any(
                "INFO forged" in line.split("T", 1)[0] or line.startswith("2026-11-29T00:00:00Z") for line in lines
            )


def test_an_unread_standard_error_stops_nothing(tmp_path):
    root = bundle.small(tmp_path / "cases")
    command = [str(BINARY), "serve", "--local-dir", str(root), "--listen", "127.0.0.1:0"]
    with processes.talk(command, {"RUST_LOG": "trace"}) as process:
        lines = iter(process.stderr.readline, "")
        address = next(
            line.partition("serving http://")[2].split("/")[0] for line in lines if "serving http://" in line
        )
        for _ in range(4000):
            assert get(f"http://{address}/clusters", timeout=10)[0] == 200
            metrics = get(f"http://{address}/metrics", timeout=10)[2].decode()
            if dropped(metrics) > 0:
                break
        assert dropped(metrics) > 0
        assert get(f"http://{address}/livez", timeout=10)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def dropped(metrics):
    return int(
        next(line for line in metrics.splitlines() if line.startswith("ray_history_log_lines_dropped_total")).split()[1]
    )


def test_the_last_lines_are_written(tmp_path):
    root = bundle.small(tmp_path / "cases")
    log = tmp_path / "log"
    with Server(root, log):
        pass
    assert log.read_text().rstrip().endswith("stopped")
