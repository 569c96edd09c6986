"""What people say about a change. Whoever may see it may speak, while it is open and after it has ended."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit import ledger
from portal.changes import rules
from portal.changes.comment import MOST, Comment, mentioned
from portal.changes.models import Change
from portal.changes.rules import TooMany
from portal.changes.transitions import db_now, lock


@dataclass(frozen=True)
class Remark:
    """What somebody wants to say: about a field ('' is the change as a whole), or in answer to a comment."""

    key: uuid.UUID
    text: str
    field: str = ""
    answers: int | None = None


def comment(change_id: int, remark: Remark, *, by: User) -> Comment:
    """Add the remark to its thread; the same remark sent twice is one comment.

    Raises Change.DoesNotExist for who may not see the change, HoldsSecret, NotReaders, TooMany.
    """
    with transaction.atomic(durable=True):
        if not Change.objects.visible_to(by).filter(pk=change_id).exists():
            raise Change.DoesNotExist
        change = lock(change_id)
        said = Comment.objects.filter(author=by, key=remark.key).first()
        return said or _say(change, remark, by=by)


def _say(change: Change, remark: Remark, *, by: User) -> Comment:
    if change.comments.count() >= MOST:
        raise TooMany(_("A change takes %(most)d comments, and this one has them.") % {"most": MOST})
    rules.tells_no_value(change, remark.text, by=by)
    names = mentioned(remark.text)
    rules.readers(change, names)
    opened = change.comments.filter(pk=remark.answers, parent=None).first() if remark.answers else None
    said = Comment.objects.create(
        change=change,
        revision=change.revision,
        field=opened.field if opened else remark.field,
        parent=opened,
        author=by,
        text=remark.text,
        mentions=names,
        key=remark.key,
        at=db_now(),
    )
    ledger.record(
        "change.commented",
        by=by.username,
        change=change.pk,
        secret=change.secret,
        data={
            "comment": said.pk,
            "revision": said.revision,
            "field": said.field,
            "answers": opened.pk if opened else None,
            "text": said.text,
            "mentions": names,
        },
    )
    return said
