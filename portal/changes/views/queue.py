"""The queue of an approver, and the rules of risk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.changes.domain import risks
from portal.changes.forms.bulk import MOST, BulkVoteForm
from portal.changes.forms.decision import DecisionForms
from portal.changes.forms.filters import QueueFilterForm, QueueUpdateForm
from portal.changes.models import Change, Revision
from portal.changes.presenters import change_rows, queue_order, secret_insight
from portal.changes.presenters.base_check import BaseCheck
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.presenters.queue_updates import QueueUpdates
from portal.changes.presenters.secret_insight import ReuseWarning
from portal.changes.presenters.since_review import SinceReview, choose_since, find_reference, with_review
from portal.changes.signals import change_opened
from portal.changes.views import review_reads
from portal.common.parsing import parse_db_integer
from portal.web import keyset, saved_filters
from portal.web.htmx import fragment_name, retarget_response


@dataclass(frozen=True)
class QueuePanel:
    """The change beside the queue: one that waits for the reader, or one whose vote has just violated a rule.

    While an approver requests changes, `may_approve` and `may_request_changes` say what the reader may still do.
    """

    row: ChangeRow
    likeness: list[ReuseWarning]
    ballot: DecisionForms
    may_vote: bool = False
    may_approve: bool = False
    may_request_changes: bool = False
    refusal: dict[str, Any] = field(default_factory=dict)
    check: BaseCheck | None = None
    since: SinceReview | None = None


@require_safe
@require_rights(Right.DECIDE)
def queue(request: UserRequest) -> HttpResponse:
    """Show the changes that this user may decide, the longest waiting first.

    `open`: the change to show beside the list, or if it is no longer there the next one.
    """
    return show_queue(request, request.GET)


def show_queue(
    request: UserRequest, asked: QueryDict, *, panel: QueuePanel | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    """Render the queue as `asked` (see QueueFilterForm); `panel`, if given, replaces the panel of the selected change.

    `more`: a `bulk` form with errors, or the `report` of one that was carried out.
    """
    form = QueueFilterForm(asked)
    place = form.place
    waiting = Change.objects.awaiting_decision_by(request.user)
    found = with_review(change_rows.with_row_data(form.narrow(waiting)), request.user)
    page = keyset.paginate_by_keyset(found, order=form.order, cursor=place.get("at", ""), size=MOST)
    rows = change_rows.build_rows(page.rows, reader=request.user)
    selected = queue_order.row_or_next(form.opened, rows, form.order)
    if panel is None and selected is not None:
        if form.opened:  # without it the page shows the first change by itself
            change_opened.send(sender=Change, change_id=selected.change.pk, user=request.user)
        panel = _build_panel(request, selected, asked.get("since", ""))
    context = {
        "asked": place,
        "form": form,
        "page": page,
        "rows": rows,
        "panel": panel,
        "place": f"?{place.urlencode()}&" if place else "?",
        "reference": find_reference(panel.row.change) if panel else None,
        "following": _following(rows, panel, form.opened),
        "bulk": BulkVoteForm(request=request),
        "saved": saved_filters.load_saved_filters(request, "changes:queue", form.kept),
        "report": None,
        "news": QueueUpdates(timezone.now(), [row.change.pk for row in rows]),
        **more,
    }
    response = render(request, fragment_name(request, "changes/queue.html", "desk"), context, status=status)
    return retarget_response(response, "#desk") if request.htmx and status >= 400 else response


def _build_panel(request: UserRequest, selected: ChangeRow, since_asked: str) -> QueuePanel:
    """Return the panel of a change that waits for the reader; it starts the comparison with Segura."""
    likeness = secret_insight.find_reuse(selected.change, selected.revision, reader=request.user)
    check = BaseCheck(selected.change, selected.revision, selected.observed)
    since = choose_since(selected.change, _revisions_of(selected), since_asked)
    return QueuePanel(
        selected,
        likeness,
        DecisionForms(request=request, digest=selected.revision.digest, high_risk=selected.is_high_risk),
        may_vote=True,
        may_approve=not selected.base_changed,
        may_request_changes=True,
        check=review_reads.start_read(check, by=request.user),
        since=since,
    )


def place_of(request: HttpRequest) -> QueryDict:
    """Return the place in the queue that the reader came from, for the URLs of the page of a change."""
    return QueueFilterForm(request.POST if request.method == "POST" else request.GET).place


@require_safe
@require_rights(Right.DECIDE)
def next_change(request: UserRequest) -> HttpResponse:
    """Redirect to the change to decide after `after`, or before `before`, by the filters and the order of the queue.

    After the last one comes the first one; if no change waits for the user, the queue says so.
    """
    form = QueueFilterForm(request.GET)
    after, before = (parse_db_integer(request.GET.get(name, "")) or 0 for name in ("after", "before"))
    left = Change.objects.filter(pk=before or after).first()
    waiting = form.narrow(Change.objects.awaiting_decision_by(request.user)).exclude(pk=before or after)
    found = list(waiting.order_by(*form.order)[:MOST])
    order, place = form.order, form.place
    if before:
        found.reverse()
    chosen = queue_order.first_after(left, found, order, backwards=bool(before)) if left else next(iter(found), None)
    place.pop("open", None)
    if chosen is None:
        return redirect("changes:queue")
    page = reverse("changes:change", args=[chosen.pk])
    return HttpResponseRedirect(f"{page}?{place.urlencode()}" if place else page)


@require_safe
@require_rights()
def risk_rules(request: UserRequest) -> HttpResponse:
    """Show the rules that levels of risk are computed from, and when each applies."""
    context = {"rules": risks.RULES.values(), "high": risks.RiskLevel.HIGH, "medium": risks.RiskLevel.MEDIUM}
    return render(request, "changes/risk_rules.html", context)


@require_safe
@require_rights(Right.DECIDE)
def queue_updates(request: UserRequest) -> HttpResponse:
    """Return the updates of the queue since the page was rendered, or 204 if the page has all of them."""
    form, seen = QueueFilterForm(request.GET), QueueUpdateForm(request.GET)
    if not seen.is_valid():
        return HttpResponse(status=204)
    known = QueueUpdates(**seen.known)
    waiting = form.narrow(Change.objects.awaiting_decision_by(request.user))
    now = known.after(waiting)
    if now.told == known.told and not now.decided:
        return HttpResponse(status=204)
    context = {"asked": form.place, "news": now, "opened": form.opened}
    return render(request, "changes/_queue_updates.html", context)


def _revisions_of(row: ChangeRow) -> list[Revision]:
    """Return the revisions of a revised change; of one that was never revised only the one that is loaded."""
    if row.change.revision == 1:
        return [row.revision]
    return list(Revision.objects.filter(change=row.change.pk).defer("encrypted_secret"))


def _following(rows: list[ChangeRow], panel: QueuePanel | None, opened: int) -> int:
    """Return the id of the change to open after the one in the panel, 0 without a panel."""
    if panel is None:
        return 0
    numbers = [row.change.pk for row in rows]
    if panel.row.change.pk not in numbers:
        return opened
    return numbers[min(numbers.index(panel.row.change.pk) + 1, len(numbers) - 1)]
