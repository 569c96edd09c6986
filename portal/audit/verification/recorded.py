"""A verification that goes on record: who had it done, how far it reached, what it found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.db import ProgrammingError, transaction
from django.utils import timezone

from portal.audit import routines
from portal.audit.ledger import record_event
from portal.audit.sealing import checkpoint_files, sealer
from portal.audit.sealing.signed_note import Verifier
from portal.audit.verification.report import VerificationReport
from portal.audit.verification.verifier import verify_events


def verify_and_record(
    *, by: str = "", outside: list[str] | None = None, key: Verifier | None = None, asked: int | None = None
) -> VerificationReport:
    """Verify against everything this process knows: its own key where none is given, and every published checkpoint.

    What the portal says of the last verification is what a role that may write the sealer's table has done: anybody who
    may add events could add one that says intact. `asked` is the event that asked for it.

    Raises OSError where a checkpoint folder is set and cannot be read.
    """
    _if_allowed(lambda: routines.mark_begun(routines.VERIFY, at=timezone.now()))
    known = [*checkpoint_files.read_all_notes(), *(outside or [])]
    report = verify_events(outside=known, key=key or sealer.get_signing_public_key())
    number = record_event(
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
    data = routines.data_of(routines.VERIFY)
    done = data if asked is None else {**data, "asked": asked}
    _if_allowed(lambda: routines.mark_done(routines.VERIFY, at=timezone.now(), event=number, data=done))
    return report


def _if_allowed(act: Callable[[], None]) -> None:
    """Where this role may: on the command line it may be the portal's, whose verdict is an event and no more."""
    with suppress(ProgrammingError), transaction.atomic():
        act()
