"""What was said about a change, thread by thread, where something was said last coming first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from portal.changes.comment import Comment
from portal.changes.models import Change


@dataclass(frozen=True)
class Thread:
    """A remark and what was answered, in order."""

    first: Comment
    answers: list[Comment]

    @property
    def latest_at(self) -> datetime:
        return (self.answers or [self.first])[-1].at


def of(change: Change) -> list[Thread]:
    """All threads of a change, in one query."""
    answers = defaultdict(list)
    comments = list(Comment.objects.filter(change=change).select_related("author").order_by("pk"))
    for comment in comments:
        answers[comment.parent_id].append(comment)
    threads = [Thread(first, answers[first.pk]) for first in answers[None]]
    return sorted(threads, key=lambda thread: thread.latest_at, reverse=True)
