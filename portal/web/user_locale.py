"""Language and time zone of pages, as the user chose them.

For a user without a chosen time zone, pages use the browser's, which timezone.js stores in a cookie.
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
    """Middleware after LocaleMiddleware: the user's own language precedes the browser's, on every host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user
        if not person.is_authenticated:
            with timezone.override(find_timezone(request.COOKIES.get(settings.ZONE_COOKIE_NAME, ""))):
                return self.get_response(request)
        if person.language:
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(get_user_timezone(person, told=request.COOKIES.get(settings.ZONE_COOKIE_NAME, ""))):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Show the audit log in UTC to every user, since it is evidence."""
        if request.resolver_match and request.resolver_match.app_name == "audit":
            timezone.activate(UTC)


def get_user_timezone(person: User, *, told: str = "") -> tzinfo:
    """Return the user's time zone; without one, the zone `told` by the browser; UTC if that is missing or unknown."""
    return find_timezone(person.time_zone or told)


def find_timezone(name: str) -> tzinfo:
    """Return the time zone of this name; UTC if it is missing or unknown."""
    return ZoneInfo(name) if name in _known() else UTC


@cache
def _known() -> frozenset[str]:
    """Return the time zones of this host. Only these are looked up, since a cookie may contain anything."""
    return frozenset(available_timezones())
