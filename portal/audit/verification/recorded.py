"""A recorded verification: the event names who requested it, how far it reached and what it found."""

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
    """Verify the log against everything this process knows, and record the result.

    The key is this process's own if none is given; the outside checkpoints include every published one. `asked` is the
    event that requested the verification. Pages show the result that the sealer's table names, because a role that may
    add events could add one that says intact.

    Raises OSError if a checkpoint folder is set and cannot be read.
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
    """Run `act` if this database role may; otherwise do nothing.

    On the command line the role may be the portal's, whose result is recorded as an event only.
    """
    with suppress(ProgrammingError), transaction.atomic():
        act()
