"""Retention: an old event is deleted, its leaf stays in the tree, and a later event records which events were removed.

The log therefore still verifies as a whole, and evidence exported before a removal can still be proven. A missing text
without such an event counts as deleted. Events that verification itself depends on are never removed (STAYS).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from portal.audit import ledger
from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.ledger import record_event
from portal.audit.models import Event, EventQuerySet, LegalHold, Tombstone, TreeLeaf
from portal.audit.sealing import signed_note
from portal.common.vote_signatures import KEY_EVENTS

STAYS = (
    "audit.key_changed", "audit.dated", "audit.pruned", "audit.retention_changed", "audit.restored",
    "audit.hold_placed", "audit.hold_lifted", *KEY_EVENTS,
)  # fmt: skip
_AT_ONCE = 1000


class AlreadyOnHold(Exception):
    """An attempt to place a second legal hold on a change."""


class NotOnHold(Exception):
    """An attempt to lift a legal hold from a change that has none."""


def record_retention(days: int, *, by: str) -> None:
    """Record after how many days texts are removed from now on, 0 for never; do nothing if that is recorded."""
    newest = Event.objects.filter(action="audit.retention_changed").first()
    known = newest.entry.data.get("days") if newest and newest.entry else 0
    if days != known:
        record_event("audit.retention_changed", by=by, data={"days": days, "days_before": known})


def prune_events(*, older_than: timedelta, unfinished: Collection[int] = (), by: str) -> int:
    """Remove the events older than `older_than`, about a thousand in a transaction; return how many that were.

    The age is counted from a signed time (verification/ages.py), so that every verifier reaches the same verdict. The
    events of a change are removed together, once the newest of them is older, unless the change is `unfinished` or
    under legal hold.
    """
    total = 0
    while removed := _batch(older_than, unfinished, by):
        total += removed
    return total


def place_legal_hold(change: int, *, reason: str, by: str) -> None:
    """Keep the events of this change from now on, in a durable transaction. Raises AlreadyOnHold."""
    with transaction.atomic(durable=True):
        if not LegalHold.objects.get_or_create(change=change, defaults={"reason": reason})[1]:
            raise AlreadyOnHold
        record_event("audit.hold_placed", by=by, data={"held_change": change, "reason": reason})


def lift_legal_hold(change: int, *, reason: str, by: str) -> None:
    """Let the events of this change be removed as those of any other change. Raises NotOnHold."""
    with transaction.atomic(durable=True):
        if not LegalHold.objects.filter(change=change).delete()[0]:
            raise NotOnHold
        record_event("audit.hold_lifted", by=by, data={"held_change": change, "reason": reason})


@transaction.atomic(durable=True)
def _batch(older_than: timedelta, unfinished: Collection[int], by: str) -> int:
    before = timezone.now() - older_than
    proven = TreeLeaf.objects.filter(leaf__lt=_proven_size(before)).values("event")
    old = Event.objects.filter(at__lt=before).exclude(action__in=STAYS).order_by("at", "pk")
    alone = list(old.filter(change=None, pk__in=proven).values_list("pk", flat=True)[:_AT_ONCE])
    changes = _finished(Event.objects.all(), before, unfinished, proven) if len(alone) < _AT_ONCE else []
    for change in changes:
        ledger.lock_numbering(change)
    # Read again under the locks: an event may have been added meanwhile.
    changes = _finished(Event.objects.filter(change__in=changes), before, unfinished, proven)
    seals = TreeLeaf.objects.filter(
        Q(event__in=alone) | Q(event__in=Event.objects.filter(change__in=changes).values("pk"))
    ).order_by("leaf")
    leaves = list(seals.values_list("leaf", "event"))
    if not leaves:
        return 0
    facts = {"leaves": [list(each) for each in _ranges(leaf for leaf, _ in leaves)], "before": before.isoformat()}
    announcing = record_event("audit.pruned", by=by, data={**facts, "count": len(leaves)})
    Tombstone.objects.bulk_create([Tombstone(leaf=leaf, event=event, pruned=announcing) for leaf, event in leaves])
    Event.objects.filter(pk__in=[event for _, event in leaves]).delete()
    return len(leaves)


def _proven_size(before: datetime) -> int:
    """Return how many leaves the newest note signed at `before` or earlier covers. Verifiers check its signature."""
    for text in Event.objects.filter(action="audit.dated").values_list("text", flat=True).iterator():
        try:
            said = signed_note.parse_unverified(str(parse_entry(text).data.get("note")))
        except (UnreadableEntry, signed_note.InvalidNote):
            continue
        if said.at is not None and said.at <= before:
            return said.size
    return 0


def _finished(
    among: EventQuerySet, before: datetime, unfinished: Collection[int], proven: QuerySet[TreeLeaf, Any]
) -> list[int]:
    """Return up to 100 changes whose events are all old, as a signed time proves."""
    known = among.exclude(change=None).exclude(change__in=[*unfinished]).order_by("change").values("change")
    aged = known.annotate(newest=Max("at"), last=Max("pk")).filter(newest__lt=before)
    free = aged.exclude(change__in=LegalHold.objects.values("change")).filter(last__in=proven)
    return [number for row in free[: _AT_ONCE // 10] if (number := row["change"]) is not None]


def _ranges(leaves: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each unbroken run; the numbers are in ascending order."""
    first = last = -1
    for leaf in leaves:
        if leaf != last + 1 or first < 0:
            if first >= 0:
                yield first, last
            first = leaf
        last = leaf
    if first >= 0:
        yield first, last
