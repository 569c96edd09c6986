"""Pages of the log, for users with the right to audit. They write nothing but the record of the view or export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.roles import Right
from portal.audit.exports import past_exports as exported
from portal.audit.exports.log_export import LogExport, record_export
from portal.audit.forms import LogFilterForm
from portal.audit.ledger import record_event
from portal.audit.log_views import record_log_view
from portal.audit.models import Event
from portal.audit.offline import verify_countersign
from portal.audit.reports.event_counts import count_events
from portal.audit.sealing import inclusion_proofs, merkle
from portal.audit.sealing.status import get_seal_status
from portal.audit.secret_names import load_secret_names
from portal.web import keyset, saved_filters

_ROWS = 50
_STEPS = 100
_TOLD = (*verify_countersign.PROPOSED, *verify_countersign.ENDS, "vote.cast", "delivery.intended", "delivery.answered")


@require_safe
@require_rights(Right.AUDIT)
def events(request: UserRequest) -> HttpResponse:
    """List the events that match the filters in the URL, newest first."""
    form = LogFilterForm(request.GET)
    if not form.is_valid():
        return _list(request, form, {}, status=422)
    filters = form.filters()
    found = Event.objects.matching(filters)
    page = keyset.paginate_by_keyset(found, order=("-id",), cursor=request.GET.get("at", ""), size=_ROWS)
    record_log_view(request, "events", filters=form.asked())
    context = {
        "rows": page.rows,
        "names": load_secret_names({row.secret for row in page.rows if row.secret is not None}),
        "counts": count_events(filters),
        "shown_address": _address(request.path, form.asked() | {"views": "all"}, ""),
        "newer": page.newer and _address(request.path, form.asked(), page.newer),
        "older": page.older and _address(request.path, form.asked(), page.older),
        "query": urlencode(form.asked()),
    }
    return _list(request, form, context)


@require_safe
@require_rights(Right.AUDIT)
def event(request: UserRequest, number: int) -> HttpResponse:
    """Show one event: every field, and the canonical text that is hashed."""
    found = get_object_or_404(Event, pk=number)
    record_log_view(request, "event", event=found.pk)
    return render(request, "audit/event.html", {"event": found, "standing": get_seal_status(), **_proof(found)})


@require_safe
@require_rights(Right.AUDIT)
def change_timeline(request: UserRequest, change: int) -> HttpResponse:
    """Show all events of one change, from its submission to Segura's responses."""
    page = keyset.paginate_by_keyset(
        Event.objects.filter(change=change), order=("id",), cursor=request.GET.get("at", ""), size=_STEPS
    )
    if not page.rows:
        raise Http404
    record_log_view(request, "change_timeline", change=change)
    context = {
        "change": change,
        "standing": get_seal_status(),
        "secret": next((row.entry.secret for row in page.rows if row.entry and row.entry.secret is not None), None),
        "rows": page.rows,
        "sentences": _change_sentences(change),
        "earlier": page.newer and _address(request.path, {}, page.newer),
        "later": page.older and _address(request.path, {}, page.older),
    }
    return render(request, "audit/change_timeline.html", context)


@require_safe
@require_rights(Right.AUDIT)
def exports(request: UserRequest) -> HttpResponse:
    """Show what an export with the filters in the URL would contain, and the user's own earlier exports."""
    past = exported.list_user_exports(request.user.username)
    if request.htmx:
        return render(request, "audit/exports.html#mine", {"past": past})
    form = LogFilterForm(request.GET)
    context = {"form": form, "past": past, "standing": get_seal_status()}
    if not form.is_valid():
        return render(request, "audit/exports.html", context, status=422)
    record_log_view(request, "exports", filters=form.asked())
    context |= {
        "size": exported.estimate_size(form.filters()),
        "query": urlencode(form.asked()),
        "hides_views": form.filters().hide_views,
    }
    return render(request, "audit/exports.html", context)


@require_GET
@require_rights(Right.AUDIT)
@limit_acts("export")
def export(request: UserRequest, kind: str) -> HttpResponseBase:
    """Stream the matching events as a file; the export is recorded before the first row is sent."""
    form = LogFilterForm(request.GET)
    if not form.is_valid():
        return _list(request, form, {}, status=422)
    file, size = LogExport(Event.objects.matching(form.filters()), kind), exported.estimate_size(form.filters())
    begun = record_event("audit.exported", by=request.user.username, data={"format": kind, "filters": form.asked()})
    name = f"audit-log-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"
    return StreamingHttpResponse(
        record_export(file, begun, by=request.user.username, all_rows=size.most if size.known else None),
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


def _change_sentences(change: int) -> list[str]:
    """Return what happened to the change, in the sentences that its evidence pack prints in English."""
    texts = Event.objects.filter(change=change, action__in=_TOLD).order_by("seq").values_list("text", flat=True)
    return verify_countersign.change_sentences([verify_countersign.parse_event(text) for text in texts], _)


def _proof(event: Event) -> dict[str, Any]:
    """Return the proof of an event that is sealed; `damaged` if the proof or the hash of the text does not match."""
    try:
        sealed = inclusion_proofs.prove_events([event.pk]).get(event.pk)
    except inclusion_proofs.MissingNode:
        return {"sealed": None, "damaged": True}
    whole = sealed is None or (sealed.holds and sealed.leaf_hash == merkle.leaf_hash(event.text.encode()))
    return {"sealed": sealed, "damaged": not whole}


def _list(request: UserRequest, form: LogFilterForm, context: dict[str, Any], status: int = 200) -> HttpResponse:
    part = bool(request.htmx)
    template = "audit/events.html#list" if part else "audit/events.html"
    seen = {} if part else {"chips": _chips(), "standing": get_seal_status(), "kept_days": settings.RETAIN_AUDIT_DAYS}
    kept = {"saved": saved_filters.load_saved_filters(request, "audit:events", form.asked())} if form.is_valid() else {}
    response = render(request, template, {"form": form, **seen, **kept, **context}, status=status)
    if part:
        # The URL in the address bar has only the filters that the user set, so that it can be copied.
        response["HX-Push-Url"] = _address(request.path, form.asked(), request.GET.get("at", ""))
    return response


def _chips() -> list[tuple[str, str]]:
    """Return the usual filters, as labels and query strings."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return [
        (_("Last 24 hours"), urlencode({"since": f"{yesterday:%Y-%m-%dT%H:%M}"})),
        (_("Failures"), urlencode({"kind": "failures"})),
        (_("Roles granted"), urlencode({"kind": "access.granted"})),
        (_("Sign-ins"), urlencode({"kind": "session"})),
    ]


def _address(path: str, asked: dict[str, str], cursor: str) -> str:
    """Return the URL of the page at the cursor, with these filters."""
    query = urlencode(asked | ({"at": cursor} if cursor else {}))
    return f"{path}?{query}" if query else path
