"""Where a person lands, and in which language."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from portal.accounts.access import PersonRequest, requires
from portal.accounts.models import User
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


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Remember the language in this browser and, of whoever is signed in, for their mails and other browsers too."""
    choice = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.user.is_authenticated and choice in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=choice)
    return set_language(request)
