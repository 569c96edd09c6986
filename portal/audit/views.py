"""Pages of the log, for those who hold the right to audit. Nothing here writes, but for the record of the reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from portal.accounts import keyset
from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.audit.export import Export
from portal.audit.forms import FilterForm
from portal.audit.ledger import record
from portal.audit.models import Event

_ROWS = 50
_STEPS = 100
_ONE_READING = timedelta(hours=1)


@require_safe
@requires(Right.AUDIT)
def events(request: PersonRequest) -> HttpResponse:
    """The log, newest first, narrowed by the filters of the address."""
    form = FilterForm(request.GET)
    if not form.is_valid():
        return _list(request, form, {}, status=422)
    filters = form.filters()
    page = keyset.page(
        Event.objects.matching(filters), order=filters.order, cursor=request.GET.get("at", ""), size=_ROWS
    )
    _read(request, "events", filters=form.asked())
    context = {
        "rows": page.rows,
        "newer": page.newer and _address(request.path, form.asked(), page.newer),
        "older": page.older and _address(request.path, form.asked(), page.older),
        "query": urlencode(form.asked()),
    }
    return _list(request, form, context)


@require_safe
@requires(Right.AUDIT)
def event(request: PersonRequest, number: int) -> HttpResponse:
    """One event whole: every field, and the canonical text that is hashed."""
    found = get_object_or_404(Event, pk=number)
    _read(request, "event", event=found.pk)
    return render(request, "audit/event.html", {"event": found})


@require_safe
@requires(Right.AUDIT)
def change_timeline(request: PersonRequest, change: int) -> HttpResponse:
    """All that happened to one change, from its proposal to Segura's answers."""
    page = keyset.page(
        Event.objects.filter(change=change), order=("id",), cursor=request.GET.get("at", ""), size=_STEPS
    )
    if not page.rows:
        raise Http404
    _read(request, "change_timeline", change=change)
    context = {
        "change": change,
        "secret": next((row.entry.secret for row in page.rows if row.entry and row.entry.secret is not None), None),
        "rows": page.rows,
        "earlier": page.newer and _address(request.path, {}, page.newer),
        "later": page.older and _address(request.path, {}, page.older),
    }
    return render(request, "audit/change_timeline.html", context)


@require_GET
@requires(Right.AUDIT)
def export(request: PersonRequest, kind: str) -> HttpResponseBase:
    """The events that match the filters as a file, streamed; what is in it is on record before it leaves."""
    form = FilterForm(request.GET)
    if not form.is_valid():
        return _list(request, form, {}, status=422)
    file = Export(Event.objects.matching(form.filters()), kind)
    begun = record("audit.exported", by=request.user.username, data={"format": kind, "filters": form.asked()})
    name = f"audit-log-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
    return StreamingHttpResponse(
        _accounted(file, begun, by=request.user.username),
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


def _accounted(file: Export, begun: int, *, by: str) -> Iterator[str]:
    """The file, and at its end, or where the reader hung up, a record of how much of it was handed over.

    `origin` is taken along, because by then the middleware has forgotten where the request came from.
    """
    origin = copy_context()

    def parts() -> Iterator[str]:
        complete = False
        try:
            yield from file.parts()
            complete = True
        finally:
            data = {"export": begun, "format": file.format, "rows": file.rows, "complete": complete}
            origin.run(record, "audit.export_ended", by=by, data=data)

    return parts()


def _list(request: PersonRequest, form: FilterForm, context: dict[str, Any], status: int = 200) -> HttpResponse:
    part = bool(request.htmx)
    template = "audit/events.html#list" if part else "audit/events.html"
    response = render(request, template, {"form": form, **context}, status=status)
    if part:
        # What a person copies from the address bar holds only what they asked for.
        response["HX-Push-Url"] = _address(request.path, form.asked(), request.GET.get("at", ""))
    return response


def _read(request: PersonRequest, view: str, **what: Any) -> None:
    """Put the reading on record; the next page of the same, or the same once more, is the same reading."""
    by, data = request.user.username, {"view": view, **what}
    newest = Event.objects.filter(actor=by).first()
    before = newest.entry if newest else None
    if before and before.action == "audit.read" and before.data == data and timezone.now() - before.at < _ONE_READING:
        return
    record("audit.read", by=by, data=data)


def _address(path: str, asked: dict[str, str], cursor: str) -> str:
    """The page at the cursor under these filters."""
    query = urlencode(asked | ({"at": cursor} if cursor else {}))
    return f"{path}?{query}" if query else path
