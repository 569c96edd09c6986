"""Pages in the language and the time zone of the person who reads them, where they chose one.

Where they chose no time zone, pages take the one that zone.js has found in the browser and left in a cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from portal.accounts.models import User


class UserLocaleMiddleware:
    """Before it the browser has been asked for its language; a person's own choice comes first, on every machine."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user
        if not person.is_authenticated:
            return self.get_response(request)
        if person.language:
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(get_user_timezone(person, told=request.COOKIES.get(settings.ZONE_COOKIE_NAME, ""))):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """The log is evidence, and says UTC to everybody."""
        if request.resolver_match and request.resolver_match.app_name == "audit":
            timezone.activate(UTC)


def get_user_timezone(person: User, *, told: str = "") -> tzinfo:
    """The person's time zone; where they chose none, the one that the browser `told`, and UTC where that is none."""
    name = person.time_zone or told
    return ZoneInfo(name) if name in _known() else UTC


@cache
def _known() -> frozenset[str]:
    """What this machine knows; nothing else is looked for, since a cookie is a browser's to write."""
    return frozenset(available_timezones())
