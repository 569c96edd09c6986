"""Search over everything: a page, and the part of it that the search dialog shows."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right
from portal.audit.log_views import record_log_view
from portal.changes.presenters import search as results


@require_safe
@require_rights()
def search(request: UserRequest) -> HttpResponse:
    """Show the results for `q`; a reference such as CR-7 leads to its change at once, unless the dialog asks."""
    text = request.GET.get("q", "").replace("\0", "").strip()[: results.LONGEST]
    if text and roles.has_right(request.user, Right.AUDIT):
        record_log_view(request, "search", filters={"q": text})
    if request.htmx:
        return render(request, "changes/_search_results.html", _context(request, text))
    change_id = results.find_referenced_change(text, request.user) if text else None
    if change_id is not None:
        return redirect("changes:change", change_id)
    return render(request, "changes/search.html", _context(request, text))


def _context(request: UserRequest, text: str) -> dict[str, object]:
    groups = results.search_everything(text, request.user)
    return {"q": text, "found": groups, "count": sum(len(group.results) for group in groups)}
