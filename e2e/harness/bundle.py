"""The bundled sessions: their names and archives, and folders with them."""

import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent.parent.parent / "tests" / "fixtures"


@dataclass(frozen=True)
class Session:
    """A recorded session: the files of its collectors, and the answers of its live dashboard."""

    name: str
    path: str
    """Below a server: sessions/NAMESPACE/CLUSTER/SESSION."""

    def truth(self, unpacked: Path) -> Path:
        """Returns the folder with the recorded questions and answers."""
        return unpacked / self.name / "truth"

    def storage(self, unpacked: Path) -> Path:
        """Returns the folder with the contents of the bucket."""
        return unpacked / self.name / "storage"

    def answer(self, unpacked: Path, question: str):
        """Returns the live dashboard's answer to a recorded question."""
        truth = self.truth(unpacked)
        entry = next(e for e in json.loads((truth / "index.json").read_text()) if e["path"] == question)
        return json.loads((truth / f"{entry['n']}.body").read_bytes())


MIXED = Session("mixed", "sessions/ml-team/raycluster-mixed/session_2026-11-22_23-11-33_821800_9153")
SERVICE = Session("service", "sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513")
SESSIONS = [MIXED, SERVICE]

DAY = Session("day-2.57", "sessions/nlp/day-train-h2x9c/session_2026-11-29_08-31-21_713678_12224")
"""Ray 2.57 with the ten event types that KubeRay's operator exports."""

HARD_260 = Session("hard-2.60", "sessions/hard-ns/hard-raycluster/session_2026-11-29_09-49-53_862681_29838")
"""Recorded by `e2e.recording`: every kind of death, restart and odd name, with every event type."""

HARD_255 = Session("hard-2.55", "sessions/hard-ns/hard-raycluster/session_2026-11-29_10-02-17_280669_20787")
"""The same jobs on Ray 2.55; logs were copied after the nodes had ended."""

RECORDINGS = [*SESSIONS, DAY, HARD_260, HARD_255]

KUBE = FIXTURES / "kube-sessions.tar.gz"
"""The bucket of three RayJobs of a real cluster, through KubeRay's operator and collector; no live answers."""


def unpack(into: Path, sessions=SESSIONS) -> Path:
    """Unpacks bundled sessions, each into a folder of its own name."""
    for session in sessions:
        extract(FIXTURES / f"{session.name}.tar.gz", into / session.name)
    return into


def merge(storage: Path, bucket: Path):
    """Copies what one bucket held into another."""
    shutil.copytree(storage, bucket, dirs_exist_ok=True)


def extract(archive: Path, into: Path) -> Path:
    """Unpacks one archive."""
    with tarfile.open(archive) as opened:
        opened.extractall(into, filter="data")
    return into


SMALL = "sessions/team/c/session_2026-11-22_23-11-33_821800_1"
"""The session of `small`: three tasks, ten events, one log of a line."""
SMALL_NODE = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052"
"""Its only node."""


def small(into: Path) -> Path:
    """Unpacks the cases; returns the folder that holds one small session."""
    return extract(FIXTURES / "cases.tar.gz", into) / "s3" / "storage"


def names(archive: Path) -> list[str]:
    """Returns the paths of the files in an archive, without a leading `./`."""
    with tarfile.open(archive) as opened:
        return [member.name.removeprefix("./") for member in opened if member.isfile()]
