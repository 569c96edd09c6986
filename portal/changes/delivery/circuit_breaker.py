"""Delivery as a whole, paused while calls do not get through (B15). One row tells every worker; this is its one writer.

A person may hold delivery besides: that ends by a person alone, whatever gets through meanwhile.

Closed: nothing is asked of anybody, but to keep to the cap where one is set. Open: one change at a time may try. After
it: a backlog goes out at a set rate.

What counts are calls, by what they prove. Segura's own answer about a change, a numbered refusal included, is a call
that got through. A reading that succeeded proves nothing about calls, so it neither counts nor clears. Everything else
is a failure: not sent, turned away by the gateway, 5xx, no answer, an answer that makes no sense. FAILURES of them in a
row pause delivery; an alarm (access key not taken, certificate not to be trusted, redirect) does it at once.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Q
from django.db.models.functions import Coalesce, Now

from portal.accounts.models import User
from portal.audit import ledger
from portal.changes.models import Breaker
from portal.common.prepared import Prepared

FAILURES = 5
_MOST_DOUBLINGS, _LONGEST_PROBE = 4, 10
_log = logging.getLogger(__name__)
_OPEN = Q(opened_at__isnull=False)
_HELD = Q(held_at__isnull=False)
_RETURNING = Q(opened_at=None, next_at__isnull=False)
PAUSED = _OPEN | _HELD
MARK = Coalesce("held_at", "next_at")
SLOWED = Exists(Breaker.objects.filter(_HELD | _RETURNING))
"""Whether turn() has anything to say without a cap."""
IS_TROUBLED = Exists(Breaker.objects.filter(Q(failures__gt=0) | _OPEN))
"""Whether succeeded() has anything to do: for who writes anyway, and can ask along."""
_PAUSED_NOW = Prepared(lambda: Breaker.objects.filter(PAUSED).values_list("pk"))


def current_pause() -> Breaker | None:
    """The row while delivery is paused: since when, why, by whom, and when the next try is; None while it is not."""
    if not is_paused():  # nearly always, and every page asks
        return None
    return Breaker.objects.filter(PAUSED).select_related("held_by").first()


def is_paused() -> bool:
    """Whether delivery is paused."""
    return bool(_PAUSED_NOW.rows())


def pause_version(row: Breaker | None) -> datetime | None:
    """An instant that is another one for every other pause, and for every other try in one: MARK of the row."""
    return (row.held_at or row.next_at) if row else None


def may_call() -> bool:
    """Whether a claim may go on to a call. While open, who is told yes has the one try of this interval.

    In the transaction of the claim, after it: a claim that is lost must not cost the try. Held: never.
    """
    if not is_paused():
        return True
    mine = Breaker.objects.filter(_OPEN, held_at=None, next_at__lte=Now())
    probes = mine.values_list("probes", flat=True).first() or 0
    return bool(mine.filter(probes=probes).update(next_at=Now() + _probe_every(probes)))


def sweep_quota(now: datetime) -> int | None:
    """How many changes a sweep should remind workers of; None is all.

    Held none, while open one or none, then the rate's share; and never more than the cap's.
    """
    row = Breaker.objects.filter(_HELD | Q(next_at__isnull=False)).first()
    if row is not None and row.held_at:
        return 0
    if row is not None and row.opened_at and row.next_at:
        return int(row.next_at <= now)
    rates = [settings.DELIVERY_RETURN_PER_S] if row else []
    if settings.DELIVERY_PER_S:
        rates.append(settings.DELIVERY_PER_S)
    return max(1, int(min(rates) * settings.SWEEP_EVERY_S)) if rates else None


def reserve_slot(now: datetime) -> float | None:
    """Seconds until the caller's turn, which is taken by asking: 0.0 unless a backlog goes out, or there is a cap.

    None, and no turn taken, where it would be longer than a sweep away, or a person holds delivery.
    """
    cap = settings.DELIVERY_PER_S
    if not cap and not Breaker.objects.filter(_HELD | _RETURNING).exists():  # nearly always, and worth no lock
        return 0.0
    with transaction.atomic(durable=True):
        row, _ = Breaker.objects.select_for_update().get_or_create(pk=1)
        if row.held_at:
            return None
        if row.opened_at:  # whoever has the one try needs no turn
            return 0.0
        at = max(now, row.next_at or now, (cap and row.turn_at) or now)
        wait = (at - now).total_seconds()
        if wait > settings.SWEEP_EVERY_S:
            return None
        row.next_at = row.next_at and at + timedelta(seconds=1 / settings.DELIVERY_RETURN_PER_S)
        row.turn_at = at + timedelta(seconds=1 / cap) if cap else None
        row.save(update_fields=["next_at", "turn_at"])
        return wait


def end_backlog() -> None:
    """Nothing is due any more: the backlog is out."""
    Breaker.objects.filter(_RETURNING).update(next_at=None)


def record_failure(now: datetime, *, reason: str, code: int | None = None, alarm: bool = False) -> None:
    """A call did not get through. `reason`: what is told to people, in the vault's own words."""
    Breaker.objects.get_or_create(pk=1)
    Breaker.objects.update(failures=F("failures") + 1, code=code, reason=reason)
    Breaker.objects.filter(_OPEN, probes__lt=_MOST_DOUBLINGS).update(probes=F("probes") + 1)
    enough = Breaker.objects.filter(opened_at=None)
    if not alarm:
        enough = enough.filter(failures__gte=FAILURES)
    if enough.update(opened_at=now, next_at=now + _probe_every()):
        _log.error("delivery is paused: %s (HTTP %s)", reason, code)
        ledger.record_event("delivery.paused", code=code, data={"reason": reason, "alarm": alarm})


def record_success() -> None:
    """A call got through: nothing counts any more, and a pause is over, unless a person holds delivery."""
    row = Breaker.objects.filter(Q(failures__gt=0) | _OPEN).first()
    if row is None:
        return
    # An instant that is past: the backlog begins now.
    if Breaker.objects.filter(_OPEN, held_at=None).update(opened_at=None, failures=0, probes=0, next_at=F("opened_at")):
        _log.warning("delivery goes on")
        ledger.record_event("delivery.resumed", data={"paused_at": str(row.opened_at)})
    else:
        Breaker.objects.filter(failures__gt=0).update(failures=0)


def allow_next_probe(now: datetime) -> None:
    """A try ended before its call, which proves nothing: another change may try at once."""
    Breaker.objects.filter(_OPEN, next_at__gt=now).update(next_at=now)


def set_manual_pause(now: datetime, *, by: User, reason: str) -> bool:
    """Nothing more goes out until somebody lets it; False where delivery is held already."""
    Breaker.objects.get_or_create(pk=1)
    return bool(Breaker.objects.filter(held_at=None).update(held_at=now, held_by=by, held_because=reason))


def clear_manual_pause(now: datetime) -> bool:
    """A person's pause is over; False where there is none. What waited goes out at the set rate.

    Where calls did not get through either, that pause goes on, and tries as it does.
    """
    held = Breaker.objects.filter(_HELD)
    held.filter(opened_at=None).update(next_at=now)
    return bool(held.update(held_at=None, held_by=None, held_because=""))


def _probe_every(probes: int = 0) -> timedelta:
    """Return the time until the next try; it doubles with each try in vain, up to _LONGEST_PROBE times the setting."""
    return timedelta(seconds=settings.DELIVERY_PROBE_EVERY_S * min(2**probes, _LONGEST_PROBE))
