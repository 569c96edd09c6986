"""Commands for comments on a change: each user who may see the change may comment, also after it is closed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.limits import LimitReached, count_act
from portal.accounts.models import User
from portal.accounts.usernames import fold_username
from portal.audit import ledger
from portal.changes.domain.mentions import find_mentions
from portal.changes.models import Change
from portal.changes.models.comment import MOST, Comment
from portal.changes.rules import guards, secret_quotes
from portal.changes.rules.guards import TooManySubmissions
from portal.changes.rules.viewers import list_viewers
from portal.changes.transitions import db_now, lock_change


@dataclass(frozen=True)
class NewComment:
    """A comment to post: on a field, on the change as a whole (`field` is ''), or as an answer to a comment."""

    key: uuid.UUID
    text: str
    field: str = ""
    answers: int | None = None


def post_comment(change_id: int, remark: NewComment, *, by: User) -> Comment:
    """Post the comment in its thread; the same comment sent twice is stored once.

    A name that matches no user who may see the change stays text. Raises Change.DoesNotExist if the user may not see
    the change, PastRetention, ContainsSecret, TooManySubmissions.
    """
    with transaction.atomic(durable=True):
        if not Change.objects.visible_to(by).filter(pk=change_id).exists():
            raise Change.DoesNotExist
        change = lock_change(change_id)
        said = Comment.objects.filter(author=by, key=remark.key).first()
        return said or _say(change, remark, by=by)


def _say(change: Change, remark: NewComment, *, by: User) -> Comment:
    guards.require_events(change)
    if change.comments.count() >= MOST:
        raise TooManySubmissions(_("A change takes %(most)d comments, and this one has them.") % {"most": MOST})
    secret_quotes.forbid_in_texts(change, [remark.text], by=by)
    try:
        count_act(by, "comment")
    except LimitReached as reached:
        raise TooManySubmissions(str(reached)) from None
    names = find_mentioned_viewers(change, find_mentions(remark.text))
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
    ledger.record_event(
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


def find_mentioned_viewers(change: Change, names: Collection[str]) -> list[str]:
    """Return the usernames of the mentioned users who may see the change, each once."""
    viewers = list_viewers(change).values("pk")
    people = User.objects.find_by_names(names).filter(pk__in=viewers) if names else ()
    found = {person.username_key: person.username for person in people}
    keys = (fold_username(name) for name in names)
    return list(dict.fromkeys(found[key] for key in keys if key in found))
