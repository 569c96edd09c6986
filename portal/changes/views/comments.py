"""Comments on the page of a change, and the parts of them that htmx swaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.decorators import UserRequest
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.forms.comment import CommentForm
from portal.changes.models.comment import Comment
from portal.changes.presenters.change_page import ChangePage
from portal.changes.presenters.comment_threads import Thread, ThreadPage
from portal.common.parsing import parse_db_integer
from portal.web.htmx import retarget_response


@dataclass(frozen=True)
class CommentSection:
    """Some threads of a change, each with the form to answer in, and the form that opens a thread."""

    page: ThreadPage
    threads: list[tuple[Thread, CommentForm]]
    form: CommentForm

    @property
    def is_first(self) -> bool:
        """Whether it is the page with the newest comments, to which new ones of other users are added while open."""
        return not self.page.newer and not self.page.alone

    @property
    def newer_link(self) -> str:
        """URL of the page with newer comments, '' if there is none."""
        return self._link(self.page.newer)

    @property
    def older_link(self) -> str:
        """URL of the page with older comments, '' if there is none."""
        return self._link(self.page.older)

    def _link(self, number: int) -> str:
        asked = {"thread": self.page.alone} if self.page.alone else {}
        return f"?{urlencode({'comments': number, **asked})}#talk" if number else ""


def talk(request: UserRequest, shown: ChangePage, sent: CommentForm | None = None) -> CommentSection:
    """Return the comment section; `sent` is a form with errors, which is shown in its place with what was typed."""
    answered = parse_db_integer(sent.data.get("answers", "")) if sent else 0
    page = shown.comments.load_page_of(answered) if answered else _load_page(request, shown)
    threads = [(thread, _answer_form(thread, sent if answered == thread.first.pk else None)) for thread in page.threads]
    about = request.GET.get("about", "")
    fresh = CommentForm(field=about if about in FIELD_LABELS else "")
    placed = any(form is sent for _thread, form in threads)
    opening = fresh if sent is None or placed else sent
    opening.offer(change.field for change in shown.row.diff)
    return CommentSection(page, threads, opening)


def _load_page(request: UserRequest, shown: ChangePage) -> ThreadPage:
    """Return the page that the URL asks for: with a comment, of one thread, or of all threads."""
    comment, thread, number = (
        parse_db_integer(request.GET.get(name, "")) or 0 for name in ("said", "thread", "comments")
    )
    if shown.comments.thread_of(comment):
        return shown.comments.load_page_of(comment)
    if thread and shown.comments.thread_of(thread) == thread:
        return shown.comments.load_thread(thread, number)
    return shown.comments.load_page(number)


def _answer_form(thread: Thread, sent: CommentForm | None = None) -> CommentForm:
    return sent or CommentForm(answers=thread.first.pk)


def added(request: UserRequest, shown: ChangePage, said: Comment) -> HttpResponse:
    """Render for htmx the thread that was answered, or an empty form and the thread that was opened."""
    held = talk(request, shown)
    (thread,) = shown.comments.load_threads([said.parent_id or said.pk])
    context = {"talk": held, "mine": (thread, _answer_form(thread)), "said": said}
    return _part(request, shown, context, answer=said.parent_id is not None)


def settled(request: UserRequest, shown: ChangePage, first: Comment) -> HttpResponse:
    """Render for htmx a thread that was resolved or reopened."""
    (thread,) = shown.comments.load_threads([first.pk])
    context = {"change": shown.change, "mine": (thread, _answer_form(thread))}
    return render(request, "changes/_thread_settled.html", context)


def answer_new_comments(request: UserRequest, shown: ChangePage, after: int, since: int) -> HttpResponse:
    """Render new comments by other users, for a page opened after comment `since` and updated until `after`.

    A thread that the page shows gets its new comments; any other thread is added on top.
    """
    by = request.user
    more = [thread for thread in shown.comments.load_updated(after) if thread.more_by_others(after, by)]
    there = shown.comments.on_page(since, after)
    own = {thread.first.pk for thread in more if thread.first.pk > after and thread.first.author == by}
    opened = [thread for thread in more if thread.first.pk not in there | own]
    context = {
        "change": shown.change,
        "shown": shown,
        "since": since,
        "opened": [(thread, _answer_form(thread)) for thread in opened],
        "answered": [thread for thread in more if thread not in opened],
        "speakers": sorted({name for thread in more for name in thread.more_by_others(after, by)}),
    }
    return render(request, "changes/_new_comments.html", context)


def refused(request: UserRequest, shown: ChangePage, sent: CommentForm, *, status: int) -> HttpResponse:
    """Render for htmx the form with its errors, in the place where it was sent from."""
    held = talk(request, shown, sent)
    mine = next(((thread, form) for thread, form in held.threads if form is sent), None)
    part = _part(request, shown, {"talk": held, "mine": mine}, answer=mine is not None, status=status)
    return retarget_response(part, f"#thread-{mine[0].first.pk}" if mine else "#say")


def _part(
    request: UserRequest, shown: ChangePage, context: dict[str, Any], *, answer: bool, status: int = 200
) -> HttpResponse:
    template = "changes/_reply_posted.html" if answer else "changes/_comment_posted.html"
    return render(request, template, {"change": shown.change, **context}, status=status)
