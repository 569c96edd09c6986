"""A log that has a past: written, sealed and dated as if it had been then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.audit import ledger, retention
from portal.audit.sealing import clock, sealer
from tests.audit.tampering import date

_RECORDERS = (ledger, sealer, retention)


@contextmanager
def ago(moved: timedelta) -> Iterator[None]:
    """For the time of the block it is so long ago, for the sealer, for retention, and for `ledger.record_event`."""
    now, record = timezone.now, ledger.record_event

    def record_then(action: str, **values: object) -> int:
        number = record(action, **values)
        date(-moved, pk=number)
        return number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now() - moved)
        patch.setattr(clock, "_APART", timedelta.max)
        for module in _RECORDERS:
            patch.setattr(module, "record_event", record_then)
        yield


def seal_at(moved: timedelta) -> None:
    """Seal what waits, and date the log where it is time to."""
    with ago(moved):
        sealer.seal_pending_events()
