"""Lists of changes: what waits for me, what I proposed, and all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.changes.forms.ballot import BallotForm
from portal.changes.forms.filters import FilterForm, QueueForm
from portal.changes.models import Change
from portal.changes.reading import listing, value
from portal.changes.reading.listing import Row
from portal.changes.reading.value import Likeness
from portal.pages import keyset, saved

_SIZE = 25


@dataclass(frozen=True)
class Panel:
    """The change beside the queue: one that waits for the reader, or the one whose decision was just refused."""

    row: Row
    likeness: list[Likeness]
    ballot: BallotForm
    may_vote: bool = True
    refusal: dict[str, Any] = field(default_factory=dict)


@require_safe
@requires(Right.DECIDE)
def queue(request: PersonRequest) -> HttpResponse:
    """What this person may decide, the longest waiting first. `open`: show this one, or the next, beside the list."""
    return show_queue(request, request.GET)


def show_queue(
    request: PersonRequest, asked: QueryDict, *, panel: Panel | None = None, status: int = 200
) -> HttpResponse:
    """The queue narrowed as `asked` (q, at, open), with `panel` in place of the selected change where it is given."""
    text, opened = QueueForm(asked).asked()
    waiting = Change.objects.awaiting_decision_by(request.user)
    found = listing.listed(waiting.matching(text) if text else waiting)
    page = keyset.page(found, order=("id",), cursor=asked.get("at", ""), size=_SIZE)
    rows = listing.rows(page.rows, reader=request.user)
    selected = _selected(rows, opened)
    if panel is None and selected is not None:
        likeness = value.likeness(selected.change, selected.revision, reader=request.user)
        panel = Panel(selected, likeness, BallotForm(request=request))
    context = {"asked": asked, "text": text, "page": page, "rows": rows, "panel": panel}
    return render(request, _fragment(request, "changes/queue.html", "desk"), context, status=status)


@require_safe
@requires(Right.PROPOSE)
def mine(request: PersonRequest) -> HttpResponse:
    """Own changes: the open ones, then those that ended."""
    own = listing.listed(Change.objects.proposed_by(request.user))
    lists = {}
    for name, changes, cursor in (("open", own.open(), "open_at"), ("ended", own.ended(), "at")):
        page = keyset.page(changes, order=("-id",), cursor=request.GET.get(cursor, ""), size=_SIZE)
        lists[name] = {"page": page, "rows": listing.rows(page.rows, reader=request.user)}
    return render(request, "changes/mine.html", lists)


@require_safe
@requires(Right.AUDIT, Right.OPERATE, Right.DECIDE)
def all_changes(request: PersonRequest) -> HttpResponse:
    """Every change, the newest first, narrowed by status, requester and secret."""
    form = FilterForm(request.GET)
    found = listing.listed(form.narrow(Change.objects.all()))
    page = keyset.page(found, order=("-id",), cursor=request.GET.get("at", ""), size=_SIZE)
    context = {
        "form": form,
        "page": page,
        "rows": listing.rows(page.rows, reader=request.user),
        "saved": saved.filters(request, "changes:all", form.asked()),
    }
    return render(request, _fragment(request, "changes/all.html", "found"), context)


def _selected(rows: list[Row], wanted: int) -> Row | None:
    """The asked row or, where it is gone, the one after it: whoever decided one goes on with the next."""
    return next((row for row in rows if row.change.pk >= wanted), rows[0] if rows else None)


def _fragment(request: HttpRequest, template: str, name: str) -> str:
    return f"{template}#{name}" if request.htmx else template  # type: ignore[attr-defined]
