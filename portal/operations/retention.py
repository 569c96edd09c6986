"""What is past its retention, by class of record."""

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
from portal.notifications.models import Notice


def apply_retention(*, by: str) -> Iterator[tuple[str, int]]:
    """Each class and how many of it went. Raises DatabaseError where this role may not remove events."""
    yield from delete_expired_rows()
    retention.record_retention(settings.RETAIN_AUDIT_DAYS, by=by)
    if settings.RETAIN_AUDIT_DAYS:
        unfinished = list(Change.objects.open().values_list("pk", flat=True))
        kept = timedelta(days=settings.RETAIN_AUDIT_DAYS)
        yield "audit events", retention.prune_events(older_than=kept, unfinished=unfinished, by=by)


def delete_expired_rows() -> Iterator[tuple[str, int]]:
    """The same of what is no evidence, and so needs nobody's rights but the running portal's own."""
    now = timezone.now()
    yield "sessions that are over", Session.objects.filter(expire_date__lt=now).delete()[0]
    yield "abandoned drafts", drafts.delete_expired_drafts(now)
    yield "counted acts", limits.delete_expired()
    yield "addresses of sign-ins", attempts.forget_addresses()
    told = Notice.objects.filter(at__lt=now - timedelta(days=settings.RETAIN_NOTICES_DAYS))
    yield "notices", told.delete()[0]
