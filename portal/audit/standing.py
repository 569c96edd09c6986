"""How the log stands as evidence: sealed up to where, with which key, and what the last verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from portal.audit.entry import Entry
from portal.audit.models import Checkpoint, Event, Seal, Unsealed


@dataclass(frozen=True)
class Standing:
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


def standing() -> Standing:
    """Three questions, whatever the size of the log."""
    last = Seal.objects.filter(leaf=OuterRef("size") - 1).values("event")[:1]
    checkpoint = Checkpoint.objects.annotate(event=Subquery(last)).first()
    at = Event.objects.filter(pk=OuterRef("event")).values("at")[:1]
    waiting = Unsealed.objects.order_by("event").annotate(at=Subquery(at)).values_list("at", flat=True).first()
    patience = timedelta(seconds=max(60, 10 * settings.SEAL_EVERY_S))
    late = waiting is not None and waiting < timezone.now() - patience
    said = _last_said("audit.verified", "audit.checkpoint_mailed")
    return Standing(
        checkpoint,
        checkpoint.event if checkpoint else None,
        waiting if late else None,
        said.get("audit.verified"),
        said.get("audit.checkpoint_mailed"),
    )


def _last_said(*actions: str) -> dict[str, Entry]:
    """The newest event of each of these actions, by action."""
    newest = [Subquery(Event.objects.filter(action=action).values("pk")[:1]) for action in actions]
    found = Event.objects.filter(reduce(or_, (Q(pk=one) for one in newest)))
    return {event.action: event.entry for event in found if event.entry}


def public_key(checkpoint: Checkpoint) -> str:
    """The public key this checkpoint is signed with, as the log announced it; '' where it did not."""
    announced = Event.objects.filter(action="audit.key_changed")
    keys = (str(event.entry.data.get("new_key", "")) for event in announced if event.entry)
    return next((key for key in keys if f"+{checkpoint.key_id}+" in key), "")
