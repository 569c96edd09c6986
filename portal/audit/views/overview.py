"""Page of the overview of a period, in charts and numbers."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.audit.forms import PeriodForm
from portal.audit.log_views import record_log_view
from portal.audit.period import log_url
from portal.audit.reports.charts import build_charts, build_tiles, format_duration
from portal.audit.reports.overview import build_overview as seen_over
from portal.audit.sealing.status import get_seal_status


@require_safe
@require_rights(Right.AUDIT)
def overview(request: UserRequest) -> HttpResponse:
    """Show responses, outcomes, waiting times and unknown outcomes in the period that the URL names."""
    form = PeriodForm(request.GET)
    context = {"form": form, "standing": get_seal_status()}
    if not form.is_valid():
        return render(request, "audit/overview.html", context, status=422)
    period = form.period()
    seen = seen_over(period)
    drawn = build_charts(seen)
    record_log_view(request, "overview", filters=form.asked())
    context |= {
        "period": period,
        "asked": form.asked(),
        "query": urlencode(form.asked()),
        "seen": seen,
        "lead": format_duration(seen.whole.lead.median),
        "first_vote": format_duration(seen.whole.first_vote.median),
        "charts": drawn,
        "tiles": build_tiles(seen),
        "in_doubt": seen.whole.outcomes["change.in_doubt"],
        "open_doubt_url": log_url({"only": "open_doubt"}),
    }
    return render(request, "audit/overview.html", context)
