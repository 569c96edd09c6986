"""Comments on a change in threads and pages, the thread with the newest comment first.

The order is computed from the comments' ids alone; texts are read for the comments that a page shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from portal.accounts.models import User
from portal.changes.models import Change
from portal.changes.models.comment import Comment, ResolvedThread

THREADS_PER_PAGE = 10
NEWEST_ANSWERS = 5
"""Answers per thread on a page of several threads."""
ANSWERS_PER_PAGE = 50
"""Answers per page of one thread."""


@dataclass(frozen=True)
class Thread:
    """A comment and, in order, the answers that a page shows; `hidden` earlier answers are not shown."""

    first: Comment
    answers: list[Comment]
    hidden: int = 0

    @property
    def resolved(self) -> ResolvedThread | None:
        """The resolution of the thread, None if it is open."""
        return getattr(self.first, "resolved", None)

    @property
    def newest(self) -> int:
        """Id of the thread's newest comment among those shown."""
        return (self.answers or [self.first])[-1].pk

    def more_by_others(self, after: int, reader: User) -> list[str]:
        """Return the names of the other users with a comment in the thread that is newer than the comment `after`."""
        new = (comment for comment in (self.first, *self.answers) if comment.pk > after)
        return [comment.author.display_name for comment in new if comment.author_id != reader.pk]


@dataclass(frozen=True)
class ThreadPage:
    """Some threads of a change. `alone`: id of the thread if the page shows answers of only this one.

    `newer` and `older` are the numbers of the neighbouring pages, 0 if there is none.
    """

    threads: list[Thread]
    alone: int = 0
    newer: int = 0
    older: int = 0


@dataclass(frozen=True)
class ThreadIndex:
    """Ids of all comments of a change: for each comment that opened a thread, its answers in order."""

    answers: dict[int, list[int]] = field(default_factory=dict)

    @property
    def ordered(self) -> list[int]:
        """Ids of the threads, the one with the newest comment first."""
        return sorted(self.answers, key=self.newest_of, reverse=True)

    @property
    def newest(self) -> int:
        """Id of the change's newest comment, 0 if there is none."""
        return max(map(self.newest_of, self.answers), default=0)

    def newest_of(self, thread: int) -> int:
        """Return the id of the newest comment in a thread."""
        return max(self.answers[thread], default=thread)

    def thread_of(self, comment: int) -> int:
        """Return the id of the comment's thread, or 0 if the change has no such comment."""
        return next((first for first, answers in self.answers.items() if comment in (first, *answers)), 0)

    def load_page(self, number: int) -> ThreadPage:
        """Return a page of threads; page 1 has the newest. Returns page 1 if there is no page of this number."""
        ordered = self.ordered
        pages = -(-len(ordered) // THREADS_PER_PAGE)
        number = number if 1 <= number <= pages else 1
        chosen = ordered[(number - 1) * THREADS_PER_PAGE : number * THREADS_PER_PAGE]
        older = number + 1 if number < pages else 0
        return ThreadPage(self.load_threads(chosen), newer=number - 1, older=older)

    def load_thread(self, thread: int, number: int = 0, *, at: int = 0) -> ThreadPage:
        """Return a page of a thread's answers, 1 being the newest; the page of the answer `at`, if it is known."""
        answers = self.answers[thread]
        pages = max(1, -(-len(answers) // ANSWERS_PER_PAGE))
        if at in answers:
            number = pages - answers.index(at) // ANSWERS_PER_PAGE
        number = number if 1 <= number <= pages else 1
        start = (pages - number) * ANSWERS_PER_PAGE
        shown = self._load({thread: answers[start : start + ANSWERS_PER_PAGE]})
        shown = [replace(each, hidden=0) for each in shown]  # the links to older pages lead to these answers
        return ThreadPage(shown, alone=thread, newer=number - 1, older=number + 1 if number < pages else 0)

    def load_page_of(self, comment: int) -> ThreadPage:
        """Return the page that shows a comment, of all threads or of its own; the first page if it is unknown."""
        thread = self.thread_of(comment)
        if comment != thread and comment not in self.answers[thread][-NEWEST_ANSWERS:]:
            return self.load_thread(thread, at=comment)
        return self.load_page(self.page_of(thread) if thread else 1)

    def page_of(self, thread: int) -> int:
        """Return the number of the page that shows a thread."""
        return self.ordered.index(thread) // THREADS_PER_PAGE + 1

    def load_threads(self, chosen: list[int]) -> list[Thread]:
        """Return these threads in this order, each with its newest answers."""
        return self._load({thread: self.answers[thread][-NEWEST_ANSWERS:] for thread in chosen})

    def load_updated(self, after: int) -> list[Thread]:
        """Return the threads with a comment newer than `after`, the newest first, up to a page."""
        updated = [thread for thread in self.ordered if self.newest_of(thread) > after]
        return self.load_threads(updated[:THREADS_PER_PAGE])

    def on_page(self, since: int, after: int) -> set[int]:
        """Return the threads on a first page that was opened after comment `since` and updated until `after`."""
        opened = sorted((each for each in self.answers if each <= since), key=lambda each: self._until(each, since))
        return set(opened[-THREADS_PER_PAGE:]) | {each for each in self.answers if self._until(each, after) > since}

    def _until(self, thread: int, last: int) -> int:
        return max((number for number in (thread, *self.answers[thread]) if number <= last), default=0)

    def _load(self, wanted: dict[int, list[int]]) -> list[Thread]:
        numbers = [number for thread, answers in wanted.items() for number in (thread, *answers)]
        found = Comment.objects.select_related("author", "resolved__by").in_bulk(numbers) if numbers else {}
        return [
            Thread(found[thread], [found[answer] for answer in answers], self._hidden(thread, answers))
            for thread, answers in wanted.items()
        ]

    def _hidden(self, thread: int, shown: list[int]) -> int:
        return self.answers[thread].index(shown[0]) if shown else 0


def has_newer_comments(newest: int, change_id: int, *, reader: User) -> bool | None:
    """Return whether other users commented after that comment, or None if the reader may not see the change."""
    if not Change.objects.visible_to(reader).filter(pk=change_id).exists():
        return None
    return Comment.objects.filter(change=change_id, pk__gt=newest).exclude(author=reader).exists()


def load_index(change: Change) -> ThreadIndex:
    """Return the index of a change's comments, in one query that reads no text."""
    answers: dict[int, list[int]] = {}
    for number, parent in Comment.objects.filter(change=change).order_by("pk").values_list("pk", "parent"):
        answers.setdefault(parent or number, [])
        if parent:
            answers[parent].append(number)
    return ThreadIndex(answers)
