"""Circuit breaker of delivery: pauses delivery for all workers while calls do not get through (B15).

Its state is one row, which all workers read and only this module writes. An administrator may pause delivery too; only
an administrator ends that manual pause, even if calls get through meanwhile.

Closed: no limit, except the rate limit DELIVERY_RATE_PER_S if it is set. Open: one change per interval is tried, the
probe. After it closes: the backlog is delivered at DELIVERY_BACKLOG_RATE_PER_S.

Calls count by what they prove. A call that Segura confirmed, or refused with a Segura error code, got through. Nothing
is proved, so neither counted nor reset, by a successful read, by another answer of Segura about this one secret, and by
a call that was not tried because Segura asked to wait. The rest is a failure: not sent, rejected by the gateway, 5xx,
no answer, an invalid answer. FAILURES of them in a row open the breaker; an alarm (access key rejected, certificate not
trusted, redirect) opens it at once.
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
from portal.changes.models import CircuitBreaker

FAILURES = 5
_MOST_DOUBLINGS, _LONGEST_PROBE = 4, 10
_log = logging.getLogger(__name__)
_OPEN = Q(opened_at__isnull=False)
_HELD = Q(paused_at__isnull=False)
_RETURNING = Q(opened_at=None, probe_at__isnull=False)
PAUSED = _OPEN | _HELD
MARK = Coalesce("paused_at", "probe_at")
SLOWED = Exists(CircuitBreaker.objects.filter(_HELD | _RETURNING))
"""True while reserve_slot() matters without DELIVERY_RATE_PER_S: during a manual pause or a backlog."""


def current_pause() -> CircuitBreaker | None:
    """Return the row with the time, reason and user of the pause and the time of the next probe; None if not paused."""
    if not is_paused():  # the usual case; every page asks, so the cheap query comes first
        return None
    return CircuitBreaker.objects.filter(PAUSED).select_related("paused_by").first()


def is_paused() -> bool:
    """Return whether delivery is paused, by the breaker or manually."""
    return CircuitBreaker.objects.filter(PAUSED).exists()


def pause_version(row: CircuitBreaker | None) -> datetime | None:
    """Return an instant that differs for each pause and for each probe during one; in SQL it is MARK."""
    return (row.paused_at or row.probe_at) if row else None


def may_call() -> bool:
    """Return whether a claim may go on to a call; while the breaker is open, reserve the probe of this interval.

    Call it in the transaction of the claim, after the claim: a lost claim must not use up the probe. Returns False
    while delivery is paused manually.
    """
    if not is_paused():
        return True
    mine = CircuitBreaker.objects.filter(_OPEN, paused_at=None, probe_at__lte=Now())
    probes = mine.values_list("probes", flat=True).first() or 0
    return bool(mine.filter(probes=probes).update(probe_at=Now() + _probe_every(probes)))


def sweep_quota(now: datetime) -> int | None:
    """Return how many changes a sweep may enqueue; None if there is no limit.

    During a manual pause 0, while the breaker is open 0 or 1, otherwise as many as the return rate and the rate limit
    allow until the next sweep.
    """
    row = CircuitBreaker.objects.filter(_HELD | Q(probe_at__isnull=False)).first()
    if row is not None and row.paused_at:
        return 0
    if row is not None and row.opened_at and row.probe_at:
        return int(row.probe_at <= now)
    rates = [settings.DELIVERY_BACKLOG_RATE_PER_S] if row else []
    if settings.DELIVERY_RATE_PER_S:
        rates.append(settings.DELIVERY_RATE_PER_S)
    return max(1, int(min(rates) * settings.SWEEP_EVERY_S)) if rates else None


def reserve_slot(now: datetime) -> float | None:
    """Reserve the next delivery slot and return the seconds until it. Returns 0.0 if no rate limit applies.

    Returns None and reserves no slot if it would be more than SWEEP_EVERY_S away, or if delivery is paused manually.
    Runs in its own durable transaction.
    """
    cap = settings.DELIVERY_RATE_PER_S
    if not cap and not CircuitBreaker.objects.filter(_HELD | _RETURNING).exists():  # the usual case, without a lock
        return 0.0
    with transaction.atomic(durable=True):
        row, _ = CircuitBreaker.objects.select_for_update().get_or_create(pk=1)
        if row.paused_at:
            return None
        if row.opened_at:  # may_call() admits one probe, which needs no slot
            return 0.0
        at = max(now, row.probe_at or now, (cap and row.next_slot_at) or now)
        wait = (at - now).total_seconds()
        if wait > settings.SWEEP_EVERY_S:
            return None
        row.probe_at = row.probe_at and at + timedelta(seconds=1 / settings.DELIVERY_BACKLOG_RATE_PER_S)
        row.next_slot_at = at + timedelta(seconds=1 / cap) if cap else None
        row.save(update_fields=["probe_at", "next_slot_at"])
        return wait


def end_backlog() -> None:
    """End the rate limit that follows a pause: no change is due any more."""
    CircuitBreaker.objects.filter(_RETURNING).update(probe_at=None)


def record_failure(now: datetime, *, reason: str, code: int | None = None, alarm: bool = False) -> None:
    """Count a call that did not get through; open the breaker after FAILURES in a row, or at once on an `alarm`.

    `reason`: the sentence of the vault package that users are shown.
    """
    CircuitBreaker.objects.get_or_create(pk=1)
    CircuitBreaker.objects.update(failures=F("failures") + 1, http_status=code, reason=reason)
    CircuitBreaker.objects.filter(_OPEN, probes__lt=_MOST_DOUBLINGS).update(probes=F("probes") + 1)
    enough = CircuitBreaker.objects.filter(opened_at=None)
    if not alarm:
        enough = enough.filter(failures__gte=FAILURES)
    if enough.update(opened_at=now, probe_at=now + _probe_every()):
        _log.error("delivery is paused: %s (HTTP %s)", reason, code)
        ledger.record_event("delivery.paused", http_status=code, data={"reason": reason, "alarm": alarm})


def record_success() -> None:
    """Reset the count of failures after a call that got through, and close the breaker unless a manual pause is on."""
    row = CircuitBreaker.objects.filter(Q(failures__gt=0) | _OPEN).first()
    if row is None:
        return
    # probe_at gets a past instant: the first slot of the backlog is free at once.
    if CircuitBreaker.objects.filter(_OPEN, paused_at=None).update(
        opened_at=None, failures=0, probes=0, probe_at=F("opened_at")
    ):
        _log.warning("delivery goes on")
        ledger.record_event("delivery.resumed", data={"paused_at": str(row.opened_at)})
    else:
        CircuitBreaker.objects.filter(failures__gt=0).update(failures=0)


def allow_next_probe(now: datetime) -> None:
    """Allow another probe at once: the last one ended before its call, which proves nothing."""
    CircuitBreaker.objects.filter(_OPEN, probe_at__gt=now).update(probe_at=now)


def set_manual_pause(now: datetime, *, by: User, reason: str) -> bool:
    """Pause delivery until an administrator resumes it; return False if a manual pause is on already."""
    CircuitBreaker.objects.get_or_create(pk=1)
    return bool(CircuitBreaker.objects.filter(paused_at=None).update(paused_at=now, paused_by=by, pause_reason=reason))


def clear_manual_pause(now: datetime) -> bool:
    """End the manual pause; return False if there is none. The backlog is then delivered at the return rate.

    If the breaker is open too, it stays open and keeps probing.
    """
    held = CircuitBreaker.objects.filter(_HELD)
    held.filter(opened_at=None).update(probe_at=now)
    return bool(held.update(paused_at=None, paused_by=None, pause_reason=""))


def _probe_every(probes: int = 0) -> timedelta:
    """Return the time until the next probe; it doubles with each failed one, up to _LONGEST_PROBE times the setting."""
    return timedelta(seconds=settings.DELIVERY_PROBE_EVERY_S * min(2**probes, _LONGEST_PROBE))
