"""What people said about a change: threads of comments, written once and kept as they are."""

from __future__ import annotations

import re

from django.db import models

from portal.accounts.models import User
from portal.accounts.usernames import fold_username

LONGEST = 4000
MOST = 500
"""Comments that one change takes: its page shows them all."""

_MARK = "\u0300-\u036f"
"""Accents as characters of their own: a name may be typed with them, and is none the less the name."""
_MENTION = re.compile(rf"(?<![\w@.+-])@(\w(?:[\w{_MARK}.@+-]*[\w{_MARK}])?)")


class Comment(models.Model):
    """One remark on a change, or on one field of it; an answer hangs below the remark that opened its thread.

    `key` comes with the form, so that a form sent twice is one comment.
    """

    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="comments")
    revision = models.IntegerField(help_text="The revision that counted when it was said.")
    field = models.CharField(max_length=32, blank=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    mentions: models.JSONField[list[str]] = models.JSONField(help_text="Usernames, as they were then.")
    key = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        app_label = "changes"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["author", "key"], name="comment_once")]


def find_mentions(text: str) -> list[str]:
    """The user names behind an @ as they were typed, each once, in order."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def split_mentions(text: str, names: list[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is the mention of one of `names`."""
    found, end, keys = [], 0, {fold_username(name) for name in names}
    for match in _MENTION.finditer(text):
        if fold_username(match[1]) in keys:
            found += [(text[end : match.start()], False), (match[0], True)]
            end = match.end()
    return [*found, (text[end:], False)]
