"""Where a person lands, and how the portal looks to them."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.context import THEMES
from portal.accounts.roles import Right, holders, rights_of

LANDING = {
    Right.DECIDE: "changes:queue",
    Right.PROPOSE: "changes:mine",
    Right.AUDIT: "audit:events",
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


@require_POST
def theme(request: HttpRequest) -> HttpResponseRedirect:
    """Remember light, dark or auto in this browser and go back to the page; foreign addresses lead home."""
    choice = request.POST.get("theme", "")
    if choice not in THEMES:
        raise BadRequest(_("The theme is light, dark or auto."))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(
        settings.THEME_COOKIE_NAME,
        choice,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
