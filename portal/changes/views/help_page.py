"""Help: what Countersign does, the states of a change, risk rules, keyboard shortcuts, words, version."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.changes.domain import risks
from portal.changes.models import Status
from portal.changes.presenters.status_help import STATUS_HELP


@require_safe
@require_rights()
def help_page(request: UserRequest) -> HttpResponse:
    """Show the help."""
    context = {
        "states": [(status, status.label, STATUS_HELP[status]) for status in Status],
        "rules": risks.RULES.values(),
        "version": settings.VERSION,
    }
    return render(request, "changes/help.html", context)
