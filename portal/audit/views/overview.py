"""What a period came to, drawn and in numbers."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right
from portal.audit.charts import charts, spoken
from portal.audit.forms import PeriodForm
from portal.audit.overview import overview as seen_over
from portal.audit.reading import on_record
from portal.audit.standing import standing


@require_safe
@requires(Right.AUDIT)
def overview(request: PersonRequest) -> HttpResponse:
    """Answers, outcomes, waits and doubt over the period of the address."""
    form = PeriodForm(request.GET)
    context = {"form": form, "standing": standing()}
    if not form.is_valid():
        return render(request, "audit/overview.html", context, status=422)
    period = form.period()
    seen = seen_over(period)
    drawn = charts(seen)
    on_record(request, "overview", filters=form.asked())
    context |= {
        "period": period,
        "asked": form.asked(),
        "seen": seen,
        "lead": spoken(seen.whole.lead.median),
        "first_vote": spoken(seen.whole.first_vote.median),
        "charts": drawn,
        "outcomes": drawn[1],
    }
    return render(request, "audit/overview.html", context)
