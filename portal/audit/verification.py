"""A verification that goes on record: who had it done, how far it reached, what it found."""

from __future__ import annotations

from portal.audit import published, sealing
from portal.audit.ledger import record
from portal.audit.notes import Verifier
from portal.audit.verify import Report, verify


def verify_on_record(*, by: str = "", outside: list[str] | None = None, key: Verifier | None = None) -> Report:
    """Verify against everything this process knows: its own key where none is given, and every published checkpoint.

    Raises OSError where a checkpoint folder is set and cannot be read.
    """
    known = [*published.kept(), *(outside or [])]
    report = verify(outside=known, key=key or sealing.public_key())
    record(
        "audit.verified",
        by=by,
        data={
            "outcome": "intact" if report.intact else "damaged",
            "leaves": report.size,
            "pruned": report.pruned,
            "problems": report.problems,
            "findings": report.findings[:10],
            "key": report.key_id,
            "trusted": report.trusted,
            "duration_ms": round(report.seconds * 1000),
        },
    )
    return report
