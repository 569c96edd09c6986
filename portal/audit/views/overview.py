"""Page of the overview of a period: exceptions, numbers, charts, and the busiest secrets and requesters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.audit.forms import PeriodForm
from portal.audit.log_views import record_log_view
from portal.audit.period import log_url
from portal.audit.reports import charts
from portal.audit.reports.breakdown import load_breakdowns
from portal.audit.reports.overview import build_overview
from portal.audit.sealing.status import get_seal_status


@require_safe
@require_rights(Right.AUDIT)
def overview(request: UserRequest) -> HttpResponse:
    """Show exceptions, outcomes, waiting times and unknown outcomes in the period that the URL names."""
    form = PeriodForm(request.GET)
    context = {"form": form, "standing": get_seal_status()}
    if not form.is_valid():
        return render(request, "audit/overview.html", context, status=422)
    record_log_view(request, "overview", filters=form.asked())
    context |= {"asked": form.asked(), "query": urlencode(form.asked()), **_numbers(form)}
    return render(request, "audit/overview.html", context)


def _numbers(form: PeriodForm) -> dict[str, Any]:
    """Return what the page shows of the period; of the last days without those before the first event of the log."""
    seen = build_overview(form.period(), narrow="days" in form.asked())
    period = seen.whole.period
    if seen.is_empty:
        return {"seen": seen, "period": period}
    return {
        "seen": seen,
        "period": period,
        "exceptions": charts.build_exceptions(seen),
        "tiles": charts.build_tiles(seen),
        "waits": charts.build_waits(seen),
        "charts": charts.build_charts(seen),
        "tables": charts.build_breakdowns(*load_breakdowns(period), period),
        "in_doubt": seen.whole.outcomes["change.in_doubt"],
        "open_doubt_url": log_url({"only": "open_doubt"}),
    }
