"""Command of approvers: compare the base of a pending change with Segura, in the background."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.delivery import tasks
from portal.changes.models import Change, Status
from portal.changes.models.observed_secret import claim_read
from portal.changes.models.seen_revision import Shown, record_seen

READ_EVERY = timedelta(minutes=1)
"""Time after which a secret may be read again for reviewers: Segura logs each read as a view."""


def is_due(requested_at: datetime | None) -> bool:
    """Return whether the secret may be read again, by the newest request that a page has loaded."""
    return requested_at is None or timezone.now() - requested_at >= READ_EVERY


def open_for_review(
    change: Change, *, viewable: bool, due: bool, by: User, unseen: bool = False, asked: bool = False
) -> bool:
    """Let a worker read the secret of a pending change, at most once in READ_EVERY for all readers.

    `viewable`: whether Segura shows the secret without an approval or a justification; `due`: is_due as the page knows.
    `unseen`: the difference of its revision is served to the user for the first time, which is stored.
    `asked`: the user pressed “Check now”; else the change was opened, which reads only if REVIEW_READS is `open`.
    Returns whether a read was enqueued.
    """
    shown = Shown(change.pk, by.pk, change.revision) if unseen else None
    wanted = settings.REVIEW_READS == "open" or (asked and settings.REVIEW_READS == "click")
    if not (wanted and due and viewable and change.status == Status.PENDING):
        if shown:
            record_seen(shown)
        return False
    if not claim_read(change.secret, every=READ_EVERY, shown=shown):
        return False
    tasks.enqueue_base_read(change.secret, by.pk)
    return True
