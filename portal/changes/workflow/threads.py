"""Commands that resolve a thread of comments and reopen it: for the author of its first comment, and for approvers."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.changes.models import Change, Comment, ResolvedThread
from portal.changes.rules import guards
from portal.changes.transitions import db_now, lock_change


def resolve_thread(change_id: int, thread_id: int, *, by: User) -> Comment:
    """Resolve the thread that this comment opened; a resolved one stays as it is.

    Raises Change.DoesNotExist if the user may not see the change, Comment.DoesNotExist, NotAllowed, PastRetention.
    """
    with transaction.atomic(durable=True):
        thread = _lock_thread(change_id, thread_id, by=by)
        _resolved, created = ResolvedThread.objects.get_or_create(comment=thread, defaults={"by": by, "at": db_now()})
        if created:
            _record(thread, "change.thread_resolved", by=by)
        return thread


def reopen_thread(change_id: int, thread_id: int, *, by: User) -> Comment:
    """Reopen the thread that this comment opened; an open one stays as it is. Raises what resolve_thread raises."""
    with transaction.atomic(durable=True):
        thread = _lock_thread(change_id, thread_id, by=by)
        deleted, _models = ResolvedThread.objects.filter(comment=thread).delete()
        if deleted:
            _record(thread, "change.thread_reopened", by=by)
        return thread


def may_settle_thread(thread: Comment, user: User) -> bool:
    """Return whether the user may resolve and reopen the thread that this comment opened."""
    return thread.author_id == user.pk or roles.has_right(user, Right.DECIDE)


def _lock_thread(change_id: int, thread_id: int, *, by: User) -> Comment:
    if not Change.objects.visible_to(by).filter(pk=change_id).exists():
        raise Change.DoesNotExist
    change = lock_change(change_id)
    thread = change.comments.get(pk=thread_id, parent=None)
    if not may_settle_thread(thread, by):
        raise guards.NotAllowed(
            _("Only the author of the first comment and members of %(groups)s can resolve or reopen these comments.")
            % {"groups": roles.group_names_with_right(Right.DECIDE)}
        )
    guards.require_events(change)
    return thread


def _record(thread: Comment, action: str, *, by: User) -> None:
    change = thread.change
    ledger.record_event(action, by=by.username, change=change.pk, secret=change.secret, data={"comment": thread.pk})
