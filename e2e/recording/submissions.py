"""The submissions of a session that is hard to reproduce, run through the job API."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from .cluster import Cluster

WORKLOAD = Path(__file__).parent / "workload"
ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
ENDED = {"STOPPED", "SUCCEEDED", "FAILED"}
JOB_SECONDS = 120


@dataclass(frozen=True)
class Submission:
    """One job, by its script or by its command."""

    id: str
    script: str = ""
    command: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    resources: dict = field(default_factory=dict)
    stopped_at: str = ""
    """The line of its log after which it is to be stopped."""

    def submit(self, cluster: Cluster, scripts: Path, marks: Path):
        environment = {"env_vars": {"HARD_MARKS": str(marks), **self.variables}} if self.script else {}
        body = {"submission_id": self.id, "entrypoint": self.command or f"python {scripts / self.script}"}
        body |= {"runtime_env": environment, "metadata": self.metadata, **self.resources}
        cluster.json("/api/jobs/", body)

    def wait(self, cluster: Cluster) -> str:
        """Stops it if it is to be stopped, and returns its status once it has ended."""
        end, stopped = time.monotonic() + JOB_SECONDS, False
        while time.monotonic() < end:
            if self.stopped_at and not stopped:
                stopped = self.stopped_at in cluster.json(f"/api/jobs/{self.id}/logs")["logs"]
                if stopped:
                    cluster.json(f"/api/jobs/{self.id}/stop", {})
            status = cluster.json(f"/api/jobs/{self.id}")["status"]
            if status in ENDED:
                return status
            time.sleep(0.5)
        raise AssertionError(f"{self.id} did not end within {JOB_SECONDS} s")


# The submissions of an inner list run at the same time.
HARD = [
    [
        Submission("hard-names", "names.py", metadata={"größe": "klein", "team": "名前"}),
        Submission("hard-deaths", "deaths.py"),
        Submission("hard-plain", command="echo größe && echo no Ray in here"),
        Submission("hard-missing", command="no-such-program --flag 'ä'"),
        Submission("hard-failed", "failed.py", resources={"entrypoint_num_cpus": 0.5}),
    ],
    [
        Submission("hard-actors", "actors.py", metadata={"job_name": "Schauspieler"}),
        Submission("hard-schedule", "schedule.py"),
        Submission("hard-ascii", "names.py", variables=ASCII),
        Submission("hard-killed", "killed.py"),
        Submission("hard-stopped", "stopped.py", stopped_at="ready to be stopped"),
    ],
]
TUNED = Submission("hard-tuned", "tuned.py")
# Of three nodes; the last one is lost before the last list.
STATE = {"RAY_TRAIN_V2_ENABLED": "1", "RAY_TRAIN_ENABLE_STATE_TRACKING": "1"}
FAILING = "python -c 'import ray; ray.init(); raise SystemExit(5)'"
MIXED = [
    [Submission("mixed-tasks", "mixed.py", metadata={"team": "ml"}), Submission("mixed-failed", command=FAILING)],
    [Submission("mixed-served", "served.py")],
    [Submission("mixed-trained", "trained.py", variables=STATE)],
    [Submission("mixed-many", "many.py")],
]
