"""Progress of the demo history: a file in the state folder, which the history writes and the bar of each page reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.devserver.state_dir import write_private

TOTAL = 20
_FILE = "demo-history.json"


@dataclass(frozen=True)
class DemoProgress:
    """Changes that have been played so far. `stopped`: the history ended before its last change."""

    played: int = 0
    total: int = TOTAL
    stopped: bool = False
    high_risk: int = 0
    """Number of the pending change of high risk, which the bar offers to approvers; 0 before it is proposed."""

    @property
    def reference(self) -> str:
        """Reference of the pending change of high risk."""
        return f"CR-{self.high_risk}"

    @property
    def is_complete(self) -> bool:
        return self.played >= self.total


def read_progress(state: Path) -> DemoProgress | None:
    """Return the progress; None if no history was started."""
    try:
        return DemoProgress(**json.loads((state / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_progress(state: Path, progress: DemoProgress) -> None:
    """Write the progress."""
    write_private(state / _FILE, json.dumps(asdict(progress)) + "\n")
