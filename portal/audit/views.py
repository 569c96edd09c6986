"""Pages of the log, for those who hold the right to audit. Nothing here writes, but for the record of the reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_safe
from django.views.decorators.vary import vary_on_headers

from portal.accounts import keyset
from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.audit.export import Export
from portal.audit.forms import FilterForm
from portal.audit.ledger import record
from portal.audit.models import Event

_ROWS = 50
_STEPS = 100


@require_safe
@cache_control(no_store=True)
@vary_on_headers("HX-Request")
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
    shown = [row.pk for row in page.rows]
    _read(request, "events", filters=form.asked(), newest=max(shown, default=None), oldest=min(shown, default=None))
    context = {
        "rows": page.rows,
        "newer": _address("audit:events", form.asked(), page.newer),
        "older": _address("audit:events", form.asked(), page.older),
        "query": urlencode(form.asked()),
    }
    return _list(request, form, context)


@require_safe
@cache_control(no_store=True)
@requires(Right.AUDIT)
def event(request: PersonRequest, number: int) -> HttpResponse:
    """One event whole: every field, and the canonical text that is hashed."""
    found = get_object_or_404(Event, pk=number)
    _read(request, "event", event=found.pk)
    return render(request, "audit/event.html", {"event": found})


@require_safe
@cache_control(no_store=True)
@requires(Right.AUDIT)
def change_timeline(request: PersonRequest, change: int) -> HttpResponse:
    """All that happened to one change, from its proposal to Segura's answers."""
    page = keyset.page(
        Event.objects.filter(change=change), order=("id",), cursor=request.GET.get("at", ""), size=_STEPS
    )
    if not page.rows:
        raise Http404(_("The log knows no change of this number."))
    _read(request, "change_timeline", change=change)
    here = reverse("audit:change_timeline", args=[change])
    context = {
        "change": change,
        "secret": next((row.entry.secret for row in page.rows if row.entry and row.entry.secret is not None), None),
        "rows": page.rows,
        "earlier": page.newer and f"{here}?{urlencode({'at': page.newer})}",
        "later": page.older and f"{here}?{urlencode({'at': page.older})}",
    }
    return render(request, "audit/change_timeline.html", context)


@require_GET
@cache_control(no_store=True)
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
    part = request.htmx and not request.htmx.history_restore_request
    template = "audit/events.html#log" if part else "audit/events.html"
    return render(request, template, {"form": form, **context}, status=status)


def _read(request: PersonRequest, view: str, **what: Any) -> None:
    record("audit.read", by=request.user.username, data={"view": view, **what})


def _address(name: str, asked: dict[str, str], cursor: str) -> str:
    """The page at the cursor under the same filters; '' where there is none."""
    return f"{reverse(name)}?{urlencode({**asked, 'at': cursor})}" if cursor else ""
