"""How the log stands as evidence: sealed up to where, with which key, and what the last verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from portal.audit import routines
from portal.audit.entry import Entry
from portal.audit.models import Checkpoint, Event, Routine, Seal, Unsealed
from portal.common.prepared import Prepared


@dataclass(frozen=True)
class SealStatus:
    """`event` is the last sealed one; `behind_since` is set where the sealer should have come by long ago."""

    checkpoint: Checkpoint | None
    event: int | None
    behind_since: datetime | None
    verified: Entry | None
    mailed: Entry | None

    @property
    def intact(self) -> bool:
        """What the last verification said."""
        return self.verified is not None and self.verified.data.get("outcome") == "intact"


_RECKONED = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""One forged event with a date that cannot be read neither stops the question nor hides how long others wait."""
_VERIFIED, _MAILED = "audit.verified", "audit.checkpoint_mailed"


def _with_last_event() -> QuerySet[Checkpoint]:
    last = Seal.objects.filter(leaf=OuterRef("size") - 1).values("event")[:1]
    return Checkpoint.objects.annotate(event=Subquery(last))[:1]


def oldest_waiting(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Rows that each name an event: when the first of those happened, in a row of its own; none where none waits."""
    at = Event.objects.filter(pk=OuterRef("event"), at__range=_RECKONED).values("at")[:1]
    dated: QuerySet[Any, Any] = rows.order_by("event").annotate(at=Subquery(at)).filter(at__isnull=False)
    return dated.values_list("at")[:1]


def _last_said() -> QuerySet[Event, Any]:
    """By the sealer's own table: anybody who may add events could add one that says intact."""
    done = Routine.objects.filter(name__in=(routines.VERIFY, routines.MAIL)).values("event")
    return Event.objects.filter(pk__in=done).values_list("action", "text")


_CHECKPOINT, _SAID = Prepared(_with_last_event), Prepared(_last_said)
_WAITING = Prepared(lambda: oldest_waiting(Unsealed.objects.all()))


def get_seal_status() -> SealStatus:
    """Three questions, whatever the size of the log."""
    checkpoint = _CHECKPOINT.one()
    patience = timedelta(seconds=max(60, 10 * settings.SEAL_EVERY_S))
    late = [at for (at,) in _WAITING.rows() if at < timezone.now() - patience]
    said = {action: Event(text=text).entry for action, text in _SAID.rows()}
    return SealStatus(
        checkpoint,
        checkpoint.event if checkpoint else None,  # type: ignore[attr-defined]
        late[0] if late else None,
        said.get(_VERIFIED),
        said.get(_MAILED),
    )


def announced_public_key(checkpoint: Checkpoint) -> str:
    """The public key this checkpoint is signed with, as the log announced it; '' where it did not."""
    announced = Event.objects.filter(action="audit.key_changed")
    keys = (str(event.entry.data.get("new_key", "")) for event in announced if event.entry)
    return next((key for key in keys if f"+{checkpoint.key_id}+" in key), "")
