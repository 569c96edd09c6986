"""Checks for events that no leaf covers: withheld from the sealer, inserted with an earlier date, or missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from portal.audit.models import Event, TreeLeaf, UnsealedEvent

_CHUNK = 4096


def find_unsealed_events(latest: datetime | None, slack: timedelta) -> Iterator[str]:
    """Yield a finding for each unsealed event that is not queued for the sealer, or has an impossible date.

    A queued event must not be dated after now, nor before the `latest` sealed instant, both give or take `slack`.
    """
    loose = Event.objects.filter(~Exists(TreeLeaf.objects.filter(event=OuterRef("pk")))).order_by("pk")
    waiting = Exists(UnsealedEvent.objects.filter(event=OuterRef("pk")))
    for event in loose.filter(~waiting).values_list("pk", flat=True).iterator(_CHUNK):
        yield f"event {event}: neither sealed nor waiting: kept from the sealer"
    # As text: PostgreSQL stores instants that Python cannot represent.
    said = loose.filter(waiting).annotate(said=Cast("at", TextField())).values_list("pk", "said")
    for event, at in said.filter(at__gt=timezone.now() + slack).iterator(_CHUNK):
        yield f"event {event}: dated {at}, which is yet to come: dated ahead"
    if latest is not None:
        for event, at in said.filter(at__lt=latest - slack).iterator(_CHUNK):
            yield f"event {event}: dated {at}, long before what is sealed: inserted"


def find_numbering_gaps() -> Iterator[str]:
    """Yield a finding for each change whose events are not numbered from 1 without a gap."""
    counted = Event.objects.exclude(change=None).order_by("change").values("change")
    counted = counted.annotate(there=Count("pk"), first=Min("seq"), last=Max("seq"))
    for row in counted.filter(~Q(there=F("last")) | ~Q(first=1)).iterator(_CHUNK):
        numbers = f"{row['there']} events numbered {row['first']} to {row['last']}"
        yield f"change {row['change']}: {numbers}: some are missing or too many"
