"""Seal status of the log: the last sealed event, the key, and the result of the last verification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from portal.audit import routines
from portal.audit.entry import Entry
from portal.audit.models import Checkpoint, Event, Routine, TreeLeaf, UnsealedEvent


@dataclass(frozen=True)
class SealStatus:
    """The seal status. `event` is the last sealed one; `behind_since` is set if the sealer is overdue."""

    checkpoint: Checkpoint | None
    event: int | None
    behind_since: datetime | None
    verified: Entry | None
    mailed: Entry | None

    @property
    def intact(self) -> bool:
        """True if the last verification found the log intact."""
        return self.verified is not None and self.verified.data.get("outcome") == "intact"


_RECKONED = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""The range of event times that are considered.

A forged event with a time that Python cannot represent must not break the query, nor hide how long others have waited.
"""
_VERIFIED, _MAILED = "audit.verified", "audit.checkpoint_mailed"


def oldest_waiting(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Return a query for the time of the first event that these rows name; it has no row if no event waits."""
    at = Event.objects.filter(pk=OuterRef("event"), at__range=_RECKONED).values("at")[:1]
    dated: QuerySet[Any, Any] = rows.order_by("event").annotate(at=Subquery(at)).filter(at__isnull=False)
    return dated.values_list("at")[:1]


def get_seal_status() -> SealStatus:
    """Load the seal status with three queries, whatever the size of the log."""
    last = TreeLeaf.objects.filter(leaf=OuterRef("size") - 1).values("event")[:1]
    checkpoint = Checkpoint.objects.annotate(event=Subquery(last)).first()
    patience = timedelta(seconds=max(60, 10 * settings.SEAL_EVERY_S))
    late = [at for (at,) in oldest_waiting(UnsealedEvent.objects.all()) if at < timezone.now() - patience]
    # Only what the sealer's own table names: a role that may add events could otherwise add one that says intact.
    done = Routine.objects.filter(name__in=(routines.VERIFY, routines.MAIL)).values("event")
    said = {event.action: event.entry for event in Event.objects.filter(pk__in=done)}
    return SealStatus(
        checkpoint,
        checkpoint.event if checkpoint else None,
        late[0] if late else None,
        said.get(_VERIFIED),
        said.get(_MAILED),
    )


def announced_public_key(checkpoint: Checkpoint) -> str:
    """Return the public key that signed this checkpoint, as the log announced it; '' if it did not."""
    announced = Event.objects.filter(action="audit.key_changed")
    keys = (str(event.entry.data.get("new_key", "")) for event in announced if event.entry)
    return next((key for key in keys if f"+{checkpoint.key_id}+" in key), "")
