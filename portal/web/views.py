"""View that sets the theme in a browser."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.web.context_processors import THEMES


@require_POST
def set_theme(request: HttpRequest) -> HttpResponseRedirect:
    """Store light, dark or auto in this browser and go back to the page; a URL of another host leads home."""
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
