"""Pages in the language and the time zone of the person who reads them, where they chose one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from portal.accounts.models import User


class PersonalMiddleware:
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
        with timezone.override(zone_of(person)):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """The log is evidence, and says UTC to everybody."""
        if request.resolver_match and request.resolver_match.app_name == "audit":
            timezone.activate(UTC)


def zone_of(person: User) -> tzinfo:
    """The person's time zone; UTC where they chose none, or one that this machine does not know any more."""
    try:
        return ZoneInfo(person.time_zone) if person.time_zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
