"""View that sets the language of the portal for a user."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from portal.accounts.models import User


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Store the language in this browser and, for a signed-in user, in the account for emails and other browsers."""
    choice = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.user.is_authenticated and choice in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=choice)
    return set_language(request)
