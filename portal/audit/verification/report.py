"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMED = 100


@dataclass
class VerificationReport:
    """What a verification found. `findings` names at most a hundred places, `problems` counts them all."""

    size: int = 0
    key_id: str = ""
    trusted: bool = False
    pruned: int = 0
    findings: list[str] = field(default_factory=list)
    problems: int = 0
    seconds: float = 0

    @property
    def intact(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def add(self, finding: str) -> None:
        """One more thing that is wrong, at its place."""
        self.problems += 1
        if len(self.findings) < _NAMED:
            self.findings.append(finding)
