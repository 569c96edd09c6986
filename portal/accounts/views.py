"""Where a person lands."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.roles import Right, holders, rights_of

LANDING = {
    Right.DECIDE: "changes:queue",
    Right.PROPOSE: "changes:mine",
    Right.AUDIT: "audit:overview",
    Right.OPERATE: "changes:all",
}
"""First match wins: a decision somebody waits for comes before one's own work."""


@require_safe
@requires()
def home(request: PersonRequest) -> HttpResponse:
    """The page this person most likely came for; people without any right read whom to ask."""
    rights = rights_of(request.user)
    for right, landing in LANDING.items():
        if right in rights:
            return redirect(landing)
    return render(request, "accounts/home.html", {"administrators": holders(Right.OPERATE).order_by("username")})
