"""View of the start page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.roles import Right, rights_of, users_with_right
from portal.changes.presenters import own_changes
from portal.identity.provider_accounts import find_provider_account

LANDING = {
    Right.DECIDE: "changes:queue",
    Right.AUDIT: "audit:overview",
    Right.OPERATE: "operations:delivery",
}
"""Start pages of users who may not propose. The first match wins: a vote that another user waits for comes first."""


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
    account = find_provider_account(request.user)
    return render(request, "accounts/no_right.html", {"administrators": people, "provider_account": account})


def _desk(request: UserRequest) -> HttpResponse:
    own = own_changes.load_own_changes(request.user)
    return render(request, "changes/home.html", {"own": own, "needs_you_count": own.waiting})
