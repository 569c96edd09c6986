"""Refused pages, in the log: who wanted to go where, and what they were told."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from portal.audit.ledger import record

_RULE = "portal.refused"
_FORGED = "The form carried no valid token (CSRF)."


def because(request: HttpRequest, rule: str) -> None:
    """The rule that a view refuses this request by, where it makes the page itself instead of raising."""
    request.META[_RULE] = rule


class RefusalMiddleware:
    """Records each 403 of a person. Strangers are left out: a flood of theirs must not fill the log.

    Last in MIDDLEWARE, so that it hears the reason before Django turns it into a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403 and request.user.is_authenticated:
            rule = request.META.get(_RULE, _FORGED)
            record(
                "access.refused",
                by=request.user.username,
                data={"method": str(request.method), "path": request.path[:500], "rule": rule[:500]},
            )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the reason until the page is made."""
        if isinstance(exception, PermissionDenied):
            because(request, str(exception))
