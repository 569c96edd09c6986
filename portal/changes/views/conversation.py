"""The conversation on the page of a change, and the part of it that htmx swaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.access import PersonRequest
from portal.changes.comment import Comment
from portal.changes.forms.comment import CommentForm
from portal.changes.labels import FIELD_LABELS
from portal.changes.reading.dossier import Dossier
from portal.changes.reading.threads import Thread
from portal.pages.parts import in_its_place


@dataclass(frozen=True)
class Talk:
    """The threads of a change, each with the form to answer in, and the form that opens another one."""

    threads: list[tuple[Thread, CommentForm]]
    form: CommentForm


def talk(request: PersonRequest, shown: Dossier, sent: CommentForm | None = None) -> Talk:
    """The conversation; `sent` is a form that was refused, shown in its place with what was typed."""
    refused = sent.data.get("answers", "") if sent else ""
    about = request.GET.get("about", "")
    fresh = CommentForm(field=about if about in FIELD_LABELS else "")
    threads = [
        (thread, sent if sent and refused == str(thread.first.pk) else CommentForm(answers=thread.first.pk))
        for thread in shown.threads
    ]
    placed = any(form is sent for _thread, form in threads)
    opening = fresh if sent is None or placed else sent
    opening.offer(change.field for change in shown.row.diff)
    return Talk(threads, opening)


def added(request: PersonRequest, shown: Dossier, said: Comment) -> HttpResponse:
    """For htmx: the thread that was answered, or an empty form and the thread that was opened."""
    held = talk(request, shown)
    opened = said.parent_id or said.pk
    mine = next((thread, form) for thread, form in held.threads if thread.first.pk == opened)
    return _part(request, shown, {"talk": held, "mine": mine, "said": said}, answer=said.parent_id is not None)


def heard(request: PersonRequest, shown: Dossier, after: int) -> HttpResponse:
    """For a page that shows the comments up to `after`: each thread that others have said more in, and who did."""
    by = request.user
    more = [(thread, form) for thread, form in talk(request, shown).threads if thread.more_by_others(after, by)]
    context = {
        "change": shown.change,
        "shown": shown,
        "opened": [(thread, form) for thread, form in more if thread.first.pk > after and thread.first.author != by],
        "answered": [thread for thread, _form in more if thread.first.pk <= after or thread.first.author == by],
        "speakers": sorted({name for thread, _form in more for name in thread.more_by_others(after, by)}),
    }
    return render(request, "changes/_heard.html", context)


def refused(request: PersonRequest, shown: Dossier, sent: CommentForm, *, status: int) -> HttpResponse:
    """For htmx: the form, where it was sent from, with what is wrong."""
    held = talk(request, shown, sent)
    mine = next(((thread, form) for thread, form in held.threads if form is sent), None)
    part = _part(request, shown, {"talk": held, "mine": mine}, answer=mine is not None, status=status)
    return in_its_place(part, f"#thread-{mine[0].first.pk}" if mine else "#say")


def _part(
    request: PersonRequest, shown: Dossier, context: dict[str, Any], *, answer: bool, status: int = 200
) -> HttpResponse:
    template = "changes/_answered.html" if answer else "changes/_said.html"
    return render(request, template, {"change": shown.change, **context}, status=status)
