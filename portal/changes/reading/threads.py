"""What was said about a change, thread by thread, where something was said last coming first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from portal.accounts.models import User
from portal.changes.comment import Comment
from portal.changes.models import Change


@dataclass(frozen=True)
class Thread:
    """A remark and what was answered, in order."""

    first: Comment
    answers: list[Comment]

    @property
    def newest(self) -> int:
        """Its newest comment."""
        return (self.answers or [self.first])[-1].pk

    def more_by_others(self, after: int, reader: User) -> list[str]:
        """Who, but for the reader, said something in it that is newer than the comment `after`."""
        new = (comment for comment in (self.first, *self.answers) if comment.pk > after)
        return [comment.author.display_name for comment in new if comment.author_id != reader.pk]

    @property
    def latest_at(self) -> datetime:
        return (self.answers or [self.first])[-1].at


def more_after(newest: int, change_id: int, *, reader: User) -> bool | None:
    """Whether others have said more since that comment; None where the reader may not see the change."""
    if not Change.objects.visible_to(reader).filter(pk=change_id).exists():
        return None
    return Comment.objects.filter(change=change_id, pk__gt=newest).exclude(author=reader).exists()


def of(change: Change) -> list[Thread]:
    """All threads of a change, in one query."""
    answers = defaultdict(list)
    comments = list(Comment.objects.filter(change=change).select_related("author").order_by("pk"))
    for comment in comments:
        answers[comment.parent_id].append(comment)
    threads = [Thread(first, answers[first.pk]) for first in answers[None]]
    return sorted(threads, key=lambda thread: thread.latest_at, reverse=True)
