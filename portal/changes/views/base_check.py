"""Views of the comparison of a pending change with Segura: its part of the page, and “Check now”."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.changes.views import review_reads
from portal.changes.views.change_page import open_change


@require_safe
@require_rights()
def base_check(request: UserRequest, change_id: int) -> HttpResponse:
    """Return the part of the queue's panel that shows the comparison, which it asks for while a read is awaited."""
    shown = open_change(request, change_id)
    context = {"check": shown.base_check, "change": shown.change, "row": shown.row, "polled": True}
    return render(request, "changes/_base_check.html", context)


@require_POST
@require_rights()
def check_base(request: UserRequest, change_id: int) -> HttpResponse:
    """Let a worker read the secret now, unless it was read within the last minute; then show the page again."""
    shown = open_change(request, change_id)
    if shown.may_vote and shown.base_check:
        review_reads.start_read(shown.base_check, by=request.user, asked=True)
    if request.POST.get("from") == "queue":
        return HttpResponseRedirect(f"{reverse('changes:queue')}?open={change_id}")
    return HttpResponseRedirect(reverse("changes:change", args=[change_id]))
