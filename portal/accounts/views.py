"""In which language the portal speaks to a person."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from portal.accounts.models import User


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Remember the language in this browser and, of whoever is signed in, for their mails and other browsers too."""
    choice = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.user.is_authenticated and choice in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=choice)
    return set_language(request)
