"""Middleware that closes the rights of a session without the second factor that its user's role needs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.accounts import roles
from portal.accounts.factors.requirement import is_factor_missing


class SecondFactorMiddleware:
    """Middleware after the one that reads the user. Views and navigation see a user without rights.

    `require_rights` then leads to the page of the second factor; this holds for code that only asks for rights.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_factor_missing(request):
            roles.suspend_rights(request.user)
        return self.get_response(request)
