"""The bundled sessions: where they are, what is in them, and where they are unpacked to."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"


@dataclass(frozen=True)
class Session:
    """A recorded session: what its collectors stored, and what its live dashboard answered."""

    name: str
    path: str
    """Below a server: sessions/NAMESPACE/CLUSTER/SESSION."""

    def truth(self, unpacked: Path) -> Path:
        """The folder with the recorded questions and answers."""
        return unpacked / self.name / "truth"

    def storage(self, unpacked: Path) -> Path:
        """The folder that holds what the bucket held."""
        return unpacked / self.name / "storage"

    def answer(self, unpacked: Path, question: str):
        """What the live dashboard answered to a question that was recorded."""
        truth = self.truth(unpacked)
        entry = next(e for e in json.loads((truth / "index.json").read_text()) if e["path"] == question)
        return json.loads((truth / f"{entry['n']}.body").read_bytes())


MIXED = Session("mixed", "sessions/ml-team/raycluster-mixed/session_2026-11-22_23-11-33_821800_9153")
SERVICE = Session("service", "sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513")
SESSIONS = [MIXED, SERVICE]


def unpack(into: Path) -> Path:
    """Unpacks every bundled session, each into a folder of its own name."""
    for session in SESSIONS:
        with tarfile.open(FIXTURES / f"{session.name}.tar.gz") as archive:
            archive.extractall(into / session.name, filter="data")
    return into
