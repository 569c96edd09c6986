"""Deletion of rows past their retention, by class of record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.accounts import attempts, limits
from portal.audit import retention
from portal.changes.models import Change
from portal.changes.workflow import drafts
from portal.identity import provider_sessions
from portal.notifications.models import Notification


def apply_retention(*, by: str) -> Iterator[tuple[str, int]]:
    """Yield each class with the number of deleted rows. Raises DatabaseError if this role may not delete events."""
    yield from delete_expired_rows()
    retention.record_retention(settings.RETAIN_AUDIT_DAYS, by=by)
    if settings.RETAIN_AUDIT_DAYS:
        unfinished = list(Change.objects.open().values_list("pk", flat=True))
        kept = timedelta(days=settings.RETAIN_AUDIT_DAYS)
        yield "audit events", retention.prune_events(older_than=kept, unfinished=unfinished, by=by)


def delete_expired_rows() -> Iterator[tuple[str, int]]:
    """Yield the same for rows that are no evidence, which the running portal's own role may delete."""
    now = timezone.now()
    yield "sessions that are over", Session.objects.filter(expire_date__lt=now).delete()[0]
    yield "abandoned drafts", drafts.delete_expired_drafts(now)
    yield "counted acts", limits.delete_expired()
    yield "addresses of sign-ins", attempts.forget_addresses()
    yield "sessions at the provider", provider_sessions.delete_expired_sessions()
    told = Notification.objects.filter(at__lt=now - timedelta(days=settings.RETAIN_NOTIFICATIONS_DAYS))
    yield "notices", told.delete()[0]
