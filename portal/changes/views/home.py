"""View of the start page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right, rights_of, users_with_right
from portal.changes.models import Change
from portal.changes.models.draft import Draft
from portal.changes.presenters import change_rows

LANDING = {
    Right.DECIDE: "changes:queue",
    Right.AUDIT: "audit:overview",
    Right.OPERATE: "operations:delivery",
}
"""Start pages of users who may not propose. The first match wins: a vote that another user waits for comes first."""
OPEN_SHOWN, ENDED_SHOWN, DRAFTS_SHOWN = 12, 6, 20


@require_safe
@require_rights()
def home(request: UserRequest) -> HttpResponse:
    """Show a requester's changes, redirect other users to their work, or name administrators if there is no right."""
    rights = rights_of(request.user)
    if Right.PROPOSE in rights:
        return _desk(request)
    for right, landing in LANDING.items():
        if right in rights:
            return redirect(landing)
    people = users_with_right(Right.OPERATE).order_by("username")
    return render(request, "accounts/no_right.html", {"administrators": people})


def _desk(request: UserRequest) -> HttpResponse:
    own = change_rows.with_row_data(Change.objects.proposed_by(request.user))
    under_way, ended = change_rows.build_row_lists(
        own.open().order_by("-id")[: OPEN_SHOWN + 1],
        own.ended().exclude(closed_at=None).order_by("-closed_at")[: ENDED_SHOWN + 1],
        reader=request.user,
    )
    context = {
        "open": under_way[:OPEN_SHOWN],
        "ended": ended[:ENDED_SHOWN],
        "drafts": Draft.objects.of(request.user).order_by("-updated_at")[:DRAFTS_SHOWN],
        "more": len(under_way) > OPEN_SHOWN or len(ended) > ENDED_SHOWN,
    }
    return render(request, "changes/home.html", context)
