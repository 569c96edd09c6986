"""Lists of changes: what waits for me, what I proposed, and all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.changes import risks
from portal.changes.forms.ballot import BallotForm
from portal.changes.forms.bulk import MOST, BulkForm
from portal.changes.forms.filters import FilterForm, NewsForm, QueueForm
from portal.changes.models import Change
from portal.changes.reading import listing, value
from portal.changes.reading.listing import Row
from portal.changes.reading.news import News
from portal.changes.reading.value import Likeness
from portal.pages import keyset, saved
from portal.pages.parts import in_its_place

_SIZE = 25


@dataclass(frozen=True)
class Panel:
    """The change beside the queue: one that waits for the reader, or the one whose decision was just refused.

    While changes are requested, `may_approve` and `may_request_changes` say what the reader may do all the same.
    """

    row: Row
    likeness: list[Likeness]
    ballot: BallotForm
    may_vote: bool = True
    may_approve: bool = False
    may_request_changes: bool = False
    refusal: dict[str, Any] = field(default_factory=dict)


@require_safe
@requires(Right.DECIDE)
def queue(request: PersonRequest) -> HttpResponse:
    """What this person may decide, the longest waiting first. `open`: show this one, or the next, beside the list."""
    return show_queue(request, request.GET)


def show_queue(
    request: PersonRequest, asked: QueryDict, *, panel: Panel | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    """The queue as `asked` (see QueueForm), with `panel` in place of the selected change where it is given.

    `more`: a `bulk` form that was refused, or the `report` of one that went through.
    """
    form = QueueForm(asked)
    place = form.place
    waiting = Change.objects.awaiting_decision_by(request.user)
    found = listing.listed(form.narrow(waiting))
    page = keyset.page(found, order=form.order, cursor=place.get("at", ""), size=MOST)
    rows = listing.rows(page.rows, reader=request.user)
    selected = listing.in_place_of(form.opened, rows, form.order)
    if panel is None and selected is not None:
        likeness = value.likeness(selected.change, selected.revision, reader=request.user)
        panel = Panel(selected, likeness, BallotForm(request=request, digest=selected.revision.digest))
    context = {
        "asked": place,
        "form": form,
        "page": page,
        "rows": rows,
        "panel": panel,
        "following": _following(rows, panel, form.opened),
        "bulk": BulkForm(request=request),
        "saved": saved.filters(request, "changes:queue", form.kept),
        "report": None,
        "news": News(timezone.now(), [row.change.pk for row in rows]),
        **more,
    }
    response = render(request, _fragment(request, "changes/queue.html", "desk"), context, status=status)
    return in_its_place(response, "#desk") if request.htmx and status >= 400 else response


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
        "asked": form.asked(),
        "saved": saved.filters(request, "changes:all", form.asked()),
    }
    return render(request, _fragment(request, "changes/all.html", "found"), context)


@require_safe
@requires()
def risk_rules(request: PersonRequest) -> HttpResponse:
    """What the levels of risk are computed from: each rule, and when it fires."""
    context = {"rules": risks.RULES.values(), "high": risks.Level.HIGH, "medium": risks.Level.MEDIUM}
    return render(request, "changes/risk_rules.html", context)


@require_safe
@requires(Right.DECIDE)
def news(request: PersonRequest) -> HttpResponse:
    """What has happened to the queue since a page of it was made; 204 while that page knows all of it."""
    form, seen = QueueForm(request.GET), NewsForm(request.GET)
    if not seen.is_valid():
        return HttpResponse(status=204)
    known = News(**seen.known)
    waiting = form.narrow(Change.objects.awaiting_decision_by(request.user))
    now = known.after(waiting)
    if now.told == known.told and not now.decided:
        return HttpResponse(status=204)
    context = {"asked": form.place, "news": now, "opened": form.opened}
    return render(request, "changes/_news.html", context)


def _following(rows: list[Row], panel: Panel | None, opened: int) -> int:
    """The change to go on with after the one in the panel."""
    if panel is None:
        return 0
    numbers = [row.change.pk for row in rows]
    if panel.row.change.pk not in numbers:
        return opened
    return numbers[min(numbers.index(panel.row.change.pk) + 1, len(numbers) - 1)]


def _fragment(request: HttpRequest, template: str, name: str) -> str:
    return f"{template}#{name}" if request.htmx else template  # type: ignore[attr-defined]
